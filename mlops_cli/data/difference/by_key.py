"""Rows matched by a key: which were added, removed or changed, and in which columns."""

from collections.abc import Sequence

from mlops_cli.data.difference.sides import Side
from mlops_cli.data.engine import Engine
from mlops_cli.errors import DataError
from mlops_cli.schemas.difference import ChangedColumn, RowCounts, RowExamples, Transition

_EXAMPLES = 5
_MOST_TRANSITIONS = 1_000


def match(
    engine: Engine, old: Side, new: Side
) -> tuple[RowCounts, list[Transition], RowExamples, list[ChangedColumn]]:
    """Counts the rows that were added, removed and changed.

    Raises:
        DataError: A key occurs more than once in a version.
    """
    _group(engine, old, new)
    ((before, after, added, removed, changed),) = engine.run(
        "SELECT coalesce(sum(was), 0)::BIGINT, coalesce(sum(now), 0)::BIGINT, "
        "count(*) FILTER (was = 0), count(*) FILTER (now = 0), "
        "count(*) FILTER (was > 0 AND now > 0 AND differ <> 0) FROM keys"
    )
    _compare(engine, old, new)
    columns = _columns(engine, old, new)
    answer = engine.run(
        "SELECT before, after, count(*) AS rows FROM changed WHERE relabelled "
        f"GROUP BY before, after ORDER BY rows DESC, before, after LIMIT {_MOST_TRANSITIONS}"
    )
    ((relabelled,),) = engine.run("SELECT count(*) FROM changed WHERE relabelled")
    counts = RowCounts(
        before=before,
        after=after,
        unchanged=before - removed - changed,
        added=added,
        removed=removed,
        changed=changed,
        relabelled=relabelled,
    )
    return counts, [Transition(*row) for row in answer], _examples(engine, old, new), columns


def _group(engine: Engine, old: Side, new: Side) -> None:
    """A row for each key: how often it is in both versions, and whether its rows differ."""
    engine.run(
        f"""
        CREATE OR REPLACE TEMP TABLE keys AS
        SELECT key, count(*) FILTER (side = 0)::INT AS was, count(*) FILTER (side = 1)::INT AS now,
            bit_xor(whole) AS differ
        FROM (
            SELECT {old.matched} AS key, {old.whole} AS whole, 0 AS side FROM {old.relation.raw}
            UNION ALL SELECT {new.matched}, {new.whole}, 1 FROM {new.relation.raw}
        ) GROUP BY key
        """,
        description="matching keys",
    )
    for side, column, version in ((old, "was", "old"), (new, "now", "new")):
        twice = engine.run(
            f"SELECT key, {column} FROM keys WHERE {column} > 1 ORDER BY key LIMIT 1"
        )
        if not twice:
            continue
        key, count = twice[0]
        row = side.rows(engine, side.matched, [key])[key]
        shown = ", ".join(f"{name}={row[name]!r}" for name in side.key)
        raise DataError(
            f"the key is not unique: {count:,} rows of the {version} version have {shown}",
            hint="add a column to --key, or leave --key out to match whole rows",
        )


def _compare(engine: Engine, old: Side, new: Side) -> None:
    """A row for each key whose rows differ: in which columns, and from which label to which."""
    fields = [
        f"""
        FROM (SELECT {side.matched} AS key, {side.labelled} AS label, {_numbered(side.hashes())}
            FROM {side.relation.raw})
        SEMI JOIN (SELECT key FROM keys WHERE was > 0 AND now > 0 AND differ <> 0) USING (key)
        """
        for side in (old, new)
    ]
    differ = [f"o.h{number} <> n.h{number}" for number in range(len(old.columns))]
    relabelled = differ[old.columns.index(old.label)] if old.label else "false"
    flags = "".join(f", {sql} AS d{number}" for number, sql in enumerate(differ))
    engine.run(
        f"""
        CREATE OR REPLACE TEMP TABLE changed AS
        SELECT key, o.label AS before, n.label AS after, {relabelled} AS relabelled{flags}
        FROM ({fields[0]}) o JOIN ({fields[1]}) n USING (key)
        """,
        description="comparing columns",
    )


def _columns(engine: Engine, old: Side, new: Side) -> list[ChangedColumn]:
    """The columns in which rows differ, most rows first, each with some values."""
    places = range(len(new.columns))
    fields = ", ".join(
        f"count(*) FILTER (d{n}), min(key, {_EXAMPLES}) FILTER (d{n})" for n in places
    )
    (answer,) = engine.run(f"SELECT {fields} FROM changed")
    keys = {n: answer[2 * n + 1] or [] for n in places}
    wanted = [key for found in keys.values() for key in found]
    before = old.rows(engine, old.matched, wanted)
    after = new.rows(engine, new.matched, wanted)
    columns = [
        ChangedColumn(
            new.columns[n],
            answer[2 * n],
            [(before[key][old.columns[n]], after[key][new.columns[n]]) for key in keys[n]],
        )
        for n in places
        if answer[2 * n]
    ]
    return sorted(columns, key=lambda column: -column.rows)


def _examples(engine: Engine, old: Side, new: Side) -> RowExamples:
    queries = {
        "added": "SELECT key FROM keys WHERE was = 0",
        "removed": "SELECT key FROM keys WHERE now = 0",
        "relabelled": "SELECT key FROM changed WHERE relabelled",
    }
    found = {
        name: [row[0] for row in engine.run(f"{sql} ORDER BY key LIMIT {_EXAMPLES}")]
        for name, sql in queries.items()
    }
    before = old.rows(engine, old.matched, [*found["removed"], *found["relabelled"]])
    after = new.rows(engine, new.matched, [*found["added"], *found["relabelled"]])
    return RowExamples(
        [after[key] for key in found["added"]],
        [before[key] for key in found["removed"]],
        [
            after[key] | {f"{new.label} (before)": before[key][str(old.label)]}
            for key in found["relabelled"]
        ],
    )


def _numbered(hashes: Sequence[str]) -> str:
    return ", ".join(f"{sql} AS h{number}" for number, sql in enumerate(hashes))
