"""Equally wide ranges that all parts share, so that their histograms can be laid side by side."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mlops_cli.schemas.statistics import Histogram

_RANGES = 24
_DAY = 86_400.0


@dataclass(frozen=True)
class Scale:
    """Ranges between two values.

    Attributes:
        start: Where the first one begins; seconds since 1970 for dates.
        width: Of each range.
        ranges: How many.
        kind: What the values are.
    """

    start: float
    width: float
    ranges: int
    kind: str

    def place(self, value: str) -> str:
        """The number of the range that a value in SQL falls into, from 0."""
        if self.kind in ("date", "timestamp"):
            value = f"epoch({value})"
        number = f"floor(({value} - {self.start!r}) / {self.width!r})::INT"
        last = self.ranges - 1
        # The upper edge belongs to the last range, and rounding may put a value beside the ends.
        return f"CASE WHEN {number} < 0 THEN 0 WHEN {number} > {last} THEN {last} ELSE {number} END"

    def histogram(self, counts: dict[int, int]) -> Histogram:
        """From the rows of each range."""
        edges = [self.start + self.width * number for number in range(self.ranges + 1)]
        rows = [counts.get(number, 0) for number in range(self.ranges)]
        if self.kind in ("date", "timestamp"):
            moments = [datetime.fromtimestamp(edge, UTC) for edge in edges]
            return Histogram(
                [
                    (f"{m:%Y-%m-%d}" if self.width >= _DAY else f"{m:%Y-%m-%dT%H:%M:%S}")
                    for m in moments
                ],
                rows,
            )
        return Histogram(edges, rows)

    def of_values(self, values: Sequence[tuple[float, int]]) -> Histogram:
        """From values and how often each occurs."""
        counts: dict[int, int] = {}
        for value, rows in values:
            number = max(0, min(int((value - self.start) // self.width), self.ranges - 1))
            counts[number] = counts.get(number, 0) + rows
        return self.histogram(counts)


def scale(kind: str, extremes: Sequence[tuple[Any, Any]]) -> Scale | None:
    """Ranges over the smallest and largest values of all parts; None where there can be none.

    Args:
        kind: integer, number, date or timestamp.
        extremes: The two of each part; None for a part without values.
    """
    known = [(number_of(low), number_of(high)) for low, high in extremes if low is not None]
    if not known:
        return None
    start, end = min(low for low, _ in known), max(high for _, high in known)
    unit = {"integer": 1.0, "date": _DAY}.get(kind)
    if unit:
        # Ranges that hold the same number of whole values; none is fuller by chance.
        values = round((end - start) / unit) + 1
        width = unit * math.ceil(values / _RANGES)
        return Scale(start, width, math.ceil(values * unit / width), kind)
    width = (end - start) / _RANGES
    if not math.isfinite(width):
        return None
    return Scale(start, width, _RANGES, kind) if width > 0 else Scale(start, 1.0, 1, kind)


def number_of(value: Any) -> float:
    """A number; seconds since 1970 for a date or moment."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).timestamp()
    if isinstance(value, date):
        return (value - date(1970, 1, 1)).days * _DAY
    return float(value)


def quantiles(values: Sequence[tuple[float, int]], percents: Sequence[int]) -> dict[str, float]:
    """Quantiles of values in ascending order, each with how often it occurs.

    Between two values the quantile is interpolated, as numpy does.
    """
    ends: list[int] = []
    total = 0
    for _, rows in values:
        total += rows
        ends.append(total)
    found = {}
    for percent in percents:
        place = percent / 100 * (total - 1)
        low = values[bisect_right(ends, math.floor(place))][0]
        high = values[bisect_right(ends, math.ceil(place))][0]
        found[str(percent)] = low + (high - low) * (place - math.floor(place))
    return found
