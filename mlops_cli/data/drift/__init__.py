"""Data drift: whether a table is still like the one that a model was made for.

Figures of single columns are of all rows; classifiers see a random sample. Each difference
needs evidence (a p-value after Holm's correction) and size (a floor for its effect), so that
neither chance in small tables nor trifles in large ones raise an alarm.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.data.drift import checks, verdict
from mlops_cli.data.drift.columns import Roles, roles
from mlops_cli.data.drift.comparison import Comparison
from mlops_cli.data.drift.sides import Side, shared_kinds, take
from mlops_cli.data.engine import Engine, Relation, quoted
from mlops_cli.data.tables import Table, guess_columns, missing_column, open_table
from mlops_cli.errors import DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.drift import DriftConfig, DriftResult


@dataclass(frozen=True)
class Selection:
    """Which columns to compare, and as what.

    Attributes:
        text: The column that holds the text; found by its content by default.
        label: The column that holds the label; guessed in a table of texts by default.
        columns: The only columns to compare, or all when empty.
        ignore: Columns to leave out.
    """

    text: str | None = None
    label: str | None = None
    columns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def run(
    reference: Path,
    current: Path,
    selection: Selection,
    config: DriftConfig,
    *,
    seed: int,
    reporter: Reporter,
) -> DriftResult:
    """Compares two files.

    Args:
        reference: The table that is held to be right.
        current: The table to compare with it.
        selection: Which columns, and as what.
        config: What counts as drift.
        seed: Seed of samples and folds.
        reporter: Shown progress, and told what was guessed.

    Raises:
        NotFoundError: There is no such file.
        DataError: A file can't be read, lacks a column, has too few rows to tell, or the two
            have nothing in common that can be compared.
    """
    began = time.perf_counter()
    tables = (open_table(reference), open_table(current))
    with Engine(reporter) as engine:
        comparison, ignored = _prepared(
            engine, tables, selection, config, seed=seed, reporter=reporter
        )
        judged = verdict.judge(checks.all_checks(comparison), config.alpha)
    drifted = [check for check in judged if check.drifted]
    return DriftResult(
        reference=reference,
        current=current,
        rows_reference=comparison.reference.rows,
        rows_current=comparison.current.rows,
        drifted=bool(drifted),
        reasons=[verdict.reason(check) for check in drifted],
        checks=judged,
        columns={
            column: "label" if column == comparison.label else role
            for column, role in comparison.roles.items()
        },
        ignored=ignored,
        notes=comparison.notes,
        alpha=config.alpha,
        correction=verdict.CORRECTION,
        sampled_reference=comparison.reference.sampled,
        sampled_current=comparison.current.sampled,
        seed=seed,
        seconds=time.perf_counter() - began,
    )


def _prepared(
    engine: Engine,
    tables: tuple[Table, Table],
    selection: Selection,
    config: DriftConfig,
    *,
    seed: int,
    reporter: Reporter,
) -> tuple[Comparison, dict[str, str]]:
    """What is to be compared, and why which other columns are not."""
    notes: list[str] = []
    picked, label = _picked(tables, selection, notes)
    sides, unlike = _sides(
        engine, tables, picked, selection.text, label=label, config=config, seed=seed, notes=notes
    )
    if label is None and selection.label is None:
        label = _guessed_label(tables, sides, selection)
    found = roles(*sides, text=selection.text, label=label, asked=selection.columns)
    _tell(found, label, reporter)
    if not found.compared:
        raise DataError(
            "there is no column to compare",
            hint="name columns: --columns " + ",".join(list(found.ignored)[:3]),
        )
    comparison = Comparison(
        engine=engine,
        reference=sides[0],
        current=sides[1],
        roles=found.compared,
        label=label,
        config=config,
        seed=seed,
        reporter=reporter,
        notes=notes,
        unlike=unlike,
    )
    return comparison, found.ignored


def _picked(
    tables: tuple[Table, Table], selection: Selection, notes: list[str]
) -> tuple[list[str], str | None]:
    """The columns that both tables have and that are wanted, and the label among them."""
    reference, current = tables
    named = {
        "--text": (selection.text,),
        "--label": (selection.label,),
        "--columns": selection.columns,
        "--ignore": selection.ignore,
    }
    for setting, names in named.items():
        for name in names:
            if name is None or (name in reference.columns and name in current.columns):
                continue
            if setting in ("--text", "--columns") or name not in {
                *reference.columns,
                *current.columns,
            }:
                lacking = reference if name not in reference.columns else current
                raise missing_column(lacking, name, setting)
    shared = [column for column in reference.columns if column in current.columns]
    for one, other in ((reference, current), (current, reference)):
        only = [column for column in one.columns if column not in other.columns]
        if only:
            notes.append(f"only {one.path} has {_listed(only)}: not compared")
    wanted = {*selection.columns, selection.text, selection.label} if selection.columns else None
    picked = [
        column
        for column in shared
        if column not in selection.ignore and (wanted is None or column in wanted)
    ]
    if not picked:
        hint = "" if shared else f"the columns of {reference.path}: {_listed(reference.columns)}"
        raise DataError(
            "the tables have no column in common" if not shared else "no column is left to compare",
            hint=hint,
        )
    return picked, selection.label if selection.label in picked else None


def _sides(
    engine: Engine,
    tables: tuple[Table, Table],
    picked: list[str],
    text: str | None,
    *,
    label: str | None,
    config: DriftConfig,
    seed: int,
    notes: list[str],
) -> tuple[tuple[Side, Side], dict[str, str]]:
    """Both tables with columns of the same kinds, and enough rows to tell anything.

    The kinds of columns that look different in the two tables go with them.
    """
    opened = (engine.open(tables[0]), engine.open(tables[1]))
    differ = [c for c in picked if opened[0].kinds[c] != opened[1].kinds[c]]
    empty = [_without_values(engine, relation, differ) for relation in opened]
    kinds = shared_kinds(*opened, empty[0], label) | ({text: "text"} if text in picked else {})
    unlike = [c for c in differ if c not in empty[0] and c not in empty[1]]
    for column in unlike:
        before, now = (relation.kinds[column] for relation in opened)
        notes.append(
            f"{column} looks like {before} in {tables[0].path} and like {now} in "
            f"{tables[1].path}: read as {kinds[column]}"
        )
    relations = [
        relation
        if all(relation.kinds[column] == kinds[column] for column in picked)
        else engine.open(table, {**relation.kinds, **kinds})
        for table, relation in zip(tables, opened, strict=True)
    ]
    # Two samples with the same seed would take the same rows of the same file.
    sides = [
        take(engine, relation, picked, rows=config.sample_rows, seed=seed + place, name=name)
        for place, (relation, name) in enumerate(
            zip(relations, ("reference", "current table"), strict=True)
        )
    ]
    for side in sides:
        if side.rows < config.min_rows:
            raise DataError(
                f"too few rows to tell: {side.relation.table.path} has {side.rows}",
                hint=f"at least {config.min_rows} are needed (drift.min_rows)",
            )
    return (sides[0], sides[1]), {column: kinds[column] for column in unlike}


def _without_values(engine: Engine, relation: Relation, columns: list[str]) -> Collection[str]:
    """The columns in which a table has no value at all."""
    if not columns:
        return ()
    counts = ", ".join(f"count({quoted(column)})" for column in columns)
    answer = engine.run(f"SELECT {counts} FROM {relation.raw}")[0]
    return [column for column, count in zip(columns, answer, strict=True) if not count]


def _guessed_label(
    tables: tuple[Table, Table], sides: tuple[Side, Side], selection: Selection
) -> str | None:
    """The label of a table of texts; other tables have no column that stands out."""
    found = roles(*sides, text=selection.text, label=None, asked=selection.columns)
    if "text" not in found.compared.values():
        return None
    guessed = guess_columns(tables[0])[1]
    return guessed if found.compared.get(guessed or "") == "categorical" else None


def _tell(found: Roles, label: str | None, reporter: Reporter) -> None:
    """Says what the columns were taken for."""
    groups = {
        "text": [column for column, role in found.compared.items() if role == "text"],
        "label": [label] if label in found.compared else [],
        "numbers": [c for c, role in found.compared.items() if role == "numeric" and c != label],
        "categories": [
            c for c, role in found.compared.items() if role == "categorical" and c != label
        ],
    }
    told = "; ".join(f"{name}: {_listed(columns)}" for name, columns in groups.items() if columns)
    if told:
        reporter.info(f"compared as {told}")
    for column, reason in found.ignored.items():
        reporter.info(f"not compared: {column} ({reason})")


def _listed(columns: list[str]) -> str:
    more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return ", ".join(columns[:8]) + more
