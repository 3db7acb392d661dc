"""Repeated rows: which are mere copies, so that they count once."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.drift.sides import Side, Values

_BY_CHANCE = 0.01
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
    texts or many numbers an equal row is a copy. Columns are taken for independent.
    """
    chance = 0.0
    for pair in columns:
        counts = np.bincount(_codes(np.concatenate(pair)))
        chance += float(np.log(np.sum((counts / counts.sum()) ** 2)))
    rows = max(len(values) for values in columns[0])
    return bool(chance + np.log(rows) < np.log(_BY_CHANCE))


def firsts(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each content occurs first, in the order of the rows."""
    return np.sort(np.unique(numbers, return_index=True)[1])


def pairs(
    reference: Side, current: Side, columns: Mapping[str, str]
) -> list[tuple[Values, Values]]:
    """The sampled values of the columns on both sides."""
    return [(reference.sample[column], current.sample[column]) for column in columns]


def _codes(values: Values) -> NDArray[np.int64]:
    if values.dtype == object:
        places: dict[str | None, int] = {}
        return np.array([places.setdefault(value, len(places)) for value in values])
    return np.unique(values, return_inverse=True, equal_nan=True)[1].ravel()
