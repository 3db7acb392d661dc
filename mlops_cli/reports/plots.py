"""Pictures of an evaluation, as PNG files; drawn without a display."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlops_cli.tasks.classification import Calibration

_BLUE, _ORANGE = "#3b6fb6", "#d9803b"
_NUMBERED, _NAMED = 20, 60
"""Up to so many classes, the confusion matrix shows its counts, and its class names."""
_WIDE_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "NanumGothic",
    "Malgun Gothic",
    "Microsoft YaHei",
    "Apple SD Gothic Neo",
    "Hiragino Sans",
    "Arial Unicode MS",
)
"""Fonts for labels that matplotlib's own can't write; those that are installed are used."""


def confusion(path: Path, matrix: NDArray[np.int64], labels: Sequence[str]) -> None:
    """The confusion matrix: true class by row, coloured by its share of the row."""
    classes = len(labels)
    side = min(3.5 + 0.45 * classes, 18)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with _figure(path, side + 1, side) as figure:
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
    with _figure(path, 5.5, 6) as figure:
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
    with _figure(path, 10, 4) as figure:
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


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure that is written to `path` at the end. Labels are drawn as they are, `$` included."""
    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in _WIDE_FONTS if font in installed)]
    with mpl.rc_context({"text.parse_math": False, "font.family": fonts}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        with warnings.catch_warnings():
            # A script without an installed font is drawn as boxes; the tables have the names.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(path, format="png", dpi=110)
