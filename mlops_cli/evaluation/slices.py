"""Sliced evaluation: the error on parts of a split, beside that on random parts of their sizes.

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
from mlops_cli.wording import counted

_MOST = 20
"""Slices by inputs that are told, the worst; those of `data.slice_by` are told all."""
_VALUES = 30
"""Values of a column of `data.slice_by` that are slices of their own."""
_DRAWS, _LARGEST, _STEP = 40, 1000, 1.5
"""Random parts of a size, the largest size, and how many times larger each size is."""
_DEVIATIONS = 3
"""Standard deviations that chance explains. Many slices are looked at: two would cry wolf."""
_MEANS = {
    "classes": ("accuracy", "log_loss"),
    "labels": ("hamming_loss", "subset_accuracy"),
    "tags": ("accuracy", "log_loss"),
    "numbers": ("rmse", "mae"),
}
"""Metrics that are means over the rows, by kind of target; the first is told where another is
monitored. MCC, AUROC or R² fall with the mix of classes or values in a slice, however good its
answers are: of a useful column, every slice would be worse than the whole."""


def find(found: Predicted, monitor: str, reporter: Reporter) -> list[SliceRow]:
    """The figures of the slices: first those that are worse than by chance, and the worst of them.

    Texts are sliced by their length, tables by each column, images by their size, and everything
    by the columns of `data.slice_by`. A kind of target of the user's own has none.

    Args:
        found: The predictions of a split.
        monitor: The metric to tell, where it is a mean over the rows.
        reporter: Warned of a column that gives no slice.
    """
    means = _MEANS.get(found.task.head.kind)
    if means is None:
        return []
    metric = monitor if monitor in means else means[0]
    with reporter.task("looking at slices", None):
        chance = _Chance(found)
        rows = [chance.beside(row) for row in _told(found, metric, reporter)]
    return sorted(rows, key=lambda row: (row.worse, _loss(row)), reverse=True)


def _told(found: Predicted, metric: str, reporter: Reporter) -> list[SliceRow]:
    """The slices by columns of the user's choice, and the worst of the others."""
    asked, count = found.examples.slices, len(found.examples)
    if asked and count < LEAST:
        reporter.warn(f"a slice has {LEAST} rows or more: {counted(count, 'row')} give none")
        return []
    told = []
    for name, cells in asked.items():
        parts = list(by_column(name, cells, _VALUES))
        if not parts:
            why = "has one value alone" if len(set(cells)) == 1 else f"has none in {LEAST} rows"
            reporter.warn(f"data.slice_by={name}: no slice, the column {why}")
        told += [replace(row, asked=True) for row in _judged(found, parts, metric)]
    twice = asked.keys() & found.examples.inputs.keys()
    others = (part for part in by_inputs(found) if part.by not in twice)
    return told + sorted(_judged(found, others, metric), key=_loss, reverse=True)[:_MOST]


def _judged(found: Predicted, parts: Iterable[Part], metric: str) -> list[SliceRow]:
    """Each part's figure."""
    head, whole = found.task.head, found.metrics[metric]
    figures = (
        (part, head.metrics(found.outputs[part.rows], found.targets[part.rows])[metric])
        for part in parts
    )
    return [
        SliceRow(part.by, part.value, len(part.rows), metric, figure, figure - whole)
        for part, figure in figures
        if math.isfinite(figure - whole)
    ]


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
        low, high = max(mean - off, 0.0), mean + off
        high = min(high, 1.0) if higher else high
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
