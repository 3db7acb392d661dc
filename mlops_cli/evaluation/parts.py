"""The parts of a split that are looked at by themselves: rows of one length, value or range."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.evaluation.view import Predicted
from mlops_cli.reports.cells import quoted
from mlops_cli.tasks import pictures
from mlops_cli.tasks.encoders.table import BLANK, as_number
from mlops_cli.tasks.encoders.words import split_words

LEAST = 20
"""Rows that a part has; the figure of fewer is noise."""
_COLUMNS = 50
"""Columns of a table that are looked at, the first."""
_FEW = 6
"""A column of no more different numbers is parted by each of them."""
_NUMERIC = 0.98
"""Share of a column's values that are numbers, from which on it is parted by size."""
_VALUE = 40
"""Characters of a value."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Some rows of a split.

    Attributes:
        by: The column that sets them apart, or `length` or `size`.
        value: What they have in common.
        rows: Their places.
    """

    by: str
    value: str
    rows: NDArray[np.int64]


def by_inputs(found: Predicted) -> Iterator[Part]:
    """Thirds of texts by their length and of images by their size; tables by each column."""
    inputs = found.examples.inputs
    kinds = found.task.encoder.cells
    texts = [name for name, kind in kinds.items() if kind in ("text", "words")]
    if texts:
        yield from _by_length([inputs[name] for name in texts])
    for name in [name for name, kind in kinds.items() if kind in ("number", "category")][:_COLUMNS]:
        yield from by_column(name, inputs[name])
    for name in [name for name, kind in kinds.items() if kind == "image"]:
        looks = (pictures.header(pictures.content(one), one) for one in inputs[name])
        sizes = np.array([look.width * look.height for look in looks], dtype=np.float64)
        yield from _thirds("size", sizes, ("small", "middle", "large"), "pixels")


def by_column(name: str, cells: Sequence[str], most: int = 8) -> Iterator[Part]:
    """Thirds of a column of numbers, else its most frequent values; and the rows without one.

    Args:
        name: The column.
        cells: One a row.
        most: Values that are parts of their own; the rows of the others are one together.
    """
    there = np.array([cell.lower() not in BLANK for cell in cells])
    numbers = np.array([as_number(cell) for cell in cells])
    known = ~np.isnan(numbers)
    numeric = known.sum() >= _NUMERIC * max(1, there.sum())
    if numeric and len(np.unique(numbers[known])) > _FEW:
        yield from _thirds(name, numbers, ("low", "middle", "high"))
        yield from _part(name, "no number", ~known)
        return
    counts = Counter(cell for cell, is_there in zip(cells, there, strict=True) if is_there)
    own = [value for value, count in counts.most_common(most) if count >= LEAST]
    place = {value: number for number, value in enumerate(own)}
    found = np.array([place.get(cell, -1) for cell in cells])
    for value, number in place.items():
        yield from _part(name, quoted(value, _VALUE), found == number)
    yield from _part(name, "other values", there & (found < 0))
    yield from _part(name, "no value", ~there)


def _by_length(columns: Sequence[Sequence[str]]) -> Iterator[Part]:
    """Thirds by words, those of several columns together; by characters where no space parts."""
    sizes = np.array([[_size(cell) for cell in cells] for cells in columns], dtype=np.float64)
    words, characters = sizes.sum(axis=0).T
    names = ("short", "middle", "long")
    if np.median(words) > len(columns):
        yield from _thirds("length", words, names, "words")
    else:
        yield from _thirds("length", characters, names, "characters")


def _size(cell: str) -> tuple[int, int]:
    """Words and characters of a text."""
    return len(split_words(cell)), len(cell)


def _thirds(by: str, values: Floats, names: tuple[str, str, str], unit: str = "") -> Iterator[Part]:
    """As many rows in each of three ranges as equal values allow; NaN is in none."""
    known = ~np.isnan(values)
    ends = np.quantile(values[known], (1 / 3, 2 / 3), method="inverted_cdf")
    place = np.where(known, np.searchsorted(ends, values, side="left"), -1)
    for number, name in enumerate(names):
        chosen = place == number
        if chosen.any():
            low, high = values[chosen].min(), values[chosen].max()
            shown = _shown(low) if low == high else f"{_shown(low)} to {_shown(high)}"
            yield from _part(by, f"{name}: {shown} {unit}".rstrip(), chosen)


def _part(by: str, value: str, chosen: NDArray[np.bool_]) -> Iterator[Part]:
    """The part, where it has enough rows and is not all of them."""
    rows = np.flatnonzero(chosen)
    if LEAST <= len(rows) < len(chosen):
        yield Part(by, value, rows)


def _shown(number: float) -> str:
    whole = float(number).is_integer() and abs(number) < 1e15
    return str(int(number)) if whole else f"{number:.6g}"
