"""An export for the terminal: how well it agrees, and every graph's figures."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.results import ExportResult, GraphFigures


def summary(result: ExportResult) -> RenderableType:
    """The figures of the graph that answers; those of all where there are several.

    What is in brackets was made and not kept.
    """
    words = Text(
        f"largest logit difference {result.max_logit_difference:.2g}, "
        f"label agreement {result.label_agreement:.2%},\n"
        f"{result.monitor} {result.metric_onnx:.4f} (PyTorch {result.metric_pytorch:.4f})\n"
    )
    place = Text(f"{result.path} ({result.megabytes:g} MB)", overflow="fold", no_wrap=True)
    words.rstrip()
    if len(result.graphs) == 1:
        return Group(words, place)
    return Group(words, _graphs(result.graphs, result.monitor, {result.preferred: "✓"}), place)


def refused(figures: Sequence[GraphFigures], monitor: str) -> RenderableType:
    """The figures of all graphs of an export that was refused; those that differ are in brackets.

    Args:
        figures: Of each graph.
        monitor: The metric in them.
    """
    return _graphs(figures, monitor, {})


def _graphs(figures: Sequence[GraphFigures], monitor: str, marks: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("", "graph", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("MB", "ms", "rows/s", "± logit", "labels", monitor, "loss"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(
            marks.get(one.name, "") if one.kept else "",
            one.name,
            one.kind if one.kept else f"({one.kind})",
            f"{one.megabytes:.1f}",
            f"{one.latency_ms:.2f}",
            f"{one.rows_per_second:,.0f}",
            f"{one.max_logit_difference:.2g}",
            f"{one.label_agreement:.2%}",
            f"{one.metric:.4f}",
            f"{one.metric_loss + 0.0:.4f}",
            style="" if one.kept else "dim",
        )
    return table
