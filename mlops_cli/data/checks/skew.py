"""Checks of a file that the model is asked against train: what training never showed it."""

import math
from collections.abc import Iterator

from mlops_cli.data.checks import EXAMPLES, Finding, Inspection, Part, listed, sample
from mlops_cli.data.engine import as_kind, quoted
from mlops_cli.data.engine_files import literal
from mlops_cli.data.schema import TableSchema, infer
from mlops_cli.wording import counted

NAMES: tuple[str, ...] = (
    "skew_columns",
    "skew_values",
    "skew_range",
    "skew_missing",
    "skew_length",
    "skew_words",
)

_WORDS_ROWS = 200_000
"""The vocabulary is compared on so many rows of each; more would not change the shares."""
_SMIRNOV = 1.63
"""Critical value of the two-sample Kolmogorov-Smirnov test at 1 % (Smirnov 1948)."""


def find(inspection: Inspection) -> Iterator[Finding]:
    """Compares the file with train, where one is given."""
    train, other = inspection.train, inspection.against
    if other is None or not other.rows or not train.rows:
        return
    missing = [name for name in train.inputs if name not in other.relation.kinds]
    if missing:
        yield Finding(
            "skew_columns",
            other,
            f"{counted(len(missing), 'column')} of train not there: {listed(missing)}",
            len(missing),
            len(train.inputs),
            "add them, or train without them",
            missing[0] if len(missing) == 1 else None,
        )
    schema = infer(inspection.engine, train.relation, text=train.text, label=train.label)
    without = {train.label, *train.left_out}
    shared = [
        name for name in schema.columns if name in other.relation.kinds and name not in without
    ]
    for name in shared:
        yield from _values(inspection, schema, name, other)
    yield from _missing(inspection, shared, other)
    if train.text and train.text in shared:
        if inspection.wants("skew_length"):
            yield from _lengths(inspection, other, train.text)
        if inspection.wants("skew_words"):
            yield from _words(inspection, other, train.text)


def _values(
    inspection: Inspection, schema: TableSchema, name: str, other: Part
) -> Iterator[Finding]:
    """Categories that are new, and numbers beyond those of train with a tenth of their range."""
    column = schema.columns[name]
    beyond = []
    if column.type == "category" and column.values and inspection.wants("skew_values"):
        known = ", ".join(literal(value) for value in column.values)
        condition = f"{other.as_text(name)} NOT IN ({known})"
        check, message = "skew_values", f"of {name} that train never has"
    elif column.type in ("integer", "number") and inspection.wants("skew_range"):
        value = as_kind(name, "number")
        if column.minimum is not None:
            beyond.append(f"({value}) < {column.minimum!r}")
        if column.maximum is not None:
            beyond.append(f"({value}) > {column.maximum!r}")
        condition = " OR ".join(beyond) or "false"
        check = "skew_range"
        message = f"of {name} beyond train's, {column.minimum} to {column.maximum}"
    else:
        return
    count = inspection.engine.run(
        f"SELECT count(*) FILTER ({condition}) FROM {other.relation.raw}"
    )[0][0]
    if count:
        yield Finding(
            check,
            other,
            f"{counted(count, 'value')} {message}",
            count,
            other.rows,
            "correct them, or train on rows that have them",
            name,
            sample(inspection, other, condition, other.as_text(name)),
        )


def _missing(inspection: Inspection, shared: list[str], other: Part) -> Iterator[Finding]:
    if not shared or not inspection.wants("skew_missing"):
        return
    counts = ", ".join(f"count({quoted(name)})" for name in shared)
    here, there = (
        inspection.engine.run(f"SELECT {counts} FROM {part.relation.raw}")[0]
        for part in (inspection.train, other)
    )
    for name, filled, now in zip(shared, here, there, strict=True):
        before = 1 - filled / inspection.train.rows
        after = 1 - now / other.rows
        if after > before + inspection.settings.missing_increase:
            yield Finding(
                "skew_missing",
                other,
                f"{name} is missing in {after:.1%} of the rows, {before:.1%} in train",
                other.rows - now,
                other.rows,
                "look at where the column comes from",
                name,
            )


def _lengths(inspection: Inspection, other: Part, text: str) -> Iterator[Finding]:
    """The Kolmogorov-Smirnov distance of the lengths: the largest of their distributions."""
    train = inspection.train
    length = f"length({train.as_text(text)})"
    rows = inspection.engine.run(
        "SELECT length, sum(a), sum(b) FROM ("
        f"SELECT {length} AS length, count(*) AS a, 0 AS b FROM {train.relation.raw} GROUP BY 1 "
        f"UNION ALL SELECT {length}, 0, count(*) FROM {other.relation.raw} GROUP BY 1) "
        "WHERE length IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    here, there = sum(row[1] for row in rows), sum(row[2] for row in rows)
    if not here or not there:
        return
    distance = before = after = 0.0
    for _, a, b in rows:
        before, after = before + a / here, after + b / there
        distance = max(distance, abs(before - after))
    chance = _SMIRNOV * math.sqrt((here + there) / (here * there))
    if distance > max(inspection.settings.length_shift, chance):
        medians = [_median(rows, place, total) for place, total in ((1, here), (2, there))]
        yield Finding(
            "skew_length",
            other,
            f"texts of other lengths than in train: median {medians[1]:,} characters, "
            f"{medians[0]:,} in train (Kolmogorov-Smirnov distance {distance:.2f})",
            int(there),
            other.rows,
            "train on texts like these, or look whether they are cut",
            text,
        )


def _median(rows: list[tuple[int, ...]], place: int, total: float) -> int:
    seen = 0
    for row in rows:
        seen += row[place]
        if seen >= total / 2:
            break
    return row[0]


def _words(inspection: Inspection, other: Part, text: str) -> Iterator[Finding]:
    """The share of words that are new, beside that of one half of train against the other."""
    words = rf"regexp_extract_all(lower({inspection.train.as_text(text)}), '[\p{{L}}\p{{N}}]+')"

    def bag(part: Part, name: str) -> str:
        limited = (
            f"(SELECT * FROM {part.relation.raw} USING SAMPLE {_WORDS_ROWS} ROWS (reservoir, 0))"
        )
        return (
            f"{name} AS MATERIALIZED (SELECT word, half, count(*) AS n FROM (SELECT "
            f"unnest({words}) AS word, hash({part.as_text(text)}) % 2 AS half "
            f"FROM {limited}) GROUP BY 1, 2)"
        )

    new, total, usual, whole = inspection.engine.run(
        f"WITH {bag(inspection.train, 'a')}, {bag(other, 'b')} SELECT "
        "(SELECT sum(n) FROM b WHERE word NOT IN (SELECT word FROM a)), "
        "(SELECT sum(n) FROM b), "
        "(SELECT sum(n) FROM a WHERE half = 1 AND word NOT IN "
        "(SELECT word FROM a WHERE half = 0)), (SELECT sum(n) FROM a WHERE half = 1)",
        description="comparing the words",
    )[0]
    share, before = (new or 0) / (total or 1), (usual or 0) / (whole or 1)
    if share <= before + inspection.settings.words_increase:
        return
    examples = inspection.engine.run(
        f"WITH {bag(inspection.train, 'a')}, {bag(other, 'b')} SELECT word, sum(n) AS n FROM b "
        f"WHERE word NOT IN (SELECT word FROM a) GROUP BY word ORDER BY n DESC, word "
        f"LIMIT {EXAMPLES}"
    )
    yield Finding(
        "skew_words",
        other,
        f"{share:.1%} of the words do not occur in train; "
        f"within train, {before:.1%} of one half do not occur in the other",
        int(new),
        int(total),
        "train on texts like these",
        text,
        [([], f"{word} ({counted(n, 'time')})") for word, n in examples],
    )
