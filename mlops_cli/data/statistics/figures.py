"""The first passes over a table: what needs no groups. Counts, extremes, moments, quantiles."""

import math
from dataclasses import dataclass
from typing import Any

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.layout import TEXT_WIDTH, Layout

PERCENTS = (5, 25, 50, 75, 95)
_LARGE = "1e150"
"""Beyond it, the squares that a standard deviation adds up are no longer finite."""
_LEAST_BITS, _MOST_BITS = 19, 26
_BITMAPS = 1 << 31
"""Bits that all bitmaps of a pass may have: 256 MB."""
_SPARSE = 20
"""A column with a value in fewer rows than one of so many is measured whole."""
_AT_ONCE = 40
"""Columns of one pass."""
_EXACT_QUANTILES = 500_000
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
        exact_quantiles: Whether quantiles are those of all values, not of a sample.
    """

    rows: int
    duplicates: int
    columns: dict[str, Figures]
    exact_distinct: bool
    exact_quantiles: bool

    def sparse(self, name: str) -> bool:
        """Whether a column has so few values that a sample of the rows would miss most."""
        return self.columns[name].valid * _SPARSE < self.rows


def measure(engine: Engine, layout: Layout, description: str) -> TableFigures:
    """Reads a small table twice, or more often where it has very many columns."""
    exact = layout.held is None
    bits = 0 if exact else _bits(layout.size)
    exact_quantiles = layout.size <= _EXACT_QUANTILES
    rows, different = _rows(engine, layout, description)
    columns: dict[str, Figures] = {}
    for source, names in layout.by_source().items():
        for batch in _batches(engine, names, bits):
            wanted = [
                (name, field, sql)
                for name in batch
                for field, sql in _fields(layout, name, bits, exact_quantiles).items()
            ]
            listed = ", ".join(sql for _, _, sql in wanted)
            (answer,) = engine.run(f"SELECT {listed} FROM {source}", description=description)
            found: dict[str, dict[str, Any]] = {name: {} for name in batch}
            for (name, field, _), value in zip(wanted, answer, strict=True):
                found[name][field] = value
            columns |= {name: _figures(layout, name, found[name], bits) for name in batch}
    ordered = {name: columns[name] for name in layout.columns}
    figures = TableFigures(rows, rows - different, ordered, exact, exact_quantiles)
    if not exact_quantiles:
        _add_quantiles(engine, layout, figures)
    return figures


def _rows(engine: Engine, layout: Layout, description: str) -> tuple[int, int]:
    """How many rows there are, and how many different ones."""
    # In a query of their own they are grouped, which can spill; beside other figures they
    # could not.
    grouped = f"SELECT count(*) AS rows FROM {layout.rows} GROUP BY row"
    sql = f"SELECT coalesce(sum(rows), 0)::BIGINT, count(*) FROM ({grouped})"
    ((rows, different),) = engine.run(sql, description=description)
    return rows, different


def _batches(engine: Engine, names: list[str], bits: int) -> list[list[str]]:
    """The columns of each pass: each thread holds a bitmap or a table of values for each."""
    ((threads,),) = engine.run("SELECT current_setting('threads')")
    size = max(1, min(_AT_ONCE, (_BITMAPS >> bits) // int(threads))) if bits else _AT_ONCE
    return [names[start : start + size] for start in range(0, len(names), size)]


def _fields(layout: Layout, name: str, bits: int, exact_quantiles: bool) -> dict[str, str]:
    """The SQL of each figure of a column."""
    number, kind = layout.number(name), layout.columns[name].kind
    value = f"t{number}"
    if kind == "text" and layout.held:
        fields = {"filled": f"count(l{number})", "valid": f"count(l{number})"}
        fields["distinct"] = _bitmap(f"h{number}", f"l{number}", bits)
    else:
        fields = {"filled": f"count(*) FILTER (f{number})", "valid": f"count({value})"}
        distinct = _bitmap(f"hash({value})", value, bits)
        fields["distinct"] = distinct if bits else f"count(DISTINCT {value})"
        if kind in ("category", "boolean"):
            fields["distinct"] = "0"  # Its values are grouped later.
    return fields | _of_kind(kind, number, exact_quantiles)


def _figures(layout: Layout, name: str, found: dict[str, Any], bits: int) -> Figures:
    filled, valid, distinct = (found.pop(key) for key in ("filled", "valid", "distinct"))
    column = layout.columns[name]
    if layout.relation.table.format == "parquet" and column.kind == "number":
        filled = valid  # NaN is missing.
    if column.kind == "text" and column.length and found["length"] == column.length:
        found["longest"] = column.longest  # A longer one would be held, this one may not be.
    return Figures(filled, valid, _counted(distinct or 0, bits, valid) if bits else distinct, found)


def _of_kind(kind: str, number: int, exact_quantiles: bool) -> dict[str, str]:
    """The SQL of each figure that only this kind has."""
    value = f"t{number}"
    if kind in ("integer", "number"):
        bounded = f"FILTER (abs({value}) < {_LARGE})" if kind == "number" else ""
        fields = {
            "minimum": f"min({value})",
            "maximum": f"max({value})",
            "mean": f"avg({value}) {bounded}",
            "std": f"stddev_samp({value}) {bounded}",
            "zeros": f"count(*) FILTER ({value} = 0)",
        }
        return fields | ({"quantiles": _quantiles(value)} if exact_quantiles else {})
    if kind in ("date", "timestamp"):
        return {"minimum": f"min({value})", "maximum": f"max({value})"}
    if kind == "text":
        held = f"FILTER ({value} IS NOT NULL)"
        return {
            "longest": f"left(arg_max({value}, row(l{number}, {value})) {held}, {TEXT_WIDTH})",
            "length": f"max(l{number})",
            "blank": f"count(*) FILTER (b{number})",
        }
    return {}


def _quantiles(value: str) -> str:
    shares = ", ".join(str(percent / 100) for percent in PERCENTS)
    return f"quantile_cont({value}::DOUBLE, [{shares}])"


def _add_quantiles(engine: Engine, layout: Layout, figures: TableFigures) -> None:
    """Adds those of the sample, whose ranks are off by less than two tenths of a percent.

    A sketch of all rows (DuckDB's t-digest) is off by more, and not the same twice.
    """
    by_source: dict[str, dict[str, str]] = {}
    for number, (name, column) in enumerate(layout.columns.items()):
        if column.kind in ("integer", "number"):
            sample = None if figures.sparse(name) else layout.sample(column.kind)
            source = sample or layout.source(column.kind)
            by_source.setdefault(source, {})[name] = _quantiles(f"t{number}")
    for source, wanted in by_source.items():
        (answer,) = engine.run(f"SELECT {', '.join(wanted.values())} FROM {source}")
        for name, values in zip(wanted, answer, strict=True):
            figures.columns[name].more["quantiles"] = values


def _bits(size: int) -> int:
    """The width of the bitmap that different values are estimated with."""
    return min(_MOST_BITS, max(_LEAST_BITS, size.bit_length() - 2))


def _bitmap(hashed: str, value: str, bits: int) -> str:
    """How many of 2**bits places the hashes of the values take."""
    most = (1 << bits) - 1
    places = f"bitstring_agg(({hashed} & {most})::INT, 0, {most})"
    return f"bit_count({places} FILTER ({value} IS NOT NULL))"


def _counted(taken: int, bits: int, valid: int) -> int:
    """Different values by linear counting (Whang et al. 1990).

    With a quarter as many places as rows, and no fewer than 2**19, its standard error is
    below 0.3 %; it falls with the square root of the places.
    """
    places = 1 << bits
    free = max(places - taken, 1)
    return min(valid, round(places * math.log(places / free)))
