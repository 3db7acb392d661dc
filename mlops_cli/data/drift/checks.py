"""All checks of two tables: of each column, and of all columns together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.drift import categorical, classifier, copies, numeric, text
from mlops_cli.data.drift.profile import (
    CATEGORIES,
    Binning,
    Profile,
    categorical_binning,
    category,
    category_sql,
    numeric_binning,
    profiles,
    text_length_sql,
)
from mlops_cli.data.drift.sides import Side, Values, expression, present
from mlops_cli.data.engine import Engine
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.drift import DriftCheck, DriftConfig

_NAMES = 5
_UNTOLD_COPIES = 0.95


@dataclass(frozen=True)
class Comparison:
    """What the checks share.

    Attributes:
        engine: Where the tables are.
        reference: The one table.
        current: The other.
        roles: numeric, categorical or text for each column to compare.
        label: The label column, if there is one.
        config: What counts as drift.
        seed: Seed of everything random.
        reporter: Shown progress.
        notes: Takes what a person should know.
        unlike: What the values of a column are read as that looks different in the two tables.
    """

    engine: Engine
    reference: Side
    current: Side
    roles: dict[str, str]
    label: str | None
    config: DriftConfig
    seed: int
    reporter: Reporter
    notes: list[str]
    unlike: dict[str, str]

    def of(self, column: str) -> tuple[Values, Values]:
        """The sampled values of a column on both sides."""
        return self.reference.sample[column], self.current.sample[column]


@dataclass(frozen=True)
class _Rows:
    """What the rows of the samples have to do with each other.

    Attributes:
        contents: A number for the content of each row to compare; None where each row is a row
            of its own, as in a table of few categories.
        kept: The rows to compare: all, or those that are no copies of others.
        distinct: The share of each table's rows that are no copies.
    """

    contents: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    kept: tuple[NDArray[np.int64], NDArray[np.int64]]
    distinct: tuple[float, float]


def all_checks(comparison: Comparison) -> list[DriftCheck]:
    """Every check that the columns allow, in no particular order."""
    rows = _rows(comparison)
    found = _column_checks(comparison, rows)
    for column, role in comparison.roles.items():
        if role == "text":
            found += _text_checks(comparison, column)
        elif role == "categorical":
            found += _new_values(comparison, column, rows)
    found += _together(comparison, rows)
    return found


def _rows(comparison: Comparison) -> _Rows:
    columns = [comparison.of(column) for column in comparison.roles]
    first, second = copies.contents(columns)
    kept = copies.firsts(first), copies.firsts(second)
    # A table that consists of a few rows again and again has broken, and is to be told.
    enough = min(map(len, kept)) >= comparison.config.min_rows
    if not enough or not copies.are_copies(columns):
        return _Rows(None, (np.arange(len(first)), np.arange(len(second))), (1.0, 1.0))
    shares = (len(kept[0]) / len(first), len(kept[1]) / len(second))
    for share, side in zip(shares, (comparison.reference, comparison.current), strict=True):
        if share < _UNTOLD_COPIES:
            comparison.notes.append(
                f"{1 - share:.0%} of the rows of {side.relation.table.path} are copies of "
                "others: they count once"
            )
    return _Rows((first[kept[0]], second[kept[1]]), kept, shares)


def _column_checks(comparison: Comparison, rows: _Rows) -> list[DriftCheck]:
    """Values, lengths and missing values of each column, of all rows."""
    binnings = {column: _binning(comparison, column, rows) for column in comparison.roles}
    sides = ((comparison.reference, "reference"), (comparison.current, "current table"))
    counted = [profiles(comparison.engine, side, binnings, name) for side, name in sides]
    config, found = comparison.config, []
    for column, binning in binnings.items():
        pair = (counted[0][column], counted[1][column])
        found.append(
            categorical.missing_check(
                column,
                f"no {comparison.unlike[column]}" if column in comparison.unlike else "missing",
                pair,
                floor=config.min_share,
                distinct=rows.distinct,
            )
        )
        aspect = "labels" if column == comparison.label else "values"
        if binning.categories is None:
            aspect = "length" if comparison.roles[column] == "text" else aspect
            found.append(
                numeric.check(
                    column,
                    aspect,
                    binning,
                    pair,
                    floor=config.min_distance,
                    distinct=rows.distinct,
                )
            )
        elif _names_agree(comparison, column, binning.categories, pair):
            found.append(
                categorical.check(
                    column,
                    aspect,
                    binning.categories,
                    pair,
                    floor=config.min_distance,
                    distinct=rows.distinct,
                )
            )
    return [check for check in found if check is not None]


def _binning(comparison: Comparison, column: str, rows: _Rows) -> Binning:
    # What is frequent only by its copies must not be chosen as a category.
    reference, current = _kept(comparison, column, rows)
    kind = comparison.reference.relation.kinds[column]
    role = comparison.roles[column]
    if role == "text":
        lengths = (_lengths(reference), _lengths(current))
        return numeric_binning(text_length_sql(column), *lengths)
    if role == "numeric":
        return numeric_binning(expression(column, kind), reference, current)
    return categorical_binning(category_sql(column, kind), reference, current)


def _lengths(texts: Values) -> Values:
    return np.array([np.nan if value is None else len(value) for value in texts], dtype=float)


def _names_agree(
    comparison: Comparison, column: str, names: list[str], pair: tuple[Profile, Profile]
) -> bool:
    """Notes categories that are new or gone. Labels without any common name are not compared."""
    new, gone = categorical.changed_names(names, pair)
    kept = [int(np.count_nonzero(profile.counts[:-1])) for profile in pair]
    label = column == comparison.label
    if label and len(new) == kept[1] and len(gone) == kept[0]:
        comparison.notes.append(
            f"the labels have different names ({_some(gone)} → {_some(new)}): their shares are "
            "not compared"
        )
        return False
    for names_, word in ((new, "new in"), (gone, "gone from")):
        if names_:
            comparison.notes.append(f"{word} {column}: {_some(names_)}")
    return True


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _text_checks(comparison: Comparison, column: str) -> list[DriftCheck]:
    """Words, scripts and the domain classifier, each text of a table once."""
    reference, current = (
        [value for value in dict.fromkeys(values.tolist()) if value is not None]
        for values in comparison.of(column)
    )
    config, seed = comparison.config, comparison.seed
    if min(len(reference), len(current)) < config.min_rows:
        comparison.notes.append(
            f"too few different texts in {column} to compare more than their length"
        )
        return []
    found = [
        text.unknown_words(column, reference, current, floor=config.min_share, seed=seed),
        text.scripts(column, reference, current, floor=config.min_distance),
        classifier.text_check(
            column,
            [*reference, *current],
            classifier.domains(reference, current, config.folds, seed),
            floor=config.min_auc,
            seed=seed,
            reporter=comparison.reporter,
        ),
    ]
    return [check for check in found if check is not None]


def _new_values(comparison: Comparison, column: str, rows: _Rows) -> list[DriftCheck]:
    """Whether rows have values that were not there, where there are too many to count each."""
    sides = [present(values) for values in _kept(comparison, column, rows)]
    if len(set(np.concatenate(sides).tolist())) <= CATEGORIES:
        return []
    check = categorical.unknown_check(
        column,
        sides[0].tolist(),
        sides[1].tolist(),
        floor=comparison.config.min_share,
    )
    return [check] if check else []


def _together(comparison: Comparison, rows: _Rows) -> list[DriftCheck]:
    """The domain classifier of all columns but texts and the label."""
    columns = [
        column
        for column, role in comparison.roles.items()
        if role != "text" and column != comparison.label
    ]
    if len(columns) < 2:
        return []
    contents = rows.contents or (np.arange(len(rows.kept[0])), ~np.arange(len(rows.kept[1])))
    values = {column: _joined(comparison, column, rows) for column in columns}
    return [
        classifier.table_check(
            values,
            classifier.domains(
                contents[0].tolist(),
                contents[1].tolist(),
                comparison.config.folds,
                comparison.seed,
            ),
            floor=comparison.config.min_auc,
            seed=comparison.seed,
            reporter=comparison.reporter,
        )
    ]


def _kept(comparison: Comparison, column: str, rows: _Rows) -> tuple[Values, Values]:
    """The sampled values of a column on both sides, without those of copies."""
    reference, current = comparison.of(column)
    return reference[rows.kept[0]], current[rows.kept[1]]


def _joined(comparison: Comparison, column: str, rows: _Rows) -> Values:
    """Values of both tables, one below the other; those of categories as names."""
    joined = np.concatenate(_kept(comparison, column, rows))
    if comparison.roles[column] == "categorical" and joined.dtype != object:
        names = [None if np.isnan(value) else category(value) for value in joined]
        return np.array(names, dtype=object)
    return joined
