"""Statistics of all rows of a table, however many: counts by bin and by category, in one pass."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.drift.sides import Side, Values, bar, expression, present
from mlops_cli.data.engine import Engine, quoted
from mlops_cli.data.engine_files import literal

_QUANTILES = 128
CATEGORIES = 50
"""Most categories that are counted one by one."""
_REST = "\u0001"
"""What the engine calls every value that is not among the categories; no text is this."""


@dataclass(frozen=True)
class Binning:
    """What to count of one column.

    Attributes:
        sql: The values, as SQL.
        edges: Upper ends of the bins of numbers; the last bin has none.
        categories: The categories of text, the most frequent first; None for numbers.
    """

    sql: str
    edges: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    categories: list[str] | None = None


@dataclass(frozen=True)
class Profile:
    """What was counted of one column.

    Attributes:
        rows: Rows of the table.
        missing: Rows without a value, or with one that is not of the column's kind.
        counts: Rows of each bin or category, in the order of the binning; the last one is what
            lies above the last edge, or any other category.
    """

    rows: int
    missing: int
    counts: NDArray[np.int64]


def numeric_binning(sql: str, reference: Values, current: Values) -> Binning:
    """Bins with edges at quantiles of both samples; one for each value where these are few."""
    both = [found for found in (present(reference), present(current)) if len(found)]
    edges = np.unique(np.concatenate(both)) if both else np.empty(0)
    if len(edges) > 2 * _QUANTILES:
        levels = np.linspace(0, 1, _QUANTILES + 1)
        edges = np.unique(
            np.concatenate([np.quantile(found, levels, method="inverted_cdf") for found in both])
        )
    return Binning(sql, edges)


def categorical_binning(sql: str, reference: Values, current: Values) -> Binning:
    """The categories that are most frequent in both samples together.

    Rows count alike whatever table they are from, for a choice that looks at the table would
    find what is frequent there by chance.
    """
    counts = Counter(category(value) for side in (reference, current) for value in present(side))
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return Binning(sql, categories=ranked[:CATEGORIES])


def category(value: Any) -> str:
    """A sampled value as the engine writes it as text."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def category_sql(column: str, kind: str) -> str:
    """SQL of a column's values as the names of categories."""
    if kind == "number":
        # 1.0 beside 1: whole numbers are written alike in both tables.
        name = quoted(column)
        return (
            f"CASE WHEN {name} = trunc({name}) AND abs({name}) < 1e15 "
            f"THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) ELSE CAST({name} AS VARCHAR) END"
        )
    return f"CAST({quoted(column)} AS VARCHAR)"


def text_length_sql(column: str) -> str:
    """SQL of the number of characters of a text."""
    return f"CAST(length({expression(column, 'text')}) AS DOUBLE)"


def profiles(
    engine: Engine, side: Side, binnings: Mapping[str, Binning], name: str
) -> dict[str, Profile]:
    """Counts every column of a table in one pass over all its rows.

    Args:
        engine: Where the table is.
        side: The table.
        binnings: What to count, by a name of the caller's choice.
        name: What to call the table beside the progress bar.
    """
    if not binnings:
        return {}
    wanted = ", ".join(
        f"count({binning.sql}), {_histogram(binning)}" for binning in binnings.values()
    )
    answer = engine.run(
        f"SELECT {wanted} FROM {side.relation.name}",
        description=bar(side.relation, f"counting values of the {name}"),
    )[0]
    found = {}
    for position, (key, binning) in enumerate(binnings.items()):
        filled, histogram = answer[2 * position : 2 * position + 2]
        found[key] = Profile(side.rows, side.rows - filled, _counts(binning, histogram or {}))
    return found


def _histogram(binning: Binning) -> str:
    if binning.categories is None:
        edges = ", ".join(repr(float(edge)) for edge in binning.edges)
        return f"histogram({binning.sql}, [{edges}]::DOUBLE[])"
    names = ", ".join(map(literal, binning.categories))
    known = f"{binning.sql} IN ({names})" if names else "false"
    missing = f"{binning.sql} IS NULL"
    rest = literal(_REST)
    return (
        f"histogram(CASE WHEN {missing} THEN NULL WHEN {known} THEN {binning.sql} ELSE {rest} END)"
    )


def _counts(binning: Binning, histogram: Mapping[Any, int]) -> NDArray[np.int64]:
    keys: Sequence[Any]
    if binning.categories is None:
        keys = [*map(float, binning.edges), float("inf")]
    else:
        keys = [*binning.categories, _REST]
    return np.array([histogram.get(key, 0) for key in keys], dtype=np.int64)
