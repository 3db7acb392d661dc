"""What a column can hold, in SQL: how values are tested for a kind and cast to it."""

from collections.abc import Sequence

from mlops_cli.data.engine_files import literal
from mlops_cli.data.tables import Table

KINDS = ("text", "integer", "number", "boolean", "date", "timestamp")
"""What a column can hold."""

_TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_NATIVE = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
        "integer",
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE", "UBIGINT", "HUGEINT", "UHUGEINT"), "number"),
}
FITS = {
    "text": "{name} IS NOT NULL",
    # Numbers that begin with 0 are codes.
    "integer": "regexp_full_match({name}, '\\s*[+-]?(0|[1-9][0-9]{{0,17}})\\s*')",
    "number": (
        "isfinite(TRY_CAST({name} AS DOUBLE)) AND NOT regexp_matches({name}, '^\\s*[+-]?0[0-9]')"
    ),
    "boolean": "lower({name}) IN ('true', 'false')",
    "date": "length({name}) <= 10 AND TRY_CAST({name} AS DATE) IS NOT NULL",
    "timestamp": "TRY_CAST({name} AS TIMESTAMP) IS NOT NULL",
}
"""Whether a text is a value of a kind, the narrowest kinds first."""
_MOSTLY = 0.95
"""A column is of a kind when at least this share of its values is; the others are mistakes."""


def quoted(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def as_kind(column: str, kind: str) -> str:
    """A raw column as a value of a kind, NULL where it doesn't fit, in SQL."""
    name = quoted(column)
    if kind == "number":
        # NaN is missing here, as it is everywhere else.
        return f"CASE WHEN isfinite(TRY_CAST({name} AS DOUBLE)) THEN TRY_CAST({name} AS DOUBLE) END"
    return f"TRY_CAST({name} AS {_TYPES[kind]})"


def filled(table: Table, source: str) -> str:
    """The query for the values of a file, of which those that mean "missing" are NULL.

    Args:
        table: The file.
        source: What the engine reads it from.
    """
    if table.format == "parquet" and not table.missing:
        return f"SELECT * FROM {source}"
    columns = (_without(column, ("", *table.missing)) for column in table.columns)
    return f"SELECT {', '.join(columns)} FROM {source}"


def _without(column: str, missing: Sequence[str]) -> str:
    """The column with the values that mean "missing" left out; its type stays."""
    name, values = quoted(column), ", ".join(map(literal, missing))
    blank = f"CAST({name} AS VARCHAR) IN ({values})"
    return f"CASE WHEN {blank} THEN NULL ELSE {name} END AS {name}"


def native(kind: str) -> str:
    """The kind for a type of Parquet's."""
    if kind.startswith("DECIMAL"):
        return "number"
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    return _NATIVE.get(kind, "text")


def narrowest(counts: Sequence[int]) -> str:
    """The narrowest kind that a column's values fit.

    Args:
        counts: Values that fit each of `FITS`, in its order.
    """
    found = dict(zip(FITS, counts, strict=True))
    filled = found.pop("text")
    return next((kind for kind, n in found.items() if n >= max(1, _MOSTLY * filled)), "text")
