"""An evaluation as tables for the terminal."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.gates import explain
from mlops_cli.reports import slices
from mlops_cli.reports.cells import plain_table
from mlops_cli.schemas.results import EvaluationResult
from mlops_cli.wording import counted

_CLASSES, _CONFUSION, _MISTAKES = 30, 12, 10
"""Most classes in the table of classes, in the confusion matrix, and mistakes shown."""
_WIDTH = 60
"""Characters that the class names above the confusion matrix may take."""


def headline(result: EvaluationResult) -> str:
    """The main figures in one sentence, the last beside that of the simple models."""
    names = [name for name in dict.fromkeys((result.monitor, result.baseline_metric)) if name]
    figures = ", ".join(f"{name} {result.metrics[name]:.4f}" for name in names)
    beside = ", ".join(
        f"{name.replace('_', ' ')} {value:.4f}" for name, value in result.baselines.items()
    )
    beside = f" ({beside})" if beside else ""
    rows = counted(result.rows, "row")
    return f"Evaluated {result.run} on {result.split}, {rows}: {figures}{beside}"


def evaluation(result: EvaluationResult) -> RenderableType:
    """Everything below the headline."""
    parts: list[RenderableType] = [_metrics(result)]
    if result.classes:
        parts.append(_classes(result))
    if result.confusion:
        parts.append(_confusion(result))
    if result.slices:
        parts.append(_slices(result))
    if result.mistakes:
        parts.append(_mistakes(result))
    if result.gates:
        parts.append(_gates(result))
    if result.truncated:
        texts = counted(result.truncated, "text is", "texts are")
        parts += ["", Text(f"{texts} longer than the model takes: cut")]
    return Group(*parts, "", _paths(result), "")


def _titled(title: str, table: Table) -> Group:
    """A table under a heading of its own, which is as wide as it needs to be."""
    return Group("", Text(title, style="bold"), table)


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="dim")


def _metrics(result: EvaluationResult) -> Group:
    """The metrics in two columns of names and values."""
    table = _table()
    for heading in ("", "value", "", "value"):
        table.add_column(heading, justify="right" if heading else "left")
    cells = [(name, f"{value:.4f}") for name, value in result.metrics.items()]
    half = (len(cells) + 1) // 2
    for row in range(half):
        other = cells[row + half] if row + half < len(cells) else ("", "")
        table.add_row(*cells[row], *other)
    return _titled("Metrics", table)


def _classes(result: EvaluationResult) -> Group:
    """Each class's figures; of many classes, those with the lowest F1."""
    rows, title = result.classes, "Classes"
    if len(rows) > _CLASSES:
        rows = sorted(rows, key=lambda row: row.f1)[:_CLASSES]
        title = f"Classes: the {_CLASSES} with the lowest F1 of {len(result.classes)}"
    table = _table()
    table.add_column("label")
    for heading in ("precision", "recall", "f1", "support"):
        table.add_column(heading, justify="right")
    for row in rows:
        figures = (f"{row.precision:.4f}", f"{row.recall:.4f}", f"{row.f1:.4f}")
        table.add_row(Text(row.label), *figures, f"{row.support:,}")
    return _titled(title, table)


def _confusion(result: EvaluationResult) -> Group:
    """The confusion matrix; of many classes, those with the most mistakes."""
    labels, matrix = result.confusion_labels, result.confusion
    shown, title = list(range(len(labels))), "Confusion matrix: true class by row"
    if len(labels) > _CONFUSION:
        wrong = [sum(matrix[c]) + sum(row[c] for row in matrix) - 2 * matrix[c][c] for c in shown]
        shown = sorted(sorted(shown, key=lambda c: -wrong[c])[:_CONFUSION])
        title += f"; the {_CONFUSION} classes with the most mistakes of {len(labels)}"
    # Names that would not fit side by side are numbered.
    numbered = sum(len(labels[c]) + 2 for c in shown) > _WIDTH
    table = _table()
    table.add_column("true \\ predicted")
    for column in shown:
        table.add_column(Text(str(column) if numbered else labels[column]), justify="right")
    for row in shown:
        counts = (
            Text(f"{matrix[row][column]:,}", style="bold" if row == column else "")
            for column in shown
        )
        table.add_row(Text(f"{row} {labels[row]}" if numbered else labels[row]), *counts)
    return _titled(title, table)


def _slices(result: EvaluationResult) -> Group:
    """The slices that are worse than by chance, and those that were asked for."""
    shown, count = slices.telling(result.slices), len(result.slices)
    if not shown:
        none = f"none of {count} is" if count > 1 else "the only one is not"
        return Group("", Text(f"Slices: {none} worse than chance explains"))
    headings, rows = slices.table(shown)
    table = plain_table(headings[: slices.WORDS], headings[slices.WORDS :])
    for cells in rows:
        table.add_row(*map(Text, cells))
    return _titled(slices.title(shown, of=count), table)


def _mistakes(result: EvaluationResult) -> Group:
    table = _table()
    table.add_column("row", justify="right")
    table.add_column("label")
    table.add_column("predicted")
    off = "error" if any(one.error is not None for one in result.mistakes) else "confidence"
    table.add_column(off, justify="right")
    table.add_column("text", overflow="fold")
    for one in result.mistakes[:_MISTAKES]:
        figure = one.confidence if one.error is None else one.error
        shown = "" if figure is None else f"{figure:.4f}"
        words = (Text(one.label), Text(one.predicted), shown, Text(one.text))
        table.add_row(str(one.row), *words)
    return _titled("Worst mistakes", table)


def _gates(result: EvaluationResult) -> Group:
    table = _table()
    for heading in ("", "metric", "value", "condition"):
        table.add_column(heading)
    for gate in result.gates:
        sign = Text("✓", style="green") if gate.passed else Text("✗", style="bold red")
        table.add_row(sign, gate.metric, f"{gate.value:.4f}", Text(explain(gate)))
    return _titled("Gates", table)


def _paths(result: EvaluationResult) -> Text:
    """The files, one a line, as a person in this folder would type them."""
    here = Path.cwd()
    paths = (result.path, *result.files)
    lines = (str(p.relative_to(here) if p.is_relative_to(here) else p) for p in paths)
    return Text("\n".join(lines), style="dim", no_wrap=True, overflow="ignore")
