"""What differs between two versions of a table, for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from mlops_cli.reports.cells import plain_table, quoted, titled
from mlops_cli.reports.statistics import columns as column_tables
from mlops_cli.schemas.difference import ColumnChange, DifferenceResult
from mlops_cli.wording import counted

_TRANSITIONS, _COLUMNS, _EXAMPLES, _VALUES = 15, 20, 3, 2


def headline(result: DifferenceResult) -> str:
    """The difference in one sentence."""
    if not result.differ:
        same = counted(result.rows.after, "row")
        return f"No difference: {same} in {result.before} and {result.after}"
    rows = result.rows
    counts = {
        "added": rows.added,
        "removed": rows.removed,
        "changed": rows.changed,
        "relabelled": rows.relabelled,
    }
    told = [f"{count:,} {name}" for name, count in counts.items() if count]
    if result.columns:
        told.append(f"{counted(len(result.columns), 'column')} not the same")
    same = f"{counted(rows.unchanged, 'row')} unchanged"
    return f"{result.before} → {result.after}: {', '.join(told)}, {same}"


def tables(result: DifferenceResult) -> RenderableType:
    """Everything below the headline."""
    parts: list[RenderableType] = [_rows(result)]
    if result.columns:
        parts.append(titled("Columns", Text("\n".join(map(change, result.columns)))))
    if result.changed_columns:
        parts.append(_changed(result))
    if result.transitions:
        parts.append(_transitions(result))
    parts += _examples(result)
    if result.statistics:
        parts.append(column_tables(result.statistics))
    return Group(*parts)


def change(found: ColumnChange) -> str:
    """A changed column in words."""
    if found.change == "added":
        return f"+ {found.after} ({found.kind_after})"
    if found.change == "removed":
        return f"- {found.before} ({found.kind_before})"
    if found.change == "renamed":
        return f"{found.before} → {found.after}: renamed, by its values"
    return f"{found.before}: {found.kind_before} → {found.kind_after}"


def _rows(result: DifferenceResult) -> Group:
    rows = result.rows
    table = plain_table(("",), ("rows",))
    table.add_row(f"before: {result.before}", f"{rows.before:,}")
    table.add_row(f"after: {result.after}", f"{rows.after:,}")
    table.add_row("unchanged", f"{rows.unchanged:,}")
    table.add_row(Text("added", style="green"), f"{rows.added:,}")
    table.add_row(Text("removed", style="red"), f"{rows.removed:,}")
    if rows.changed is not None:
        table.add_row(Text("changed", style="yellow"), f"{rows.changed:,}")
    if result.label is not None:
        table.add_row(Text("relabelled", style="yellow"), f"{rows.relabelled:,}")
    by = ", ".join(result.key) or "whole rows"
    return titled(f"Rows, matched by {by}", table)


def _changed(result: DifferenceResult) -> Group:
    table = plain_table(("column",), ("rows",))
    table.add_column("for example", overflow="fold")
    for column in result.changed_columns[:_COLUMNS]:
        shown = (f"{_value(old)} → {_value(new)}" for old, new in column.examples[:_VALUES])
        table.add_row(Text(column.name), f"{column.rows:,}", Text("; ".join(shown)))
    return titled("Changed columns", table)


def _transitions(result: DifferenceResult) -> Group:
    table = plain_table((f"{result.label} before", "after"), ("rows",))
    for one in result.transitions[:_TRANSITIONS]:
        table.add_row(Text(_value(one.before)), Text(_value(one.after)), f"{one.rows:,}")
    more = len(result.transitions) - _TRANSITIONS
    title = "Relabelled" + (f": the most frequent; {more:,} more" if more > 0 else "")
    return titled(title, table)


def _examples(result: DifferenceResult) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for sign, style, rows in (
        ("+", "green", result.examples.added),
        ("-", "red", result.examples.removed),
        ("~", "yellow", result.examples.relabelled),
    ):
        lines += [Text(f"{sign} {_row(row, result.key)}", style=style) for row in rows[:_EXAMPLES]]
    return [titled("Some rows", Group(*lines))] if lines else []


def _row(row: dict[str, str | None], key: Sequence[str]) -> str:
    """A row on one line, its key first."""
    names = sorted(row, key=lambda name: name not in key)
    return ", ".join(f"{name}={_value(row[name])}" for name in names if row[name] is not None)


def _value(value: str | None) -> str:
    return "—" if value is None else quoted(value)
