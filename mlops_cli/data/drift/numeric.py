"""Numbers: the Kolmogorov-Smirnov distance, and the population stability index beside it."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from mlops_cli.data.drift.profile import Binning, Profile
from mlops_cli.schemas.drift import DriftCheck

_PSI_BINS = 10
_PSI_NOTHING = 1e-4
"""The share that an empty bin is taken for, as is usual, so that the logarithm exists."""


def check(
    column: str,
    aspect: str,
    binning: Binning,
    pair: tuple[Profile, Profile],
    *,
    floor: float,
    distinct: tuple[float, float] = (1.0, 1.0),
    times: bool = False,
) -> DriftCheck | None:
    """Two-sample Kolmogorov-Smirnov test on binned counts; None where a table has no values.

    The distance is taken at the edges of the bins, so it is at most that of the values
    themselves, and the test errs on the side of no drift.

    Args:
        column: The column.
        aspect: What of it the numbers are.
        binning: Its bins.
        pair: What was counted in the reference and in the current table.
        floor: The smallest distance that matters.
        distinct: The share of each table's rows that tell something new; copies don't.
        times: The numbers are seconds since 1970.
    """
    counts = [profile.counts.astype(float) for profile in pair]
    totals = [float(count.sum()) for count in counts]
    if min(totals) == 0:
        return None
    reference, current = (np.cumsum(count) / count.sum() for count in counts)
    distance = float(np.max(np.abs(reference - current)))
    sizes = [total * share for total, share in zip(totals, distinct, strict=True)]
    effective = sizes[0] * sizes[1] / sum(sizes)
    medians = [
        _shown(_quantile(binning.edges, shares, 0.5), times=times)
        for shares in (reference, current)
    ]
    psi = stability(counts[0], counts[1])
    return DriftCheck(
        column=column,
        aspect=aspect,
        test="Kolmogorov-Smirnov",
        measure="distance",
        effect=distance,
        floor=floor,
        p=float(kolmogorov(np.sqrt(effective) * distance)),
        detail=f"median {medians[0]} → {medians[1]}, PSI {psi:.3g}",
    )


def stability(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Population stability index over about ten bins of equal share in the reference."""
    cumulative = np.cumsum(reference) / reference.sum()
    group = np.minimum((cumulative * _PSI_BINS - 1e-9).astype(int), _PSI_BINS - 1)
    shares = [
        np.maximum(np.bincount(group, counts, _PSI_BINS) / counts.sum(), _PSI_NOTHING)
        for counts in (reference, current)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shown(value: float, *, times: bool) -> str:
    if times:
        return str(np.datetime64(round(value), "s")).replace("T", " ")
    return f"{value:.4g}"


def _quantile(edges: NDArray[np.float64], cumulative: NDArray[np.float64], share: float) -> float:
    position = int(np.searchsorted(cumulative, share))
    return float(edges[min(position, len(edges) - 1)])
