"""Classifier two-sample tests: can a model tell which of the two tables a row comes from?

Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests. Here the figure is the area
under the ROC curve (AUC), so that tables of different sizes are compared alike.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from threadpoolctl import threadpool_limits

from mlops_cli.data.drift.features import Learner
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.drift import DriftCheck

ALL = "(all columns)"
"""What the check of all columns together is called."""

_CONFIDENCE = 1.959964


@dataclass(frozen=True)
class Domains:
    """Rows of both tables, one below the other.

    Attributes:
        labels: 0 for rows of the reference, 1 for those of the current table.
        groups: The group of each row: rows that must not be told apart by one another.
        folds: The fold of each row: random, the same for the rows of a group.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]

    def part(self, rows: NDArray[np.int64]) -> "Domains":
        """Some of the rows."""
        return Domains(self.labels[rows], self.groups[rows], self.folds[rows])


def domains(
    reference: Sequence[Hashable], current: Sequence[Hashable], folds: int, seed: int
) -> Domains:
    """Puts rows into shuffled folds, rows of the same group into the same one.

    A row that a model has seen with one answer must not be asked again, whatever table the copy
    is in. Rows of a file are often grouped, so folds are never runs of rows.

    Args:
        reference: The group of each row of the reference: its content, or its family.
        current: The same of the current table.
        folds: How many folds.
        seed: Seed of the folds.
    """
    random = np.random.default_rng(seed)
    places: dict[Hashable, int] = {}
    groups = np.array([places.setdefault(group, len(places)) for group in [*reference, *current]])
    dealt = random.permutation(len(places)) % folds
    labels = np.repeat([0, 1], [len(reference), len(current)])
    return Domains(labels, groups, dealt[groups])


def check(
    column: str, learner: Learner, split: Domains, *, floor: float, reporter: Reporter
) -> DriftCheck:
    """Cross-validates, and holds the mean AUC against a coin's.

    Folds share training rows, so their AUCs vary together: their variance is enlarged as Nadeau
    & Bengio (2003), Inference for the generalization error, do. Under the null hypothesis the
    variance of one fold's AUC is the Mann-Whitney statistic's, else Hanley & McNeil's (1982), of
    groups: rows of one tell nothing new.

    Args:
        column: The column, or `ALL`.
        learner: The rows, and the model that is to tell them apart.
        split: Where they come from, and their folds.
        floor: The smallest AUC that matters.
        reporter: Shown a bar.
    """
    areas, sizes = [], []
    folds = int(split.folds.max()) + 1
    # So few rows are learnt faster by one thread than by many that wait for each other.
    with (
        threadpool_limits(1),
        reporter.task(f"telling the tables apart by {column}", folds) as progress,
    ):
        for fold in range(folds):
            test = np.flatnonzero(split.folds == fold)
            train = np.flatnonzero(split.folds != fold)
            counts = np.bincount(split.labels[test], minlength=2)
            if counts.min() and np.bincount(split.labels[train], minlength=2).min():
                learner.fit(train, split.labels[train])
                areas.append(_auc(learner.score(test), split.labels[test]))
                answers = np.column_stack([split.groups[test], split.labels[test]])
                sizes.append(np.bincount(np.unique(answers, axis=0)[:, 1], minlength=2))
            progress.advance()
    area = float(np.mean(areas))
    first, second = np.mean(sizes, axis=0)
    enlarged = 1 / len(areas) + 1 / max(1, len(areas) - 1)
    null = (first + second + 1) / (12 * first * second)
    one = area / (2 - area) - area**2
    two = 2 * area**2 / (1 + area) - area**2
    own = (area * (1 - area) + (second - 1) * one + (first - 1) * two) / (first * second)
    margin = _CONFIDENCE * float(np.sqrt(max(own, 0.0) * enlarged))
    return DriftCheck(
        column=column,
        aspect="domain classifier",
        test="classifier two-sample test",
        measure="AUC",
        effect=area,
        floor=floor,
        p=float(norm.sf((area - 0.5) / np.sqrt(null * enlarged))),
        detail=f"{len(split.labels):,} rows, {len(areas)} folds",
        low=max(0.0, area - margin),
        high=min(1.0, area + margin),
    )


def _auc(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Chance that a row of the current table scores above one of the reference."""
    ranks = rankdata(scores)
    positive = int(labels.sum())
    negative = len(labels) - positive
    return float((ranks[labels == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))
