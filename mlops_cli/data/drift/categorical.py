"""Categories, labels and shares: chi-square or Fisher's exact test, and total variation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, fisher_exact

from mlops_cli.data.drift.profile import Profile
from mlops_cli.schemas.drift import DriftCheck

_LEAST_EXPECTED = 5.0
"""Cells expected to hold fewer than this make the chi-square distribution a bad approximation."""
_SHOWN = 3
_TOLD = 0.01
_TOLD_ROWS = 10
"""A category that is new or gone is told from this share and so many rows on."""

Counts = NDArray[np.float64]


def check(
    column: str,
    aspect: str,
    names: list[str],
    pair: tuple[Profile, Profile],
    *,
    floor: float,
    distinct: tuple[float, float] = (1.0, 1.0),
) -> DriftCheck | None:
    """Chi-square test of categories; None where a table has no values, or all have the same.

    Args:
        column: The column.
        aspect: What of it the categories are.
        names: Names of the categories; all others are counted last.
        pair: What was counted in the reference and in the current table.
        floor: The smallest total variation that matters.
        distinct: The share of each table's rows that tell something new; copies don't.
    """
    counts = np.array([profile.counts for profile in pair], dtype=float)
    if not counts.sum(axis=1).all() or np.count_nonzero(counts.sum(axis=0)) < 2:
        return None
    shares = counts / counts.sum(axis=1, keepdims=True)
    test, p = _independence(counts * np.array(distinct)[:, None])
    return DriftCheck(
        column=column,
        aspect=aspect,
        test=test,
        measure="total variation",
        effect=float(np.abs(shares[0] - shares[1]).sum() / 2),
        floor=floor,
        p=p,
        detail=_moved([*names, "(other)"], shares),
    )


def missing_check(
    column: str,
    aspect: str,
    pair: tuple[Profile, Profile],
    *,
    floor: float,
    distinct: tuple[float, float] = (1.0, 1.0),
) -> DriftCheck | None:
    """Compares the shares of missing values; None where nothing is missing in either table."""
    missing = [profile.missing for profile in pair]
    rows = [profile.rows for profile in pair]
    if not any(missing) or missing == rows:
        return None
    counts = np.array([[gone, all_ - gone] for gone, all_ in zip(missing, rows, strict=True)])
    shares = [gone / all_ for gone, all_ in zip(missing, rows, strict=True)]
    test, p = _independence(counts * np.array(distinct)[:, None])
    return DriftCheck(
        column=column,
        aspect=aspect,
        test=test,
        measure="change of share",
        effect=abs(shares[1] - shares[0]),
        floor=floor,
        p=p,
        detail=f"{shares[0]:.1%} → {shares[1]:.1%}",
    )


def unknown_check(
    column: str,
    reference: list[Any],
    current: list[Any],
    *,
    floor: float,
) -> DriftCheck | None:
    """Compares how many rows have a value that half of the reference lacks.

    The other half is held against the same half, so rare values are as new on both sides. Only
    more new values count: fewer come from rows that are in both tables.

    Args:
        column: The column.
        reference: Sampled values, in random order.
        current: The same of the current table.
        floor: The smallest change of the share that matters.
    """
    half = len(reference) // 2
    known = set(reference[:half])
    held = (reference[half:], current)
    unknown = [sum(value not in known for value in values) for values in held]
    rows = [len(values) for values in held]
    if not all(rows) or not any(unknown):
        return None
    shares = [new / all_ for new, all_ in zip(unknown, rows, strict=True)]
    counts = np.array([[new, all_ - new] for new, all_ in zip(unknown, rows, strict=True)])
    test, p = _independence(counts)
    return DriftCheck(
        column=column,
        aspect="unknown values",
        test=test,
        measure="change of share",
        effect=max(0.0, shares[1] - shares[0]),
        floor=floor,
        p=p if shares[1] > shares[0] else 1.0,
        detail=f"{shares[0]:.1%} → {shares[1]:.1%} of the rows",
    )


def changed_names(names: list[str], pair: tuple[Profile, Profile]) -> tuple[list[str], list[str]]:
    """The categories that are only in the current table, and those only in the reference."""
    counts = [profile.counts[:-1] for profile in pair]
    told = [np.maximum(_TOLD * count.sum(), _TOLD_ROWS) for count in counts]
    triples = list(zip(names, *counts, strict=True))
    new = [name for name, before, now in triples if before == 0 and now >= told[1]]
    gone = [name for name, before, now in triples if now == 0 and before >= told[0]]
    return new, gone


def _independence(counts: Counts) -> tuple[str, float]:
    """The test that suits a table of two rows of counts, and its p-value."""
    counts = counts[:, counts.sum(axis=0) > 0]
    smaller = counts.sum(axis=1).min() / counts.sum()
    expected = counts.sum(axis=0) * smaller
    rare = expected < _LEAST_EXPECTED
    if rare.any() and counts.shape[1] > 2:
        # Rare categories are counted together.
        merged = [counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)]
        counts = np.concatenate(merged, axis=1)
    if counts.shape[1] < 2:
        return "chi-square", 1.0
    if counts.shape[1] == 2 and counts.sum() < 10_000:
        return "Fisher's exact", float(fisher_exact(np.rint(counts).astype(int)).pvalue)
    return "chi-square", float(chi2_contingency(counts, correction=False).pvalue)


def _moved(names: list[str], shares: Counts) -> str:
    """The categories whose share changed most."""
    change = np.abs(shares[0] - shares[1])
    order = [int(place) for place in np.argsort(-change, kind="stable") if change[place] > 0]
    return ", ".join(
        f"{_short(names[place])} {shares[0][place]:.1%} → {shares[1][place]:.1%}"
        for place in order[:_SHOWN]
    )


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"
