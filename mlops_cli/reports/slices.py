"""Slices of an evaluation as a table, wherever it is shown."""

from collections import Counter
from collections.abc import Sequence

from mlops_cli.schemas.results import SliceRow

WORDS = 2
"""Columns of the table, from the left, that hold words."""
_MOST = 10
"""Slices in a table; the file of the evaluation has them all."""


def title(rows: Sequence[SliceRow], split: str = "") -> str:
    """What the table shows."""
    of = f" of {split}" if split else ""
    left = f", {_MOST} of {len(rows)}" if len(rows) > _MOST else ""
    return f"Slices{of} (the worst first{left})"


def table(rows: Sequence[SliceRow]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the first slices.

    Args:
        rows: At least one slice.
    """
    metric = Counter(row.metric for row in rows).most_common(1)[0][0]
    headings = ["slice by", "of", "rows", metric, "difference", "by chance", ""]
    return headings, [_cells(row, metric) for row in rows[:_MOST]]


def _cells(row: SliceRow, metric: str) -> list[str]:
    """One slice; its metric is named where it is another one than the table tells."""
    known = row.chance_low is not None and row.chance_high is not None
    return [
        row.by,
        row.value,
        f"{row.rows:,}",
        ("" if row.metric == metric else f"{row.metric} ") + f"{row.figure:.4g}",
        f"{row.difference:+.4g}",
        f"{row.chance_low:.4g} to {row.chance_high:.4g}" if known else "",
        "worse" if row.worse else "",
    ]
