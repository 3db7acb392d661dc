"""Slices of an evaluation as a table, wherever it is shown."""

from collections.abc import Sequence

from mlops_cli.reports.cells import quoted
from mlops_cli.schemas.results import SliceRow

WORDS = 2
"""Columns of the table, from the left, that hold words."""
_MOST = 10
"""Slices in a table; the file of the evaluation has them all."""
_NAME, _VALUE = 20, 30
"""Characters of a column and of what is in it."""


def title(rows: Sequence[SliceRow], split: str = "", *, of: int | None = None) -> str:
    """What the table shows.

    Args:
        rows: Those that there is a table of.
        split: Where they are from; empty where that is said elsewhere.
        of: How many there are; all of `rows` without it.
    """
    where, whole = f" of {split}" if split else "", of or len(rows)
    shown = min(len(rows), _MOST)
    return f"Slices{where} (the worst first{f', {shown} of {whole}' if shown < whole else ''})"


def telling(rows: Sequence[SliceRow]) -> list[SliceRow]:
    """The slices that a person wants to know of: the worse ones, and those that were asked for."""
    return [row for row in rows if row.worse or row.asked]


def table(rows: Sequence[SliceRow]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the first slices.

    Args:
        rows: At least one slice.
    """
    headings = ["slice by", "of", "rows", rows[0].metric, "by chance", ""]
    return headings, [_cells(row) for row in rows[:_MOST]]


def _cells(row: SliceRow) -> list[str]:
    known = row.chance_low is not None and row.chance_high is not None
    return [
        quoted(row.by, _NAME),
        quoted(row.value, _VALUE),
        f"{row.rows:,}",
        f"{row.figure:.4g}",
        f"{row.chance_low:.4g} to {row.chance_high:.4g}" if known else "",
        "worse" if row.worse else "",
    ]
