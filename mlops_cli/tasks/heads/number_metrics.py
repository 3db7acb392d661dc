"""Metrics of numbers, in numpy: the same figures in training, evaluation and serving.

Definitions are scikit-learn's (`mean_absolute_error`, `root_mean_squared_error`, `r2_score`) and
scipy's (`pearsonr`, `spearmanr`: ranks of ties are averaged). A figure that is not defined (a
correlation with something constant, anything on no rows) is NaN.
"""

import numpy as np
from numpy.typing import NDArray

from mlops_cli.schemas.task import METRICS

Floats = NDArray[np.float64]


def number_metrics(predicted: Floats, true: Floats) -> dict[str, float]:
    """Every scalar metric of `schemas.task.METRICS["numbers"]`.

    Args:
        predicted: Of shape (rows,), in the unit of the targets.
        true: The same.
    """
    if not len(true) or not (np.isfinite(predicted).all() and np.isfinite(true).all()):
        return dict.fromkeys(METRICS["numbers"], float("nan"))
    errors = predicted - true
    spread = float(((true - true.mean()) ** 2).sum())
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "r2": 1 - float((errors**2).sum()) / spread if spread > 0 else float("nan"),
        "pearson": _correlation(predicted, true),
        "spearman": _correlation(_ranks(predicted), _ranks(true)),
    }


def _correlation(first: Floats, second: Floats) -> float:
    one, other = first - first.mean(), second - second.mean()
    spread = np.sqrt((one @ one) * (other @ other))
    return float(np.clip(one @ other / spread, -1, 1)) if spread > 0 else float("nan")


def _ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = ((last - counts + 1 + last) / 2)[which]
    return ranks
