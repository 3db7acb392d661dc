"""The two tables that are compared, read alike, and a random sample of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.engine import Engine, Relation, quoted

Values = NDArray[Any]
"""Values of one column: floats with NaN for missing, or objects with None for missing."""

NUMERIC = ("integer", "number", "date", "timestamp")
"""Kinds that have an order and distances."""

_SMALL = 2**24
"""Bytes of a file that is gone through in no time."""


@dataclass(frozen=True)
class Side:
    """One of the two tables.

    Attributes:
        relation: The table in the engine.
        rows: Number of its rows.
        sample: A random sample of rows by column, each of the same length.
    """

    relation: Relation
    rows: int
    sample: dict[str, Values]

    @property
    def sampled(self) -> int:
        """Rows of the sample."""
        return len(next(iter(self.sample.values())))


def shared_kinds(
    reference: Relation, current: Relation, empty: Collection[str], label: str | None
) -> dict[str, str]:
    """The kind that both tables' values of a shared column are read as.

    The reference decides, for what doesn't fit it is part of the drift. A label that changed
    its kind is compared as text.

    Args:
        reference: The one table.
        current: The other.
        empty: Columns without any value in the reference, where the other table decides.
        label: The label column.
    """
    kinds = {}
    for column, kind in reference.kinds.items():
        other = current.kinds.get(column)
        if other is None:
            continue
        if {kind, other} == {"integer", "number"}:
            kinds[column] = "number"
        elif {kind, other} == {"date", "timestamp"}:
            kinds[column] = "timestamp"
        elif column == label and kind != other:
            kinds[column] = "text"
        else:
            kinds[column] = other if column in empty else kind
    return kinds


def expression(column: str, kind: str) -> str:
    """SQL of a column's values: a DOUBLE where they have an order, else text."""
    name = quoted(column)
    if kind in ("date", "timestamp"):
        return f"epoch(CAST({name} AS TIMESTAMP))"
    return f"CAST({name} AS {'DOUBLE' if kind in NUMERIC else 'VARCHAR'})"


def take(
    engine: Engine, relation: Relation, columns: Sequence[str], *, rows: int, seed: int, name: str
) -> Side:
    """Counts a table and takes a random sample of its rows, in random order.

    Args:
        engine: Where the table is.
        relation: The table.
        columns: The columns to take.
        rows: Most rows of the sample.
        seed: Seed of the sample.
        name: What to call the table beside the progress bar.
    """
    picked = ", ".join(
        f"{expression(column, relation.kinds[column])} AS {quoted(column)}" for column in columns
    )
    table = f"sample_of_{relation.name}"
    count = engine.run(
        f"SELECT count(*) FROM {relation.name}", description=bar(relation, f"counting the {name}")
    )
    # A repeatable reservoir is filled by one thread, so the seed alone decides.
    engine.run(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {picked} FROM {relation.name} "
        f"USING SAMPLE reservoir({rows} ROWS) REPEATABLE ({seed % 2**31})",
        description=bar(relation, f"sampling the {name}"),
    )
    arrays = engine.columns(f"SELECT * FROM {table}")
    engine.run(f"DROP TABLE {table}")
    order = np.random.default_rng(seed).permutation(len(next(iter(arrays.values()))))
    sample = {column: _filled(arrays[column])[order] for column in columns}
    return Side(relation, int(count[0][0]), sample)


def bar(relation: Relation, description: str) -> str:
    """What to call work on all rows beside a progress bar; empty where there is no time for it."""
    return description if relation.table.path.stat().st_size > _SMALL else ""


def _filled(array: Any) -> Values:
    """A masked array as floats with NaN or objects with None."""
    values: Values
    if array.dtype == object:
        values = np.asarray(np.ma.getdata(array), dtype=object).copy()
        values[np.ma.getmaskarray(array)] = None
    else:
        values = np.ma.filled(array.astype(float), np.nan)
    return values


def present(values: Values) -> Values:
    """The values that are not missing."""
    if values.dtype == object:
        there = np.array([value is not None for value in values], dtype=bool)
    else:
        there = ~np.isnan(values)
    found: Values = values[there]
    return found
