"""The training distribution in figures, which drift is measured against. No raw text is in it."""

from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_BINS = 20
_TOKENS = 1000
"""Most frequent tokens that are listed; the rest is counted."""


def describe(
    inputs: dict[str, list[str]],
    targets: list[str],
    rows: list[list[int]],
    tokens: dict[int, str],
    truncated: int,
) -> dict[str, Any]:
    """The distribution of a training split, as plain JSON.

    Args:
        inputs: Raw columns.
        targets: Label of each row.
        rows: Token ids of each row.
        tokens: Token by id; an id that is not there is listed as its number.
        truncated: Rows that are longer than the model takes.
    """
    counts = Counter(chain.from_iterable(rows))
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_TOKENS]
    return {
        "format": FORMAT,
        "rows": len(rows),
        "labels": dict(sorted(Counter(targets).items())),
        "characters": {
            name: _distribution(np.array([len(value) for value in column]))
            for name, column in inputs.items()
        },
        "tokens": _distribution(np.array([len(row) for row in rows])),
        "truncated": truncated,
        "vocabulary": {
            "distinct": len(counts),
            "total": counts.total(),
            "most_frequent": [[tokens.get(token, str(token)), count] for token, count in common],
        },
    }


def describe_answers(labels: tuple[str, ...], probabilities: NDArray[np.float64]) -> dict[str, Any]:
    """The distribution of a model's answers (rows, classes), as plain JSON."""
    given = np.bincount(probabilities.argmax(axis=1), minlength=len(labels))
    confidence = probabilities.max(axis=1)
    counts, edges = np.histogram(confidence, bins=_BINS, range=(0, 1))
    return {
        "rows": len(probabilities),
        "labels": dict(zip(labels, given.tolist(), strict=True)),
        "confidence": {
            "mean": float(confidence.mean()),
            "histogram": {"edges": edges.round(4).tolist(), "counts": counts.tolist()},
        },
    }


def _distribution(values: NDArray[np.int64]) -> dict[str, Any]:
    """Moments, quantiles and a histogram of counts."""
    highest = int(values.max())
    edges = np.unique(np.linspace(0, highest + 1, _BINS + 1).round().astype(np.int64))
    counts, _ = np.histogram(values, bins=edges)
    quantiles = np.quantile(values, _QUANTILES)
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": int(values.min()),
        "max": highest,
        "quantiles": {str(q): float(v) for q, v in zip(_QUANTILES, quantiles, strict=True)},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }
