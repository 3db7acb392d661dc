"""Predictions for the terminal: bars for one text, a table for several, figures for a file."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.predictions import Answered, FilePredictResult, LabelsPrediction
from mlops_cli.wording import counted

_BAR = 30
_SHORT = 100


def texts(predictions: list[Answered]) -> RenderableType:
    """The answers to texts."""
    one = predictions[0].answer
    scores = one.cells().get("scores")
    if len(predictions) == 1 and scores:
        return _bars(scores)
    return _rows(predictions)


def headline(predictions: list[Answered], threshold: float) -> str:
    """The answers in one sentence."""
    if len(predictions) > 1:
        what = "image" if "image" in predictions[0].inputs else "text"
        return f"Predicted {counted(len(predictions), what)}"
    answer = predictions[0].answer
    if isinstance(answer, LabelsPrediction):
        return ", ".join(answer.labels) or "No label"
    score = answer.cells().get("score")
    if not answer.words:
        return (
            f"No label: the best score {score:.4f} is below {threshold:g}" if score else "Nothing"
        )
    return answer.words if score is None else f"{answer.words} ({score:.4f})"


def file(result: FilePredictResult) -> RenderableType:
    """How often each label was given, and the metrics where the labels were known."""
    parts: list[RenderableType] = []
    if result.labels or result.abstained:
        parts.append(_counts(result))
    if result.metrics is not None:
        parts.append(Text(f"Against the labels of {counted(result.labelled, 'row')}", style="bold"))
        metrics = Table(box=None, pad_edge=False, show_header=False)
        for name, value in result.metrics.items():
            metrics.add_row(name, f"{value:.4f}")
        parts.append(metrics)
    return Group(*parts)


def _counts(result: FilePredictResult) -> Table:
    counts = Table(box=None, pad_edge=False)
    for heading in ("label", "rows", "share"):
        counts.add_column(heading, justify="left" if heading == "label" else "right")
    for label, count in list(result.labels.items())[:_BAR]:
        counts.add_row(Text(label), f"{count:,}", f"{count / result.rows:.1%}")
    if result.abstained:
        share = f"{result.abstained / result.rows:.1%}"
        counts.add_row(Text("no label", style="dim"), f"{result.abstained:,}", share)
    return counts


def _bars(scores: dict[str, float]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, score in scores.items():
        bar = ProgressBar(total=1.0, completed=score, width=_BAR)
        table.add_row(Text(label), f"{score:.4f}", bar)
    return table


def _rows(predictions: list[Answered]) -> Table:
    table = Table(box=None, pad_edge=False)
    scored = any("score" in one.answer.cells() for one in predictions)
    table.add_column("label" if scored else "answer")
    if scored:
        table.add_column("score", justify="right")
    table.add_column("text", overflow="fold")
    for one in predictions:
        score = one.answer.cells().get("score")
        whole = " | ".join(one.inputs.values())
        line = " ".join(whole[: 4 * _SHORT].split())[:_SHORT]
        shown = "".join(sign if sign.isprintable() else "�" for sign in line)
        cells = ["" if score is None else f"{score:.4f}"] if scored else []
        table.add_row(Text(one.answer.words or "—"), *cells, Text(shown))
    return table
