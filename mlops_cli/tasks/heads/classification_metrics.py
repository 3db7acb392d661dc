"""Metrics of classification, in numpy: the same figures in training, evaluation and serving.

Definitions are scikit-learn's with `zero_division=0`; a figure that is not defined (AUROC with a
class that never occurs, anything on no rows or on probabilities that are not numbers) is NaN.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.schemas.task import METRICS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScores:
    """Figures of each class, as arrays of shape (classes,).

    Attributes:
        precision: Share of the rows given this label that have it; 0 when none was given it.
        recall: Share of the rows with this label that were given it; 0 when none has it.
        f1: Harmonic mean of the two.
        support: Rows that have this label.
        predicted: Rows that were given this label.
    """

    precision: Floats
    recall: Floats
    f1: Floats
    support: Integers
    predicted: Integers


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy in equal-width bins, as arrays of shape (bins,).

    Attributes:
        count: Rows whose confidence lies in the bin.
        confidence: Their mean confidence; 0 in an empty bin.
        accuracy: Share of them that is right; 0 in an empty bin.
    """

    count: Integers
    confidence: Floats
    accuracy: Floats

    def error(self) -> float:
        """Expected calibration error (Guo et al., 2017)."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((gaps * self.count).sum() / self.count.sum())


def softmax(logits: NDArray[np.float32]) -> Floats:
    """Probabilities of shape (rows, classes) from logits of the same shape, in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=-1, keepdims=True)
    return shifted


def classification_metrics(
    probabilities: Floats, targets: Integers, *, bins: int
) -> dict[str, float]:
    """Every scalar metric of `schemas.task.METRICS["classes"]`.

    Args:
        probabilities: Of shape (rows, classes), each row adding up to 1.
        targets: Class ids of shape (rows,).
        bins: Equal-width bins of the calibration error.
    """
    if len(targets) == 0 or not np.isfinite(probabilities).all():
        return dict.fromkeys(METRICS["classes"], float("nan"))
    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(predicted, targets, probabilities.shape[1])
    scores = per_class(matrix)
    # A class that neither occurs nor is predicted takes no part in an average.
    seen = (scores.support + scores.predicted) > 0
    figures = {
        "accuracy": float(np.trace(matrix) / len(targets)),
        "balanced_accuracy": float(scores.recall[scores.support > 0].mean()),
    }
    for name in ("precision", "recall", "f1"):
        values = getattr(scores, name)
        figures[f"{name}_macro"] = float(values[seen].mean())
        figures[f"{name}_weighted"] = float(np.average(values, weights=scores.support))
    return figures | {
        "mcc": _mcc(matrix),
        "auroc": _auroc(probabilities, targets),
        "log_loss": _log_loss(probabilities, targets),
        "calibration_error": calibration(probabilities, targets, bins=bins).error(),
    }


def confusion_matrix(predicted: Integers, targets: Integers, classes: int) -> Integers:
    """Counts of shape (classes, classes): true class by row, predicted class by column."""
    cells = np.bincount(targets * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64, copy=False)


def per_class(matrix: Integers) -> ClassScores:
    """Precision, recall and F1 of each class of a confusion matrix."""
    hits, support, predicted = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return ClassScores(
        precision=ratio(hits, predicted),
        recall=ratio(hits, support),
        f1=ratio(2 * hits, support + predicted),
        support=support,
        predicted=predicted,
    )


def calibration(probabilities: Floats, targets: Integers, *, bins: int) -> Calibration:
    """How often the label with the highest probability is right, by that probability."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    # Bin m holds confidences in (m / bins, (m + 1) / bins].
    place = np.searchsorted(np.arange(1, bins) / bins, confidence, side="left")
    count = np.bincount(place, minlength=bins).astype(np.int64, copy=False)
    return Calibration(
        count=count,
        confidence=ratio(np.bincount(place, weights=confidence, minlength=bins), count),
        accuracy=ratio(np.bincount(place, weights=right, minlength=bins), count),
    )


def ratio(part: Floats | Integers, whole: Integers) -> Floats:
    """`part / whole`, and 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _mcc(matrix: Integers) -> float:
    """Matthews correlation coefficient for any number of classes (R_K; Gorodkin, 2004)."""
    counts = matrix.astype(np.float64)  # products of counts overflow int64
    support, predicted, rows = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    both = np.trace(counts) * rows - support @ predicted
    spread = (rows**2 - support @ support) * (rows**2 - predicted @ predicted)
    return float(both / np.sqrt(spread)) if spread > 0 else 0.0


def _auroc(probabilities: Floats, targets: Integers) -> float:
    """AUROC of the second of two classes; for more, the mean of each against the rest."""
    classes = probabilities.shape[1]
    if classes == 2:
        return binary_auroc(probabilities[:, 1], targets == 1)
    return float(np.mean([binary_auroc(probabilities[:, c], targets == c) for c in range(classes)]))


def binary_auroc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Probability that a positive row scores above a negative one; ties count half."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    order = np.argsort(scores)
    ordered = scores[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1))
    ends = np.append(starts[1:], len(ordered))
    ranks = (starts + ends + 1) / 2  # mean of the ranks start + 1 … end of equal scores
    hits = np.add.reduceat(positive[order].astype(np.float64), starts)
    above = hits @ ranks - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _log_loss(probabilities: Floats, targets: Integers) -> float:
    """Mean negative log probability of the true class, kept finite at probability 0."""
    epsilon = np.finfo(np.float64).eps
    chosen = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(chosen, epsilon, 1 - epsilon)).mean())
