"""Pictures of an evaluation, as PNG files; drawn without a display."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mlops_cli.reports.figures import drawing
from mlops_cli.schemas.results import ClassRow
from mlops_cli.tasks.heads.classification_metrics import Calibration

_BLUE, _ORANGE = "#3b6fb6", "#d9803b"
_NUMBERED, _NAMED = 20, 60
"""Up to so many classes, the confusion matrix shows its counts, and its class names."""
_POINTS = 2000
"""Up to so many points are drawn one by one."""


def confusion(path: Path, matrix: NDArray[np.int64], labels: Sequence[str]) -> None:
    """The confusion matrix: true class by row, coloured by its share of the row."""
    classes = len(labels)
    side = min(3.5 + 0.45 * classes, 18)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with drawing(path, side + 1, side) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="share of the true class")
        axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
        if classes <= _NAMED:
            names = [label if len(label) <= 24 else label[:23] + "…" for label in labels]
            axes.set_xticks(range(classes), names, rotation=45, ha="right")
            axes.set_yticks(range(classes), names)
        if classes <= _NUMBERED:
            for (row, column), count in np.ndenumerate(matrix):
                color = "white" if share[row, column] > 0.6 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=color)


def reliability(path: Path, found: Calibration) -> None:
    """Accuracy by confidence, over how many rows have that confidence."""
    bins = len(found.count)
    left = np.arange(bins) / bins
    with drawing(path, 5.5, 6) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        full = found.count > 0
        upper.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfectly calibrated")
        upper.bar(left[full], found.accuracy[full], 1 / bins, align="edge", color=_BLUE, alpha=0.6)
        upper.plot(found.confidence[full], found.accuracy[full], "o", color=_BLUE, label="model")
        upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
        upper.set_title(f"Reliability (calibration error {found.error():.3f})")
        upper.legend(loc="upper left")
        lower.bar(left, found.count, 1 / bins, align="edge", color=_ORANGE)
        lower.set(xlabel="confidence", ylabel="rows")


def scatter(path: Path, predicted: NDArray[np.float64], true: NDArray[np.float64]) -> None:
    """Predicted against true numbers; many points are counted in cells."""
    low = float(min(predicted.min(), true.min()))
    high = float(max(predicted.max(), true.max()))
    with drawing(path, 5.5, 5.5) as figure:
        axes = figure.add_subplot()
        axes.plot([low, high], [low, high], color="grey", linestyle="--", label="right")
        if len(true) > _POINTS:
            cells = axes.hexbin(true, predicted, gridsize=50, bins="log", cmap="Blues", mincnt=1)
            figure.colorbar(cells, ax=axes, label="rows")
        else:
            axes.scatter(true, predicted, s=12, alpha=0.5, color=_BLUE, label="rows")
        axes.set(xlabel="true", ylabel="predicted", title="Predicted against true")
        axes.legend(loc="upper left")


def errors(path: Path, errors: NDArray[np.float64]) -> None:
    """How often each size of error occurs."""
    with drawing(path, 5.5, 4) as figure:
        axes = figure.add_subplot()
        axes.hist(errors, bins=40, color=_BLUE, alpha=0.8)
        axes.axvline(0, color="grey", linestyle="--")
        half = np.median(np.abs(errors))
        title = f"Errors (mean {errors.mean():.4g}, half of them below {half:.4g})"
        axes.set(xlabel="predicted - true", ylabel="rows", title=title)


def label_scores(path: Path, rows: Sequence[ClassRow]) -> None:
    """F1 of each label, the best on top; of many labels, the most frequent."""
    frequent = sorted(rows, key=lambda row: -row.support)[:_NAMED]
    shown = sorted(frequent, key=lambda row: row.f1)
    names = [f"{row.label[:30]} ({row.support})" for row in shown]
    with drawing(path, 7, 1.5 + 0.25 * len(shown)) as figure:
        axes = figure.add_subplot()
        axes.barh(range(len(shown)), [row.f1 for row in shown], color=_BLUE, label="F1")
        for name, sign in (("precision", "<"), ("recall", ">")):
            values = [getattr(row, name) for row in shown]
            axes.plot(values, range(len(shown)), sign, color=_ORANGE, label=name)
        axes.set_yticks(range(len(shown)), names)
        axes.set(xlim=(0, 1), title="Labels, with the rows that have them")
        axes.legend(loc="lower right")


def curves(path: Path, lines: Iterable[dict[str, Any]], metrics: Sequence[str]) -> None:
    """Losses and validation metrics over the steps of a training.

    Args:
        path: Where the picture goes.
        lines: The run's metric lines, in order.
        metrics: The validation metrics to draw, beside the losses.
    """
    series: dict[str, tuple[list[float], list[float]]] = {}
    for line in lines:
        for name, value in line.items():
            if name not in ("step", "epoch", "time") and isinstance(value, int | float):
                steps, values = series.setdefault(name, ([], []))
                steps.append(line["step"])
                values.append(value)
    losses = [name for name in series if name.rpartition("/")[2] in ("loss", "log_loss")]
    wanted = [name for metric in metrics if (name := f"val/{metric}") in series]
    with drawing(path, 10, 4) as figure:
        left, right = figure.subplots(1, 2)
        _lines(left, "Loss", series, losses)
        _lines(right, "Validation", series, wanted)


def _lines(
    axes: Axes, title: str, series: dict[str, tuple[list[float], list[float]]], names: list[str]
) -> None:
    for name in names:
        steps, values = series[name]
        # A training curve has many points, a validation curve few that should be seen.
        axes.plot(steps, values, marker="o" if len(steps) < 40 else None, ms=3, label=name)
    axes.set(title=title, xlabel="step")
    axes.grid(alpha=0.3)
    if names:
        axes.legend()
