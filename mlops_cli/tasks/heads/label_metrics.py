"""Metrics of any number of labels a row, in numpy: the same in training, evaluation and serving.

Definitions are scikit-learn's with `zero_division=0`, on indicator matrices. `auroc` is the mean
over the labels that some rows have and some have not. A figure that is not defined is NaN.
"""

import numpy as np
from numpy.typing import NDArray

from mlops_cli.schemas.task import METRICS
from mlops_cli.tasks.heads.classification_metrics import ClassScores, binary_auroc, ratio

Floats = NDArray[np.float64]
Indicators = NDArray[np.bool_]


def sigmoid(logits: NDArray[np.float32]) -> Floats:
    """Probabilities of the same shape, in float64."""
    # By tanh, which does not overflow.
    scores: Floats = 0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))
    return scores


def label_metrics(scores: Floats, chosen: Indicators, true: Indicators) -> dict[str, float]:
    """Every scalar metric of `schemas.task.METRICS["labels"]`.

    Args:
        scores: Probabilities of shape (rows, labels).
        chosen: The labels that are given, of the same shape.
        true: The labels that are right, of the same shape.
    """
    if not len(true) or not np.isfinite(scores).all():
        return dict.fromkeys(METRICS["labels"], float("nan"))
    found = per_label(chosen, true)
    hits, given, wanted = (int(part.sum()) for part in (chosen & true, chosen, true))
    defined = [label for label in range(true.shape[1]) if 0 < true[:, label].sum() < len(true)]
    areas = [binary_auroc(scores[:, label], true[:, label]) for label in defined]
    return {
        "f1_micro": f1_micro(chosen, true),
        "f1_macro": float(found.f1.mean()),
        "precision_micro": hits / given if given else 0.0,
        "recall_micro": hits / wanted if wanted else 0.0,
        "subset_accuracy": float((chosen == true).all(axis=1).mean()),
        "hamming_loss": float((chosen != true).mean()),
        "auroc": float(np.mean(areas)) if areas else float("nan"),
    }


def f1_micro(chosen: Indicators, true: Indicators) -> float:
    """F1 of all cells together."""
    both = int(chosen.sum() + true.sum())
    return 2 * int((chosen & true).sum()) / both if both else 0.0


def per_label(chosen: Indicators, true: Indicators) -> ClassScores:
    """Precision, recall and F1 of each label; arrays of shape (labels,)."""
    hits = (chosen & true).sum(axis=0)
    support, predicted = true.sum(axis=0), chosen.sum(axis=0)
    return ClassScores(
        precision=ratio(hits, predicted),
        recall=ratio(hits, support),
        f1=ratio(2 * hits, support + predicted),
        support=support,
        predicted=predicted,
    )
