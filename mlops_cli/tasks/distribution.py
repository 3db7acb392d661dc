"""Distributions in figures, which drift is measured against. No raw row is in them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_BINS = 20


def counts(values: NDArray[np.int64]) -> dict[str, Any]:
    """Moments, quantiles and a histogram of whole numbers from 0."""
    edges = np.linspace(0, int(values.max()) + 1, _BINS + 1).round().astype(np.int64)
    return _figures(values, np.unique(edges))


def numbers(values: NDArray[np.float64]) -> dict[str, Any]:
    """Moments, quantiles and a histogram of finite numbers."""
    return _figures(values, np.histogram_bin_edges(values, bins=_BINS))


def shares(values: NDArray[np.float64]) -> dict[str, Any]:
    """Mean and histogram of numbers from 0 to 1."""
    found, edges = np.histogram(values, bins=_BINS, range=(0, 1))
    histogram = {"edges": edges.round(4).tolist(), "counts": found.tolist()}
    return {"mean": float(values.mean()), "histogram": histogram}


def _figures(values: NDArray[Any], edges: NDArray[Any]) -> dict[str, Any]:
    found, _ = np.histogram(values, bins=edges)
    quantiles = np.quantile(values, _QUANTILES)
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": values.min().item(),
        "max": values.max().item(),
        "quantiles": {str(q): float(v) for q, v in zip(_QUANTILES, quantiles, strict=True)},
        "histogram": {"edges": edges.tolist(), "counts": found.tolist()},
    }
