"""What the columns of a table look like, found by looking: a schema to be edited."""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from mlops_cli.data.engine import Engine, Relation, quoted
from mlops_cli.data.schema.columns import ColumnSchema, TableSchema

_MOST_VALUES = 100
_MOST_CLASSES = 1000
_RECURRENCE = 10
_LONGEST_VALUE = 100
"""A category has few distinct short values, each there so many times on average."""

_SLACK = 0.1
"""How far beyond the smallest and largest value a range reaches, as a share of the range."""

_IDENTIFIER = re.compile(r"(^|[^a-z])(id|ids|uuid|guid|key|index|rownames?)$", re.IGNORECASE)


@dataclass(frozen=True)
class _Facts:
    """What one pass over the table says of a column."""

    filled: int
    distinct: int
    least: Any
    most: Any
    shortest: int | None
    longest: int | None


def infer(
    engine: Engine,
    relation: Relation,
    *,
    text: str | None = None,
    label: str | None = None,
    numbers: bool = False,
) -> TableSchema:
    """What the columns look like, with ranges slightly wider than what is there.

    Args:
        engine: The engine that holds the table.
        relation: The table.
        text: The column that holds the text.
        label: The column that holds the label; few values make it a category.
        numbers: The label is a number to be predicted, and never a category.
    """
    rows, facts = _look(engine, relation)
    columns = {}
    for name, kind in relation.kinds.items():
        found = facts[name]
        role = "text" if name == text else "label" if name == label and not numbers else ""
        missing = math.ceil(100 * (1 - found.filled / rows)) / 100 if rows else 0.0
        if _is_category(kind, found, role):
            shown = "trim(CAST({0} AS VARCHAR))" if role == "label" else "CAST({0} AS VARCHAR)"
            values = _values(engine, relation, shown.format(quoted(name)))
            columns[name] = ColumnSchema("category", missing=missing, values=values)
        elif kind == "text":
            columns[name] = ColumnSchema(
                "text",
                missing=missing,
                min_length=_shorter(found.shortest),
                max_length=_longer(found.longest),
                unique=_is_unique(engine, relation, name, kind, found),
            )
        else:
            low, high = _range(kind, found.least, found.most)
            unique = _is_unique(engine, relation, name, kind, found)
            columns[name] = ColumnSchema(
                kind, missing=missing, minimum=low, maximum=high, unique=unique
            )
    return TableSchema(columns, text, label)


def _look(engine: Engine, relation: Relation) -> tuple[int, dict[str, _Facts]]:
    parts = ["count(*)"]
    for name, kind in relation.kinds.items():
        column = quoted(name)
        ordered = kind not in ("text", "boolean")
        parts += [
            f"count({column})",
            f"approx_count_distinct({column})",
            f"min({column})" if ordered else "NULL",
            f"max({column})" if ordered else "NULL",
            f"min(length({column}))" if kind == "text" else "NULL",
            f"max(length({column}))" if kind == "text" else "NULL",
        ]
    sql = f"SELECT {', '.join(parts)} FROM {relation.name}"
    answer = engine.run(sql, description=f"looking at {relation.table.path.name}")[0]
    step = 6
    facts = {
        name: _Facts(*answer[1 + step * position : 1 + step * (position + 1)])
        for position, name in enumerate(relation.kinds)
    }
    return int(answer[0]), facts


def _is_category(kind: str, found: _Facts, role: str) -> bool:
    if role == "text" or not found.distinct:
        return False
    if role == "label":
        return kind in ("text", "integer", "boolean") and found.distinct <= min(
            _MOST_CLASSES, max(2, found.filled // 2)
        )
    return (
        kind == "text"
        and found.distinct <= _MOST_VALUES
        and found.filled >= _RECURRENCE * found.distinct
        and (found.longest or 0) <= _LONGEST_VALUE
    )


def _values(engine: Engine, relation: Relation, shown: str) -> tuple[str, ...]:
    rows = engine.run(
        f"SELECT DISTINCT {shown} FROM {relation.raw} WHERE {shown} IS NOT NULL ORDER BY 1"
    )
    return tuple(str(value) for (value,) in rows)


def _is_unique(engine: Engine, relation: Relation, name: str, kind: str, found: _Facts) -> bool:
    """Whether a column that is called like an identifier is one."""
    short = kind == "integer" or (kind == "text" and (found.longest or 0) <= _LONGEST_VALUE)
    likely = found.distinct >= 0.9 * found.filled > 0
    if not (short and likely and _IDENTIFIER.search(name.strip())):
        return False
    column = quoted(name)
    sql = f"SELECT count(DISTINCT {column}) = count({column}) FROM {relation.name}"
    return bool(engine.run(sql)[0][0])


def _range(
    kind: str, least: Any, most: Any
) -> tuple[int | float | str | None, int | float | str | None]:
    if least is None or kind == "boolean":
        return None, None
    if isinstance(least, date):
        # Time goes on: only what lies before can be wrong.
        span = most - least
        day = timedelta(days=math.ceil(span.total_seconds() / 86400 * _SLACK))
        early = least - day if least - type(least).min > day else least
        return (early.isoformat(" ") if isinstance(early, datetime) else early.isoformat()), None
    slack = (most - least) * _SLACK
    # What is never negative does not become so.
    low = max(0, least - slack) if least >= 0 else least - slack
    high = min(0, most + slack) if most <= 0 else most + slack
    if kind == "integer":
        return math.floor(low), math.ceil(high)
    return _rounded(low, math.floor), _rounded(high, math.ceil)


def _rounded(value: float, towards: Any) -> float:
    """Three significant digits, rounded away from the values that are there."""
    if not value or not math.isfinite(value):
        return float(value)
    unit: float = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return float(f"{towards(value / unit) * unit:.12g}")


def _shorter(length: int | None) -> int | None:
    return None if length is None else max(1, math.floor(length * (1 - _SLACK)))


def _longer(length: int | None) -> int | None:
    return None if length is None else math.ceil(length * (1 + _SLACK))
