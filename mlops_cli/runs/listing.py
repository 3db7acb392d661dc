"""Stage `runs list`: the runs that fulfil a condition, sorted, with the values asked for."""

import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, UsageError
from mlops_cli.runs import expression
from mlops_cli.runs.index import Index
from mlops_cli.runs.names import STATUS, Name, Names
from mlops_cli.schemas.runs import RunList, RunRow
from mlops_cli.tracking.record import Run

NEWEST = "started"
"""What runs are sorted by unless something else is asked for."""
_STANDING = ("id", "run", STATUS)
"""Names that every row has outside its columns."""
_NEWEST_FIRST = ("started", "ended")


def run(
    root: Path,
    *,
    where: str = "",
    sort: str = "",
    columns: Sequence[str] = (),
    limit: int | None = None,
) -> RunList:
    """Lists the project's runs.

    Args:
        root: The project.
        where: A condition (`expression`); all runs if empty.
        sort: A name; a metric sorts its best first, a time the newest first, everything else from
            small to large; `-` in front turns it round. Newest first if empty.
        columns: Names to show; a selection that suits the runs if empty.
        limit: At most so many.

    Raises:
        UsageError: The condition can't be read, or a name is unknown.
    """
    index = Index(root)
    names = Names(index)
    matching = ordered(select(index, names, where), names, sort or NEWEST)
    chosen = matching[:limit]
    asked = [column.strip() for column in columns if column.strip()]
    if not asked:
        asked = [
            *_usual_columns(index, names, chosen),
            *(c.name for c in (expression.read(where).comparisons() if where else ())),
            *([sort.lstrip("-")] if sort else []),
        ]
    found = _distinct([names.find(column) for column in asked])
    rows = [
        RunRow(
            run=name,
            status=names.status(name),
            overrides=overrides(Run(index.folder / name)),
            values={column.name: names.value(name, column) for column in found},
        )
        for name in chosen
    ]
    return RunList(
        runs=rows,
        columns=[column.name for column in found],
        sort=sort or NEWEST,
        matching=len(matching),
        total=len(index.facts()),
        best=_best(rows, found),
        unrecorded=_unrecorded(index),
    )


def _unrecorded(index: Index) -> list[str]:
    """Folders beside the runs with weights in them, and without `run.json`."""
    if not index.folder.is_dir():
        return []
    with os.scandir(index.folder) as entries:
        others = [e.name for e in entries if e.name not in index.facts() and e.name[0] != "."]
    weights = ("model/task.json", "checkpoints/last.ckpt")
    return sorted(
        name for name in others if any((index.folder / name / file).is_file() for file in weights)
    )


def select(index: Index, names: Names, where: str) -> list[str]:
    """Ids of the runs that fulfil a condition.

    Raises:
        UsageError: The condition can't be read, or a name in it is unknown.
    """
    if not where:
        return list(index.facts())
    condition = expression.read(where)
    if not index.facts():
        return []
    for comparison in condition.comparisons():
        _check(names, comparison, where)
    return [
        run
        for run in index.facts()
        if condition.holds(lambda name, run=run: names.value(run, names.find(name)))  # type: ignore[misc]
    ]


def ordered(runs: Sequence[str], names: Names, sort: str) -> list[str]:
    """The runs in the order of a name; those without a value come last.

    Raises:
        UsageError: The name is unknown.
    """
    if not runs:
        return []
    reverse, key = sort.startswith("-"), names.find(sort.removeprefix("-"))
    largest_first = (key.higher_is_better is True or key.name in _NEWEST_FIRST) is not reverse
    with_value: list[tuple[tuple[int, float, str], str]] = []
    without: list[str] = []
    for run in runs:
        value = names.value(run, key)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            without.append(run)
        else:
            with_value.append((_comparable(value), run))
    with_value.sort(reverse=largest_first)
    return [run for _, run in with_value] + sorted(without, reverse=True)


def overrides(run: Run) -> list[str]:
    """What was typed for a run."""
    with suppress(OSError, ValueError, DataError):
        lines = (run.path / "overrides.yaml").read_text("utf-8").splitlines()
        return [str(json.loads(line.removeprefix("- "))) for line in lines if line.strip()]
    return []


def _check(names: Names, comparison: expression.Comparison, where: str) -> None:
    """Tells an unknown name, and a metric that is compared with a word, at its place."""
    try:
        name = names.find(comparison.name)
    except UsageError as error:
        raise expression.problem(where, comparison.at, error.message, error.hint) from error
    number = comparison.number is not None or comparison.value in ("null", "none")
    if name.metric and not number:
        what = f"{name.name} is a number, and {comparison.value!r} is none"
        raise expression.problem(where, comparison.value_at, what)


def _comparable(value: Any) -> tuple[int, float, str]:
    """What values of any kind are sorted by: numbers first, then text."""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _usual_columns(index: Index, names: Names, runs: Sequence[str]) -> list[str]:
    """Model, data, what the runs watched, and how long they took."""
    known = names.metrics()
    watched = dict.fromkeys(
        f"val/{facts['monitor']}"
        for run in runs
        if (facts := index.facts()[run]) and isinstance(facts.get("monitor"), str)
    )
    shown = [metric for metric in [*watched, "val/accuracy"] if metric in known][:3]
    return ["model", "data", *shown, "seconds"] if runs else []


def _distinct(names: Sequence[Name]) -> list[Name]:
    by_place: dict[tuple[str, tuple[str, ...]], Name] = {}
    for name in names:
        if name.name not in _STANDING:
            by_place.setdefault((name.source, name.path), name)
    return list(by_place.values())


def _best(rows: Sequence[RunRow], columns: Sequence[Name]) -> dict[str, float]:
    found = {}
    for column in columns:
        values = [row.values[column.name] for row in rows]
        numbers = [v for v in values if isinstance(v, int | float) and not math.isnan(v)]
        if column.higher_is_better is not None and len(set(numbers)) > 1:
            found[column.name] = max(numbers) if column.higher_is_better else min(numbers)
    return found
