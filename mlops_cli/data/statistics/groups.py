"""The third pass over a table: how often which value, length or range occurs."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.figures import TableFigures
from mlops_cli.data.statistics.layout import Layout
from mlops_cli.data.statistics.scales import Scale

_MOST = 10_000
"""Groups of one column that are looked at; values beyond are only counted."""
_AT_ONCE = 50
"""Columns that are grouped in one pass; the engine takes 64."""


@dataclass(frozen=True)
class Groups:
    """How the rows of one column divide.

    Attributes:
        counts: Rows by value, range or length, most rows first, without the missing ones.
        different: How many groups there are, also where `counts` does not hold them all.
    """

    counts: dict[str, int]
    different: int

    def numbers(self) -> list[tuple[float, int]]:
        """The groups as numbers in ascending order."""
        return sorted((float(value), rows) for value, rows in self.counts.items())


def measure(
    engine: Engine,
    layout: Layout,
    figures: TableFigures,
    scales: Mapping[str, Scale],
    description: str,
) -> dict[tuple[str, str], Groups]:
    """Reads the table once more.

    Returns:
        The groups by column and by what they are: values, ranges, characters or words.
    """
    found: dict[tuple[str, str], Groups] = {}
    for source, keys in _keys(layout, figures, scales).items():
        pairs = list(keys.items())
        for start in range(0, len(pairs), _AT_ONCE):
            found |= _group(engine, source, dict(pairs[start : start + _AT_ONCE]), description)
    return found


def _keys(
    layout: Layout, figures: TableFigures, scales: Mapping[str, Scale]
) -> dict[str, dict[tuple[str, str], str]]:
    """What is grouped, in SQL, by where it is, by column and by what it is."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for number, (name, column) in enumerate(layout.columns.items()):
        value = f"t{number}"
        keys = found.setdefault(layout.source(column.kind), {})
        if column.kind in ("category", "boolean") or discrete(column.kind, figures, name):
            keys[name, "values"] = value
        elif column.kind == "text":
            keys[name, "characters"] = _rounded(f"l{number}")
            if column.words:
                texts = layout.worded(number, whole=figures.sparse(name))
                found.setdefault(texts, {})[name, "words"] = _rounded(f"w{number}")
        elif name in scales:
            keys[name, "ranges"] = scales[name].place(value)
    return found


def discrete(kind: str, figures: TableFigures, name: str) -> bool:
    """Whether a column of integers has so few values that each is counted."""
    return kind == "integer" and figures.columns[name].distinct <= 0.9 * _MOST


def _group(
    engine: Engine, source: str, keys: dict[tuple[str, str], str], description: str
) -> dict[tuple[str, str], Groups]:
    names = [f"k{number}" for number in range(len(keys))]
    picked = ", ".join(f"{sql} AS {name}" for name, sql in zip(names, keys.values(), strict=True))
    sets = ", ".join(f"({name})" for name in names)
    # Every bit but that of its own column is set in the number of a grouping.
    whole = (1 << len(names)) - 1
    numbers = [whole ^ (1 << (len(names) - 1 - place)) for place in range(len(names))]
    cases = " ".join(
        f"WHEN {number} THEN {name}::VARCHAR" for number, name in zip(numbers, names, strict=True)
    )
    sql = f"""
        WITH grouped AS (
            SELECT grouping_id({", ".join(names)}) AS grouping, count(*) AS rows,
                CASE grouping {cases} END AS value
            FROM (SELECT {picked} FROM {source})
            GROUP BY GROUPING SETS ({sets})
        ), ranked AS (
            SELECT *, count(*) OVER (PARTITION BY grouping) AS different,
                row_number() OVER (PARTITION BY grouping ORDER BY rows DESC, value) AS rank
            FROM grouped WHERE value IS NOT NULL
        )
        SELECT grouping, value, rows, different FROM ranked WHERE rank <= {_MOST} ORDER BY rank
    """
    answer = engine.run(sql, description=description)
    places = dict(zip(numbers, keys, strict=True))
    counts: dict[tuple[str, str], dict[str, int]] = {key: {} for key in keys}
    different = dict.fromkeys(keys, 0)
    for number, value, rows, groups in answer:
        counts[places[number]][value] = rows
        different[places[number]] = groups
    return {key: Groups(counts[key], different[key]) for key in keys}


def _rounded(length: str) -> str:
    """A length to three digits, so that long texts make few groups."""
    return (
        f"CASE WHEN {length} < 1000 THEN {length} "
        f"ELSE round({length}, 2 - floor(log10({length}))::INT)::BIGINT END"
    )
