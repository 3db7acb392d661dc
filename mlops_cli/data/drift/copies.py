"""Repeated rows: which are mere copies, so that they count once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.drift.sides import Values

_BY_CHANCE = 0.05
"""Repeats are copies where fewer than this many of a row's equals are to be expected."""


def contents(columns: Sequence[tuple[Values, Values]]) -> tuple[NDArray[np.int64], ...]:
    """A number for the content of each row, the same in both tables.

    Args:
        columns: The values of each column in the reference and in the current table.
    """
    codes = [_codes(np.concatenate(pair)) for pair in columns]
    _, numbers = np.unique(np.column_stack(codes), axis=0, return_inverse=True)
    numbers = numbers.ravel()
    size = len(columns[0][0])
    return numbers[:size], numbers[size:]


def are_copies(columns: Sequence[tuple[Values, Values]]) -> bool:
    """Whether rows of these columns can hardly be equal by chance.

    Of a table of a few categories rows are equal all the time and mean something; of one with
    texts or many numbers an equal row is a copy. Columns are taken for independent, and the
    table with fewer equal values for the one without copies.
    """
    chance = 1.0
    for pair in columns:
        chance *= min(map(_collisions, pair))
    return chance * max(len(values) for values in columns[0]) < _BY_CHANCE


def _collisions(values: Values) -> float:
    """The chance that two rows have the same value."""
    counts = np.bincount(_codes(values)).astype(float)
    rows = max(2, len(values))
    return float(np.sum(counts * (counts - 1)) / (rows * (rows - 1)))


def firsts(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each content occurs first, in the order of the rows."""
    return np.sort(np.unique(numbers, return_index=True)[1])


def _codes(values: Values) -> NDArray[np.int64]:
    if values.dtype == object:
        places: dict[str | None, int] = {}
        return np.array([places.setdefault(value, len(places)) for value in values])
    return np.unique(values, return_inverse=True, equal_nan=True)[1].ravel()
