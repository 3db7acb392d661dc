"""The first passes over a table: what needs no groups. Counts, extremes, moments, quantiles."""

import math
from dataclasses import dataclass
from typing import Any

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.layout import SMALL, Layout

PERCENTS = (5, 25, 50, 75, 95)
_LARGE = "1e150"
"""Beyond it, the squares that a standard deviation adds up are no longer finite."""
_LEAST_BITS, _MOST_BITS = 19, 26
_BITMAPS = 1 << 31
"""Bits that all bitmaps of a pass may have: 256 MB."""
_AT_ONCE = 40
"""Columns of one pass."""
_EXACT_QUANTILES = 1_000_000
"""Up to so many rows (estimated), quantiles are exact."""


@dataclass(frozen=True)
class Figures:
    """Of one column.

    Attributes:
        filled: Rows with a value.
        valid: Rows whose value is of the column's kind.
        distinct: Different values.
        more: By name, what the kind has more.
    """

    filled: int
    valid: int
    distinct: int
    more: dict[str, Any]


@dataclass(frozen=True)
class TableFigures:
    """Of the whole table.

    Attributes:
        rows: Its rows.
        duplicates: Rows that repeat an earlier one.
        columns: By name.
        exact_distinct: Whether different values were counted, not estimated.
        exact_quantiles: Whether quantiles are those of the values, not of a sketch.
    """

    rows: int
    duplicates: int
    columns: dict[str, Figures]
    exact_distinct: bool
    exact_quantiles: bool


def measure(engine: Engine, layout: Layout, description: str) -> TableFigures:
    """Reads the table twice, or more often where it has very many columns."""
    exact = layout.size <= SMALL
    bits = 0 if exact else _bits(layout.size)
    exact_quantiles = layout.size <= _EXACT_QUANTILES
    rows, different = _rows(engine, layout, description)
    columns: dict[str, Figures] = {}
    for names in _batches(engine, list(layout.columns), bits):
        wanted: list[tuple[str, str, str]] = []
        for name in names:
            fields = _fields(layout, name, bits, exact_quantiles=exact_quantiles)
            wanted += [(name, field, sql) for field, sql in fields.items()]
        listed = ", ".join(sql for _, _, sql in wanted)
        (answer,) = engine.run(f"SELECT {listed} FROM {layout.source}", description=description)
        found: dict[str, dict[str, Any]] = {name: {} for name in names}
        for (name, field, _), value in zip(wanted, answer, strict=True):
            found[name][field] = value
        columns |= {name: _figures(layout, name, found[name], bits) for name in names}
    return TableFigures(rows, rows - different, columns, exact, exact_quantiles)


def _rows(engine: Engine, layout: Layout, description: str) -> tuple[int, int]:
    """How many rows there are, and how many different ones."""
    # A row is its hash: two of 10 million share one with a chance of 3 in a million. In a query
    # of their own they are grouped, which can spill; beside other figures they could not.
    whole = ", ".join(f"r{number}" for number in range(len(layout.columns)))
    grouped = f"SELECT count(*) AS rows FROM (SELECT hash({whole}) AS row FROM {layout.source})"
    sql = f"SELECT coalesce(sum(rows), 0)::BIGINT, count(*) FROM ({grouped} GROUP BY row)"
    ((rows, different),) = engine.run(sql, description=description)
    return rows, different


def _batches(engine: Engine, names: list[str], bits: int) -> list[list[str]]:
    """The columns of each pass: each thread holds a bitmap or a table of values for each."""
    ((threads,),) = engine.run("SELECT current_setting('threads')")
    size = max(1, min(_AT_ONCE, (_BITMAPS >> bits) // int(threads))) if bits else _AT_ONCE
    return [names[start : start + size] for start in range(0, len(names), size)]


def _fields(layout: Layout, name: str, bits: int, *, exact_quantiles: bool) -> dict[str, str]:
    """The SQL of each figure of a column."""
    number = list(layout.columns).index(name)
    raw, value = f"r{number}", f"t{number}"
    distinct = _bitmap(value, bits) if bits else f"count(DISTINCT {value})"
    fields = {"filled": f"count({raw})", "valid": f"count({value})", "distinct": distinct}
    return fields | _of_kind(layout.columns[name].kind, value, exact_quantiles=exact_quantiles)


def _figures(layout: Layout, name: str, found: dict[str, Any], bits: int) -> Figures:
    filled, valid, distinct = (found.pop(key) for key in ("filled", "valid", "distinct"))
    if layout.relation.table.format == "parquet" and layout.columns[name].kind == "number":
        filled = valid  # NaN is missing.
    return Figures(filled, valid, _counted(distinct or 0, bits, valid) if bits else distinct, found)


def _of_kind(kind: str, value: str, *, exact_quantiles: bool) -> dict[str, str]:
    """The SQL of each figure that only this kind has."""
    if kind in ("integer", "number"):
        shares = "[" + ", ".join(str(percent / 100) for percent in PERCENTS) + "]"
        quantiles = "quantile_cont" if exact_quantiles else "approx_quantile"
        bounded = f"FILTER (abs({value}) < {_LARGE})" if kind == "number" else ""
        return {
            "minimum": f"min({value})",
            "maximum": f"max({value})",
            "mean": f"avg({value}) {bounded}",
            "std": f"stddev_samp({value}) {bounded}",
            "zeros": f"count(*) FILTER ({value} = 0)",
            "quantiles": f"{quantiles}({value}::DOUBLE, {shares})",
        }
    if kind in ("date", "timestamp"):
        return {"minimum": f"min({value})", "maximum": f"max({value})"}
    if kind == "text":
        return {
            "longest": f"left(arg_max({value}, length({value})), 200)",
            "length": f"length(arg_max({value}, length({value})))",
            # Only what begins with white space is looked at as a whole; '' has the code -1.
            "blank": f"count(*) FILTER (CASE WHEN unicode({value}) <= 32 "
            f"THEN regexp_full_match({value}, '\\s*') ELSE false END)",
        }
    return {}


def _bits(size: int) -> int:
    """The width of the bitmap that different values are estimated with."""
    return min(_MOST_BITS, max(_LEAST_BITS, size.bit_length() - 2))


def _bitmap(value: str, bits: int) -> str:
    """How many of 2**bits places the hashes of the values take."""
    most = (1 << bits) - 1
    places = f"bitstring_agg((hash({value}) & {most})::INT, 0, {most})"
    return f"bit_count({places} FILTER ({value} IS NOT NULL))"


def _counted(taken: int, bits: int, valid: int) -> int:
    """Different values by linear counting (Whang et al. 1990).

    With a quarter as many places as rows, and no fewer than 2**19, its standard error is
    below 0.3 %; it falls with the square root of the places.
    """
    places = 1 << bits
    free = max(places - taken, 1)
    return min(valid, round(places * math.log(places / free)))
