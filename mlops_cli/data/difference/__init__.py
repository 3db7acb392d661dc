"""What differs between two versions of a table, in bounded memory."""

import time
from collections.abc import Sequence
from difflib import get_close_matches

from mlops_cli.data import statistics
from mlops_cli.data.difference import by_content, by_key
from mlops_cli.data.difference.pairing import Pair, pair
from mlops_cli.data.difference.sides import sides
from mlops_cli.data.engine import Engine
from mlops_cli.data.parts import Part
from mlops_cli.errors import DataError, UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.difference import ChangedColumn, DifferenceResult


def run(
    old: Part,
    new: Part,
    key: Sequence[str],
    label: str | None,
    reporter: Reporter,
    *,
    describe: bool = True,
) -> DifferenceResult:
    """Compares rows and columns of two versions, and describes both.

    Rows are compared in the columns that both have.

    Args:
        old: The old version.
        new: The new version.
        key: Columns that rows are matched by; without one, whole rows are matched.
        label: The column of the labels, where it is known.
        reporter: Shown the progress.
        describe: Measure the statistics of both versions too.

    Raises:
        DataError: A file is damaged, they share no column, or the key is not unique.
        UsageError: A version lacks a column of the key.
    """
    began = time.perf_counter()
    with Engine(reporter) as engine:
        tables = [old.table, new.table]
        before, after = relations = statistics.open_parts(engine, tables, label)
        pairs, changes = pair(engine, before, after)
        if not pairs:
            raise DataError(
                f"{old.path} and {new.path} have no column in common",
                hint="are they versions of the same table?",
            )
        _check_key(key, pairs)
        first, second = sides(pairs, before, after, label, key)
        columns: list[ChangedColumn] = []
        if key:
            rows, transitions, examples, columns = by_key.match(engine, first, second)
        else:
            rows, transitions, examples = by_content.match(engine, first, second)
        measured = statistics.measure(engine, [old, new], relations, label) if describe else []
    return DifferenceResult(
        before=old.path,
        after=new.path,
        key=list(second.key),
        label=second.label,
        rows=rows,
        columns=changes,
        changed_columns=columns,
        transitions=transitions,
        examples=examples,
        statistics=measured,
        page=None,
        seconds=time.perf_counter() - began,
    )


def _check_key(key: Sequence[str], pairs: Sequence[Pair]) -> None:
    known = dict.fromkeys(name for pair in pairs for name in (pair.after, pair.before))
    for name in key:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            told = f"did you mean {near[0]}?" if near else f"columns of both: {', '.join(known)}"
            raise UsageError(f"no column {name!r} in both versions to match by", hint=told)
