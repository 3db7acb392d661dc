"""Sliced evaluation: the monitored metric on parts of a split, beside random parts of that size.

A model that is good on the whole may be bad for some rows; model cards ask for figures of each
group (Mitchell et al., 2019, "Model Cards for Model Reporting"). Of many parts some look bad by
chance, so each is held against as many rows drawn at random.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mlops_cli.evaluation.parts import LEAST, Part, by_column, by_inputs
from mlops_cli.evaluation.view import Predicted
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.results import SliceRow
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.tasks import IGNORED, Targets, Task
from mlops_cli.tasks.heads.tags import OUTSIDE

_MOST = 20
"""Slices by inputs that are told, the worst; those of `data.slice_by` are told all."""
_VALUES = 30
"""Values of a column of `data.slice_by` that are slices of their own."""
_DRAWS, _LARGEST, _STEP = 40, 1000, 1.5
"""Random parts of a size, the largest size, and how many times larger each size is."""
_DEVIATIONS = 3
"""Standard deviations that chance explains. Many slices are looked at: two would cry wolf."""
_INSTEAD = {
    "classes": "accuracy",
    "labels": "subset_accuracy",
    "tags": "accuracy",
    "numbers": "rmse",
}
"""The metric of a slice on which the monitored one says nothing, by kind of target."""
_OF_ANY_CLASSES = ("accuracy", "balanced_accuracy", "log_loss", "calibration_error")
"""Metrics of classes that say something of rows of a single one."""


def find(found: Predicted, monitor: str, reporter: Reporter) -> list[SliceRow]:
    """The figures of the slices: first those that are worse than by chance, and the worst of them.

    Texts are sliced by their length, tables by each column, images by their size, and everything
    by the columns of `data.slice_by`. A kind of target of the user's own has none.

    Args:
        found: The predictions of a split.
        monitor: The metric to tell.
        reporter: Warned of a column that gives no slice.
    """
    if found.task.head.kind not in _INSTEAD or monitor not in HIGHER_IS_BETTER:
        return []
    with reporter.task("looking at slices", None):
        chance = _Chance(found)
        rows = [chance.beside(row) for row in _told(found, monitor, reporter)]
    return sorted(rows, key=lambda row: (row.worse, _loss(row)), reverse=True)


def _told(found: Predicted, monitor: str, reporter: Reporter) -> list[SliceRow]:
    """The slices by columns of the user's choice, and the worst of the others."""
    asked = found.examples.slices
    told = []
    for name, cells in asked.items():
        parts = list(by_column(name, cells, _VALUES))
        if not parts:
            reporter.warn(f"data.slice_by: {name!r} gives no slice of {LEAST} rows or more")
        told += _judged(found, parts, monitor)
    others = (part for part in by_inputs(found) if part.by not in asked)
    return told + sorted(_judged(found, others, monitor), key=_loss, reverse=True)[:_MOST]


def _judged(found: Predicted, parts: Iterable[Part], monitor: str) -> list[SliceRow]:
    """Each part's figure, where any metric says something of it."""
    rows = []
    for part in parts:
        targets = found.targets[part.rows]
        metrics = found.task.head.metrics(found.outputs[part.rows], targets)
        metric = monitor
        if math.isnan(metrics[metric]) or _says_nothing(metric, found.task, targets):
            metric = _INSTEAD[found.task.head.kind]
        figure, whole = metrics[metric], found.metrics[metric]
        if math.isfinite(figure) and math.isfinite(whole):
            rows.append(
                SliceRow(part.by, part.value, len(part.rows), metric, figure, figure - whole)
            )
    return rows


def _says_nothing(metric: str, task: Task, targets: Targets) -> bool:
    """Whether a metric needs classes, labels or entities that these rows have not."""
    kind = task.head.kind
    if kind == "classes":
        return metric not in _OF_ANY_CLASSES and len(np.unique(targets)) < 2
    if kind == "labels":
        there = (targets > 0).any(axis=0)
        return not (there.all() if metric == "f1_macro" else there.any())
    if kind == "tags" and metric.startswith("entity"):
        return all(task.labels[one] == OUTSIDE for one in np.unique(targets[targets != IGNORED]))
    return False


def _loss(row: SliceRow) -> float:
    """By how much a slice is worse than the whole."""
    return -row.difference if HIGHER_IS_BETTER[row.metric] else row.difference


class _Chance:
    """What rows of a split have that are drawn at random."""

    def __init__(self, found: Predicted) -> None:
        self._found = found
        self._drawn: dict[int, list[dict[str, float]]] = {}

    def beside(self, row: SliceRow) -> SliceRow:
        """The slice with the range that chance explains; without one where that is not known."""
        size, whole = self._size(row.rows), len(self._found.targets)
        values = np.array([one[row.metric] for one in self._of(size)])
        values = values[np.isfinite(values)]
        if len(values) < _DRAWS // 2:
            return row
        # A smaller part of the same rows spreads more: the variance goes with 1/size - 1/whole.
        scale = math.sqrt((1 / row.rows - 1 / whole) / (1 / size - 1 / whole))
        mean, off = float(values.mean()), _DEVIATIONS * scale * float(values.std(ddof=1))
        higher = HIGHER_IS_BETTER[row.metric]
        low, high = mean - off, mean + off
        low, high = (low, min(high, 1.0)) if higher else (max(low, 0.0), high)
        worse = row.figure < low if higher else row.figure > high
        return replace(row, chance_low=low, chance_high=high, worse=worse)

    def _size(self, rows: int) -> int:
        """The largest size of a few that is no more than `rows`, so that each is drawn once."""
        step = math.floor(math.log(min(rows, _LARGEST) / LEAST, _STEP) + 1e-9)
        return int(LEAST * _STEP**step)

    def _of(self, size: int) -> list[dict[str, float]]:
        """The metrics of random parts of this size."""
        if size not in self._drawn:
            draw, found = np.random.default_rng(size), self._found
            chosen = [
                draw.choice(len(found.targets), size, replace=False, shuffle=False)
                for _ in range(_DRAWS)
            ]
            self._drawn[size] = [
                found.task.head.metrics(found.outputs[rows], found.targets[rows]) for rows in chosen
            ]
        return self._drawn[size]
