"""Rows of a table to numbers and category ids."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import DataError
from mlops_cli.tasks import CellKind, Columns, Inputs
from mlops_cli.tasks.distribution import numbers
from mlops_cli.tasks.frequent import Frequent

MISSING, OTHER = 0, 1
"""Category ids of no value, and of one that training did not have often enough."""
BLANK = frozenset(("", "?", "na", "n/a", "nan", "null", "none", "-"))
"""Cells that mean that there is no value, in small letters."""
_MOST_CATEGORIES = 1000
_FEWEST_ROWS = 2
"""Rows that a category needs to be one of its own."""
_TOGETHER, _MOST_COUNTED = 10_000, 100_000
"""Cells that are looked at in one go, and different values that are counted of a column that lies
on the disk; beyond that, the rarest are forgotten."""
_NUMERIC = 0.98
"""Share of the values of a column that are numbers, from which on the others count as missing."""


@dataclass(frozen=True)
class Column:
    """What training found in a column.

    Attributes:
        name: The raw column.
        values: Its categories, by id from 2 on; None of a column of numbers.
    """

    name: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TableEncoder:
    """Numbers as they are (NaN where there is none), categories as ids.

    Attributes:
        parts: The columns, numbers and categories in the order of the file.
    """

    parts: tuple[Column, ...]
    optional: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns, in the order of the file."""
        return tuple(part.name for part in self.parts)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return tuple(part.name for part in self.parts if part.values is None)

    @property
    def categorical(self) -> tuple[Column, ...]:
        """The columns of categories."""
        return tuple(part for part in self.parts if part.values is not None)

    @property
    def cells(self) -> dict[str, CellKind]:
        """Numbers and categories."""
        return {part.name: "number" if part.values is None else "category" for part in self.parts}

    @property
    def input_names(self) -> tuple[str, ...]:
        """`numbers` (float32) and `categories` (int64), where there are any."""
        names = {"numbers": self.numeric, "categories": self.categorical}
        return tuple(name for name, found in names.items() if found)

    def encode(self, inputs: Columns) -> Sequence[Any]:
        """One pair a row: numbers (columns,) in float32 and category ids (columns,) in int64."""
        return list(zip(*self.matrices(inputs), strict=True))

    def matrices(self, inputs: Columns) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The same of all rows together: numbers and ids, each (rows, columns)."""
        rows = len(next(iter(inputs.values())))
        figures = np.empty((rows, len(self.numeric)), dtype=np.float32)
        for place, name in enumerate(self.numeric):
            figures[:, place] = [as_number(cell) for cell in inputs[name]]
        ids = np.empty((rows, len(self.categorical)), dtype=np.int64)
        for place, column in enumerate(self.categorical):
            known = {value: number for number, value in enumerate(column.values or (), 2)}
            ids[:, place] = [
                MISSING if cell.lower() in BLANK else known.get(cell, OTHER)
                for cell in inputs[column.name]
            ]
        return figures, ids

    def sizes(self, rows: Sequence[Any]) -> NDArray[np.int64]:
        """All rows are of one size."""
        return np.ones(len(rows), dtype=np.int64)

    def collate(self, rows: Sequence[Any]) -> Inputs:
        """Rows on top of each other: (batch, columns)."""
        figures, ids = (np.stack(side) for side in zip(*rows, strict=True))
        found = {"numbers": figures, "categories": ids}
        return {name: found[name] for name in self.input_names}

    def count_truncated(self, inputs: Columns) -> int:
        """No row is ever cut."""
        return 0

    def example(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Two rows, one of them with everything missing."""
        figures, ids = rows[0]
        return [rows[0], (np.full_like(figures, np.nan), np.zeros_like(ids))]

    def axes(self) -> dict[str, dict[int, str]]:
        """The batch varies."""
        return {name: {0: "batch"} for name in self.input_names}

    def describe(self, inputs: Columns, rows: Sequence[Any]) -> dict[str, Any]:
        """The distribution of each column."""
        described: dict[str, Any] = {}
        for name in self.numeric:
            values = np.array([as_number(cell) for cell in inputs[name]], dtype=np.float64)
            there = values[~np.isnan(values)]
            figures = numbers(there) if len(there) else {}
            described[name] = {"missing": int(np.isnan(values).sum()), **figures}
        for column in self.categorical:
            counts = Counter(cell for cell in inputs[column.name] if cell.lower() not in BLANK)
            kept = {value: counts[value] for value in column.values or ()}
            missing = len(inputs[column.name]) - counts.total()
            other = counts.total() - sum(kept.values())
            described[column.name] = {"missing": missing, "values": kept, "other": other}
        return {"columns": described}

    def spec(self) -> dict[str, Any]:
        """The columns."""
        return {"parts": [asdict(part) for part in self.parts]}

    def save(self, folder: Path) -> None:
        """Everything is in the spec."""


def fit(inputs: Columns) -> TableEncoder:
    """Finds out what each column of training rows holds.

    A column whose values are nearly all numbers is one of numbers. The values of any other are
    categories; a rare one counts as `OTHER`, and a column in which all values are rare (names,
    free text) is left out. Values in memory are all counted. Those of rows on the disk are looked
    at some after the other: of a column with more than 100,000 different ones, `Frequent` may take
    values that have about 1 in 50,000 of the rows, or fewer, for rare or for rarer than they are.
    None that comes once is ever a category.

    Raises:
        DataError: No column is left.
    """
    parts = []
    for name, cells in inputs.items():
        values = parsed = 0
        counts = Counter[str]() if isinstance(cells, list) else Frequent(_MOST_COUNTED)
        for start in range(0, len(cells), _TOGETHER):
            there = [c for c in cells[start : start + _TOGETHER] if c.lower() not in BLANK]
            values += len(there)
            parsed += sum(not math.isnan(as_number(value)) for value in there)
            counts.update(there)
        if not values:
            continue
        if parsed >= _NUMERIC * values:
            parts.append(Column(name))
            continue
        common = [value for value, count in counts.most_common() if count >= _FEWEST_ROWS]
        if common:
            parts.append(Column(name, tuple(sorted(common[:_MOST_CATEGORIES]))))
    if not parts:
        raise DataError(
            "no column of the table can be predicted from",
            hint="columns need values that come again, or numbers",
        )
    return TableEncoder(tuple(parts))


def tell_left_out(encoder: TableEncoder, inputs: Columns, tell: Callable[[str], None]) -> None:
    """Names the columns that say nothing a model could learn."""
    left_out = [name for name in inputs if name not in encoder.columns]
    if left_out:
        named = ", ".join(left_out[:5]) + (", …" if len(left_out) > 5 else "")
        tell(f"columns without values that come again are left out: {named}")


def load(spec: dict[str, Any]) -> TableEncoder:
    """Makes the encoder again. Raises DataError when the spec is damaged."""
    try:
        parts = (
            Column(part["name"], None if part["values"] is None else tuple(part["values"]))
            for part in spec["parts"]
        )
        return TableEncoder(tuple(parts))
    except TypeError as error:
        raise DataError(
            "the task's columns are damaged", hint="train again: mlops train"
        ) from error


def as_number(cell: str) -> float:
    """The finite number that a cell holds; NaN for any other cell."""
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return number if abs(number) < 3e38 else math.nan
