"""Predictions for the terminal: bars for one text, a table for several, figures for a file."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.results import FilePredictResult, TextPrediction

_BAR = 30
_SHORT = 100


def texts(predictions: list[TextPrediction]) -> RenderableType:
    """The answers to texts."""
    one = predictions[0]
    return _bars(one) if len(predictions) == 1 and one.scores else _rows(predictions)


def headline(predictions: list[TextPrediction], threshold: float) -> str:
    """The answers in one sentence."""
    if len(predictions) > 1:
        return f"Predicted {len(predictions):,} texts"
    label, score = predictions[0].label, predictions[0].score
    if label is None:
        return f"No label: the best score {score:.4f} is below {threshold:g}"
    return f"{label} ({score:.4f})"


def file(result: FilePredictResult) -> RenderableType:
    """How often each label was given, and the metrics where the labels were known."""
    parts: list[RenderableType] = []
    counts = Table(box=None, pad_edge=False)
    for heading in ("label", "rows", "share"):
        counts.add_column(heading, justify="left" if heading == "label" else "right")
    for label, count in list(result.labels.items())[:_BAR]:
        counts.add_row(Text(label), f"{count:,}", f"{count / result.rows:.1%}")
    if result.abstained:
        share = f"{result.abstained / result.rows:.1%}"
        counts.add_row(Text("no label", style="dim"), f"{result.abstained:,}", share)
    parts.append(counts)
    if result.metrics is not None:
        parts.append(Text(f"Against the labels of {result.labelled:,} rows", style="bold"))
        metrics = Table(box=None, pad_edge=False, show_header=False)
        for name, value in result.metrics.items():
            metrics.add_row(name, f"{value:.4f}")
        parts.append(metrics)
    return Group(*parts)


def _bars(answer: TextPrediction) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, score in answer.scores.items():
        bar = ProgressBar(total=1.0, completed=score, width=_BAR)
        table.add_row(Text(label), f"{score:.4f}", bar)
    return table


def _rows(predictions: list[TextPrediction]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("label")
    table.add_column("score", justify="right")
    table.add_column("text", overflow="fold")
    for answer in predictions:
        score = "" if answer.score is None else f"{answer.score:.4f}"
        line = " ".join(answer.text[: 4 * _SHORT].split())[:_SHORT]
        shown = "".join(sign if sign.isprintable() else "�" for sign in line)
        table.add_row(Text(answer.label or "—"), score, Text(shown))
    return table
