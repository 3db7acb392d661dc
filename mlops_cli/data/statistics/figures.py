"""The first pass over a table: what needs no groups. Counts, extremes, moments, quantiles."""

import math
from dataclasses import dataclass
from typing import Any

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.layout import SMALL, Layout

PERCENTS = (5, 25, 50, 75, 95)
_LARGE = "1e150"
"""Beyond it, the squares that a standard deviation adds up are no longer finite."""
_MOST_BITS = 26
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
    """Reads the table once."""
    bits = _bits(layout.size)
    exact = layout.size <= SMALL
    exact_quantiles = layout.size <= _EXACT_QUANTILES
    wanted: list[tuple[str, str, str]] = []
    for number, (name, column) in enumerate(layout.columns.items()):
        raw, value = f"r{number}", f"t{number}"
        distinct = f"count(DISTINCT {value})" if exact else _bitmap(value, bits)
        fields = {"filled": f"count({raw})", "valid": f"count({value})", "distinct": distinct}
        fields |= _of_kind(column.kind, value, exact_quantiles=exact_quantiles)
        wanted += [(name, field, sql) for field, sql in fields.items()]
    # A row is its hash: two of 10 million share one with a chance of 3 in a million.
    whole = ", ".join(f"r{number}" for number in range(len(layout.columns)))
    parts = ["count(*)", f"count(DISTINCT hash({whole}))", *(sql for _, _, sql in wanted)]
    sql = f"SELECT {', '.join(parts)} FROM {layout.source}"
    (answer,) = engine.run(sql, description=description)
    found: dict[str, dict[str, Any]] = {name: {} for name in layout.columns}
    for (name, field, _), value in zip(wanted, answer[2:], strict=True):
        found[name][field] = value
    columns = {}
    for name, figures in found.items():
        filled, valid, set_bits = (figures.pop(key) for key in ("filled", "valid", "distinct"))
        if layout.relation.table.format == "parquet" and layout.columns[name].kind == "number":
            filled = valid  # NaN is missing.
        distinct_values = set_bits if exact else _counted(set_bits or 0, bits, valid)
        columns[name] = Figures(filled, valid, distinct_values, figures)
    return TableFigures(answer[0], answer[0] - answer[1], columns, exact, exact_quantiles)


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
            "longest": f"arg_max(left({value}, 200), length({value}))",
            "length": f"max(length({value}))",
            "blank": f"count(*) FILTER (trim({value}) = '')",
        }
    return {}


def _bits(size: int) -> int:
    """The width of the bitmap that different values are estimated with."""
    return min(_MOST_BITS, max(16, size.bit_length()))


def _bitmap(value: str, bits: int) -> str:
    """How many of 2**bits places the hashes of the values take."""
    most = (1 << bits) - 1
    places = f"bitstring_agg((hash({value}) & {most})::INT, 0, {most})"
    return f"bit_count({places} FILTER ({value} IS NOT NULL))"


def _counted(taken: int, bits: int, valid: int) -> int:
    """Different values by linear counting (Whang et al. 1990).

    With at least as many places as rows, the standard error is below 0.1 %.
    """
    places = 1 << bits
    free = max(places - taken, 1)
    return min(valid, round(places * math.log(places / free)))
