"""Checks of whole columns: empty, constant, numbering, saying the same, giving the label away."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from mlops_cli.data.checks import Finding, Inspection, Part
from mlops_cli.data.engine import quoted
from mlops_cli.wording import counted

NAMES: tuple[str, ...] = (
    "constant_columns",
    "incomplete_columns",
    "identifiers",
    "redundant_columns",
    "label_leak",
)

_MOST_VALUES = 1000
_RECURRENCE = 5
"""Columns are compared with each other whose values recur so many times on average."""
_MOST_COLUMNS = 40
_PURE = 0.999
"""A column gives the label away when the most frequent label of each value is right so often."""
_ID_ROWS = 50


@dataclass(frozen=True)
class _Column:
    """What one pass over the table says of a column."""

    name: str
    filled: int
    distinct: int
    constant: bool
    example: str


def find(inspection: Inspection) -> Iterator[Finding]:
    """Looks at the columns of train."""
    part = inspection.train
    if part.rows < 2:
        return
    columns = _look(inspection, part)
    for column in columns:
        yield from _single(inspection, part, column)
    recurring = [
        column
        for column in columns
        if not column.constant
        and column.name != part.text
        and 2 <= column.distinct <= _MOST_VALUES
        and column.filled >= _RECURRENCE * column.distinct
    ][:_MOST_COLUMNS]
    if inspection.wants("label_leak"):
        yield from _label_leaks(inspection, part, recurring)
    if inspection.wants("redundant_columns"):
        yield from _redundant(inspection, part, recurring)


def _look(inspection: Inspection, part: Part) -> list[_Column]:
    # Paths and hashes of files tell nothing by themselves.
    without = {*part.inputs, part.content} if part.content else part.left_out
    names = [name for name in part.relation.kinds if name not in without]
    parts = []
    for name in names:
        text = part.as_text(name)
        parts += [
            f"count({text})",
            f"approx_count_distinct({text})",
            f"min({text}) = max({text})",
            f"any_value({text})",
        ]
    answer = inspection.engine.run(
        f"SELECT {', '.join(parts)} FROM {part.relation.raw}",
        description=f"looking at the columns of {part.name}",
    )[0]
    found = []
    for position, name in enumerate(names):
        filled, distinct, constant, example = answer[4 * position : 4 * position + 4]
        found.append(_Column(name, filled, distinct, bool(constant), str(example)))
    return found


def _single(inspection: Inspection, part: Part, column: _Column) -> Iterator[Finding]:
    missing = part.rows - column.filled
    name = column.name
    if column.constant and not missing:
        message = f"every row has the same {name}"
        fix = "leave the column out: it tells nothing"
        examples: list[tuple[list[int], str]] = [([], column.example)]
        yield Finding("constant_columns", part, message, part.rows, part.rows, fix, name, examples)
    if missing and name not in (part.text, part.label):
        message = f"{name} is missing in {counted(missing, 'row')}, {missing / part.rows:.2%}"
        fix = f"fill it in, or let the schema say how many may be missing: columns.{name}.missing"
        yield Finding("incomplete_columns", part, message, missing, part.rows, fix, name)
    likely = column.distinct > 0.9 * part.rows and part.rows >= _ID_ROWS and not missing
    whole = part.relation.kinds[name] in ("text", "integer")
    if part.text or not (likely and whole and inspection.wants("identifiers")):
        return
    sql = f"SELECT count(DISTINCT {quoted(name)}) FROM {part.relation.raw}"
    if inspection.engine.run(sql)[0][0] == part.rows:
        message = f"{name} is different in every row: a number or name of the row"
        fix = "leave the column out of what the model sees"
        yield Finding("identifiers", part, message, part.rows, part.rows, fix, name)


def _label_leaks(inspection: Inspection, part: Part, recurring: list[_Column]) -> Iterator[Finding]:
    """Columns whose value says the label, though no single label is nearly always right."""
    label = next((column for column in recurring if column.name == part.label), None)
    if label is None:
        return
    for column in recurring:
        if column is label:
            continue
        counts = (
            f"(SELECT {quoted(column.name)} AS value, {part.label_text} AS label, count(*) AS n "
            f"FROM {part.relation.raw} WHERE {quoted(column.name)} IS NOT NULL "
            f"AND {part.label_text} IS NOT NULL GROUP BY 1, 2)"
        )
        right, total, most, values = inspection.engine.run(
            f"SELECT (SELECT sum(best) FROM (SELECT max(n) AS best FROM {counts} GROUP BY value)), "
            f"sum(n), (SELECT max(n) FROM (SELECT sum(n) AS n FROM {counts} GROUP BY label)), "
            f"count(DISTINCT value) FROM {counts}"
        )[0]
        if not total or right < _PURE * total or most >= _PURE * total:
            continue
        yield Finding(
            "label_leak",
            part,
            f"{column.name} gives the label away: each of its {counted(values, 'value')} comes "
            f"with one label in {right / total:.1%} of the rows",
            int(right),
            int(total),
            "leave the column out unless it is known before the label is",
            column.name,
            _pairs(inspection, part, column.name, part.label_text),
        )


def _redundant(inspection: Inspection, part: Part, recurring: list[_Column]) -> Iterator[Finding]:
    """Pairs of columns in which each value goes with one value of the other."""
    for one, other in combinations(recurring, 2):
        # The counts are estimates, each a few percent off.
        apart = abs(one.distinct - other.distinct) > 0.2 * max(one.distinct, other.distinct)
        if apart or part.label in (one.name, other.name):
            continue
        first, second = quoted(one.name), quoted(other.name)
        pairs, firsts, seconds = inspection.engine.run(
            f"SELECT count(*), count(DISTINCT a), count(DISTINCT b) FROM "
            f"(SELECT {first} AS a, {second} AS b FROM {part.relation.raw} "
            f"WHERE {first} IS NOT NULL AND {second} IS NOT NULL GROUP BY 1, 2)"
        )[0]
        if pairs and pairs == firsts == seconds:
            yield Finding(
                "redundant_columns",
                part,
                f"{one.name} and {other.name} say the same: {counted(pairs, 'value')}, one for one",
                2,
                len(part.relation.kinds) - len(part.left_out),
                "one of them is enough",
                other.name,
                _pairs(inspection, part, one.name, part.as_text(other.name)),
            )


def _pairs(
    inspection: Inspection, part: Part, column: str, other: str
) -> list[tuple[list[int], str]]:
    """The most frequent pairs of two columns' values."""
    found = inspection.engine.run(
        f"SELECT {part.as_text(column)}, {other}, count(*) FROM {part.relation.raw} "
        f"WHERE {quoted(column)} IS NOT NULL AND {other} IS NOT NULL "
        "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 5"
    )
    return [([], f"{value} → {shown} ({counted(rows, 'row')})") for value, shown, rows in found]
