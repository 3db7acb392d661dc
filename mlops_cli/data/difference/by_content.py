"""Rows matched by what is in them: a row that differs in its label alone is relabelled.

Rows are counted, not merely looked for: of three equal rows that become one, two were removed.
"""

from mlops_cli.data.difference.sides import Side
from mlops_cli.data.engine import Engine
from mlops_cli.schemas.difference import RowCounts, RowExamples, Transition

_EXAMPLES = 5
_MOST_TRANSITIONS = 1_000


def match(engine: Engine, old: Side, new: Side) -> tuple[RowCounts, list[Transition], RowExamples]:
    """Counts the rows that were added, removed and relabelled."""
    before, after, gone, come = _surplus(engine, old, new)
    transitions: list[Transition] = []
    relabelled = 0
    if old.label and gone and come:
        relabelled, transitions = _relabelled(engine, old, new)
    else:
        engine.run("CREATE OR REPLACE TEMP TABLE pairs (removed UBIGINT, added UBIGINT)")
    counts = RowCounts(
        before=before,
        after=after,
        unchanged=before - gone,
        added=come - relabelled,
        removed=gone - relabelled,
        changed=None,
        relabelled=relabelled,
    )
    return counts, transitions, _examples(engine, old, new)


def _surplus(engine: Engine, old: Side, new: Side) -> tuple[int, int, int, int]:
    """Counts rows of both versions, and those that one has more often than the other."""
    engine.run(
        f"""
        CREATE OR REPLACE TEMP TABLE surplus AS
        SELECT hash, sum(step)::BIGINT AS more FROM (
            SELECT {old.whole} AS hash, -1 AS step FROM {old.relation.raw}
            UNION ALL SELECT {new.whole}, 1 FROM {new.relation.raw}
        ) GROUP BY hash HAVING more <> 0
        """,
        description="matching rows",
    )
    ((gone, come),) = engine.run(
        "SELECT coalesce(sum(-more) FILTER (more < 0), 0)::BIGINT, "
        "coalesce(sum(more) FILTER (more > 0), 0)::BIGINT FROM surplus"
    )
    before, after = (
        engine.run(f"SELECT count(*) FROM {side.relation.raw}")[0][0] for side in (old, new)
    )
    return before, after, gone, come


def _relabelled(engine: Engine, old: Side, new: Side) -> tuple[int, list[Transition]]:
    """Pairs surplus rows of the same inputs; several of the same inputs in the order of labels."""
    picked = " UNION ALL ".join(
        f"""
        SELECT {sign} AS sign, hash, inputs, label FROM (
            SELECT {side.whole} AS hash, {side.inputs} AS inputs, {side.labelled} AS label
            FROM {side.relation.raw}
        ) SEMI JOIN (SELECT hash FROM surplus WHERE sign(more) = {sign}) USING (hash)
        """
        for side, sign in ((old, -1), (new, 1))
    )
    # A row that is there five times and was three times is a surplus of two, not of five.
    engine.run(
        f"""
        CREATE OR REPLACE TEMP TABLE spare AS
        SELECT sign, hash, inputs, label,
            row_number() OVER (PARTITION BY sign, inputs ORDER BY label, hash) AS place
        FROM (
            SELECT *, row_number() OVER (PARTITION BY sign, hash) AS number FROM ({picked})
        ) JOIN surplus USING (hash) WHERE number <= abs(more)
        """,
        description="matching labels",
    )
    engine.run(
        """
        CREATE OR REPLACE TEMP TABLE pairs AS
        SELECT o.hash AS removed, n.hash AS added, o.label AS before, n.label AS after
        FROM (FROM spare WHERE sign = -1) o JOIN (FROM spare WHERE sign = 1) n
        USING (inputs, place)
        """
    )
    answer = engine.run(
        "SELECT before, after, count(*) AS rows FROM pairs GROUP BY before, after "
        f"ORDER BY rows DESC, before, after LIMIT {_MOST_TRANSITIONS}"
    )
    ((relabelled,),) = engine.run("SELECT count(*) FROM pairs")
    return relabelled, [Transition(*row) for row in answer]


def _examples(engine: Engine, old: Side, new: Side) -> RowExamples:
    """Some rows of each kind, the same ones at every call."""
    pairs = engine.run(
        f"SELECT removed, added FROM pairs ORDER BY removed, added LIMIT {_EXAMPLES}"
    )
    gone, come = (
        [
            row[0]
            for row in engine.run(
                f"SELECT hash FROM surplus ANTI JOIN pairs ON hash = {column} "
                f"WHERE sign(more) = {sign} ORDER BY hash LIMIT {_EXAMPLES}"
            )
        ]
        for column, sign in (("removed", -1), ("added", 1))
    )
    before = old.rows(engine, old.whole, [*gone, *(pair[0] for pair in pairs)])
    after = new.rows(engine, new.whole, [*come, *(pair[1] for pair in pairs)])
    relabelled = [
        after[new_row] | {f"{new.label} (before)": before[old_row][str(old.label)]}
        for old_row, new_row in pairs
    ]
    return RowExamples([after[one] for one in come], [before[one] for one in gone], relabelled)
