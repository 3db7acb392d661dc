"""What is wrong with the data, for the terminal."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.validation import Anomaly, ValidationResult
from mlops_cli.wording import counted

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_SHOWN = 3
"""Examples of each fault; the JSON has all."""


def headline(result: ValidationResult) -> str:
    """How much was looked at and how much is wrong, in one sentence."""
    rows = ", ".join(f"{name} {counted(count, 'row')}" for name, count in result.rows.items())
    counts = {"error": result.errors, "warning": result.warnings, "note": result.infos}
    found = ", ".join(
        f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count
    )
    return f"Validated {result.data} ({rows}): {found or 'nothing wrong'}"


def anomalies(result: ValidationResult) -> RenderableType:
    """Every fault with examples and what to do."""
    parts: list[RenderableType] = []
    for one in result.anomalies:
        title = Text.assemble(
            (f"{one.severity:<7} ", _STYLES[one.severity]),
            (one.name, "bold"),
            (f"  {_place(one)}", "dim"),
            (f"  {one.count:,} ({_share(one.share)})", "dim"),
        )
        parts += ["", title, Padding(_details(one), (0, 0, 0, 8))]
    if result.schema is None:
        parts += ["", Text("no schema: types and ranges are not checked (data.schema)", "dim")]
    return Group(*parts)


def _place(one: Anomaly) -> str:
    return f"{one.split}, column {one.column}" if one.column else one.split


def _share(share: float) -> str:
    return "less than 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"


def _details(one: Anomaly) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for example in one.examples[:_SHOWN]:
        rows = ", ".join(map(str, example.rows))
        # What can't be seen is shown as a code.
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in example.value)
        table.add_row(rows, Text(shown))
    lines: list[RenderableType] = [Text(one.message)]
    if one.examples:
        lines.append(table)
    return Group(*lines, Text.assemble(("fix: ", "dim"), one.fix))
