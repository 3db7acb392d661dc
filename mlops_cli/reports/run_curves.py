"""Curves of one or several runs as a PNG or SVG file."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from mlops_cli.reports.figures import drawing
from mlops_cli.schemas.runs import Point

_MOST_PANELS = 6


def plot(
    path: Path, runs: Sequence[str], curves: Mapping[str, Sequence[Sequence[Point]]], monitor: str
) -> list[str]:
    """Draws losses and the monitored metric first, then other validation metrics.

    Args:
        path: A .png or .svg file.
        runs: Names of the runs.
        curves: By metric, the points of each run.
        monitor: The monitored metric.

    Returns:
        The metrics that were drawn.
    """
    names = chosen(list(curves), monitor)[:_MOST_PANELS]
    columns = min(len(names), 3)
    rows = math.ceil(len(names) / columns)
    with drawing(path, 4.6 * columns, 3.4 * rows + 0.2 * len(runs)) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).flat
        for axes, name in zip(panels, names, strict=False):
            _panel(axes, name, runs, curves[name])
        for axes in list(panels)[len(names) :]:
            axes.set_visible(False)
        if len(runs) > 1:
            handles, labels = figure.axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=1)
        else:
            figure.suptitle(runs[0])
    return names


def chosen(names: Sequence[str], monitor: str) -> list[str]:
    """The metrics worth drawing, the most telling first."""
    first = [f"val/{monitor}", "train/loss", "val/loss"]
    rest = [name for name in names if name.startswith(("val/", "train/")) and name not in first]
    return [name for name in first if name in names] + rest


def _panel(axes: Axes, name: str, runs: Sequence[str], series: Sequence[Sequence[Point]]) -> None:
    for run, points in zip(runs, series, strict=True):
        steps, values = [p.step for p in points], [p.value for p in points]
        # A training curve has many points, a validation curve few that should be seen.
        axes.plot(steps, values, marker="o" if len(steps) < 40 else None, ms=3, label=run)
    axes.set(title=name, xlabel="step")
    axes.grid(alpha=0.3)
