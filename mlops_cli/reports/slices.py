"""Slices of an evaluation as the cells of a table, wherever it is shown."""

from collections.abc import Sequence

from mlops_cli.schemas.results import SliceRow

WORDS = ("slice by", "of", "metric")
FIGURES = ("rows", "value", "difference", "by chance", "")
HEADINGS = (*WORDS, *FIGURES)
MOST = 10
"""Slices in a table; the file of the evaluation has them all."""


def title(rows: Sequence[SliceRow], split: str = "") -> str:
    """What a table of the first `MOST` shows."""
    of = f" of {split}" if split else ""
    left = f", {MOST} of {len(rows)}" if len(rows) > MOST else ""
    return f"Slices{of} (the worst first{left})"


def cells(row: SliceRow) -> list[str]:
    """A slice, in the order of `HEADINGS`."""
    known = row.chance_low is not None and row.chance_high is not None
    return [
        row.by,
        row.value,
        row.metric,
        f"{row.rows:,}",
        f"{row.figure:.4g}",
        f"{row.difference:+.4g}",
        f"{row.chance_low:.4g} to {row.chance_high:.4g}" if known else "",
        "worse" if row.worse else "",
    ]
