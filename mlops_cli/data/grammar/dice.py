"""Random draws that repeat exactly, on every machine."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws that are the same on every machine and under every Python version."""

    def __init__(self, seed: int) -> None:
        # Python promises that `random()` repeats for a seed, not that `choice` and `shuffle` do.
        self._random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """True in this share of all draws."""
        return self._random() < share

    def share(self) -> float:
        """A number from 0 to 1."""
        return self._random()

    def one(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[int(self._random() * len(items))]

    def two(self, items: Sequence[T]) -> tuple[T, T]:
        """Two different ones of `items`."""
        first = int(self._random() * len(items))
        second = int(self._random() * (len(items) - 1))
        return items[first], items[second + (second >= first)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All `items` in a random order."""
        rest = list(items)
        return [rest.pop(int(self._random() * len(rest))) for _ in items]
