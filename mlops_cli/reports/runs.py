"""Runs for people: lists and tables on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.runs import RunList, RunRow
from mlops_cli.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {
    "finished": "green",
    "running": "cyan",
    "failed": "red",
    "killed": "red",
    "damaged": "red",
    "interrupted": "yellow",
}
_MOST_STYLED = 500
"""Longer tables are laid out by us: rich measures every cell several times."""
_LEAST_TYPED = 24
"""Characters that what was typed needs to be of any use."""
_TIMES = ("started", "ended", "resumed")


def headline(found: RunList) -> str:
    """How many runs there are, match and are shown."""
    if not found.total:
        return "No runs yet"
    said = f"{found.matching:,} of {found.total:,} runs"
    if found.matching == found.total:
        said = counted(found.total, "run")
    shown = len(found.runs)
    return f"{said}, the first {shown} shown" if shown < found.matching else said


def next_step(found: RunList) -> str:
    """What a person types after a list."""
    if not found.total:
        return "mlops train"
    if not found.runs:
        return "mlops runs list"
    if len(found.runs) > 1:
        return f"mlops runs compare {found.runs[0].run} {found.runs[1].run}"
    return f"mlops runs show {found.runs[0].run}"


def table(found: RunList, *, width: int) -> "RenderableType | str":
    """The list: a run a line. What was typed is left out where there is no room for it.

    Args:
        found: The list.
        width: Characters of a line.
    """
    headings = ["run", "status", *found.columns, "typed"]
    cells = [_cells(row, found) for row in found.runs]
    if len(found.runs) > _MOST_STYLED:
        return _plain_table(headings, cells)
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    if sum(widths[:-1]) + len(widths) + _LEAST_TYPED > width:
        headings, cells = headings[:-1], [row[:-1] for row in cells]
    from rich.table import Table
    from rich.text import Text

    styled = Table(box=None, pad_edge=False, header_style="dim")
    for heading, numeric in zip(headings, _numeric(found), strict=False):
        # An id that is cut short is of no use; what was typed may take several lines.
        styled.add_column(
            heading,
            justify="right" if numeric else "left",
            overflow="fold" if heading in ("run", "typed") else "ellipsis",
            no_wrap=heading not in ("run", "typed"),
            min_width=widths[0] if heading == "run" else None,
        )
    for run, status, *rest in cells:
        styled.add_row(
            Text(run), Text(status, _STYLES.get(status, "")), *(Text(cell) for cell in rest)
        )
    return styled


def value(content: Any, name: str = "") -> str:
    """A value as tables show it: four digits, times to the second, nothing as a dash."""
    if content is None:
        return "-"
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, float):
        return f"{content:.4g}"
    if name in _TIMES:
        return str(content)[:19].replace("T", " ")
    if isinstance(content, dict | list):
        return ", ".join(f"{key}" for key in content) or "-"
    return str(content)


def _numeric(found: RunList) -> list[bool]:
    columns = [
        any(isinstance(row.values[column], int | float) for row in found.runs)
        for column in found.columns
    ]
    return [False, False, *columns, False]


def _cells(row: RunRow, found: RunList) -> list[str]:
    cells = []
    for column in found.columns:
        best = column in found.best and row.values[column] == found.best[column]
        # The space keeps the digits of one column below each other.
        star = ("*" if best else " ") if column in found.best else ""
        cells.append(value(row.values[column], column) + star)
    return [row.run, row.status, *cells, " ".join(row.overrides)]


def _plain_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headings, *rows]
    )
    return "\n".join(lines)
