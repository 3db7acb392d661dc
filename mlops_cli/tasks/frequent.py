"""Counts of the frequent values of a long column, in bounded memory."""

from collections import Counter
from collections.abc import Iterable


class Frequent:
    """Counts values, and forgets the rarest where there are too many different ones.

    As long as there is room for all values, the counts are exact. Beyond that it is the summary of
    Misra and Gries ("Finding repeated elements", 1982) with half as many counters as there is room,
    cut back for many values together (Agarwal et al., "Mergeable summaries", 2012). As in lossy
    counting (Manku and Motwani, "Approximate frequency counts over data streams", 2002), beside the
    count of a value is the most that may have been forgotten of it before.

    What it may lose: of N values and room for R, up to N / (R / 2 + 1) of each count. So a value
    that comes more often than that is always there, a rarer one may be gone, and no count is
    larger than it should be.

    Args:
        room: So many different values are held between two calls of `update`.
    """

    def __init__(self, room: int) -> None:
        self._room, self._lost = room, 0
        self._counts: Counter[str] = Counter()
        self._before: dict[str, int] = {}

    def update(self, values: Iterable[str]) -> None:
        """Counts some more values."""
        self._counts.update(values)
        if len(self._counts) <= self._room:
            return
        # What is new since the last cut may have been lost there.
        before = {value: self._before.get(value, self._lost) for value in self._counts}
        most = {value: count + before[value] for value, count in self._counts.items()}
        self._lost = sorted(most.values(), reverse=True)[self._room // 2]
        kept = [value for value, count in most.items() if count > self._lost]
        self._counts = Counter({value: self._counts[value] for value in kept})
        self._before = {value: before[value] for value in kept}

    def most_common(self) -> list[tuple[str, int]]:
        """The values that are there with their counts, as `Counter.most_common` has them."""
        return self._counts.most_common()
