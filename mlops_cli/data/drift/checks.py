"""All checks of two tables: of each column, and of all columns together."""

import numpy as np

from mlops_cli.data.drift import categorical, learnt, numeric
from mlops_cli.data.drift.comparison import Comparison, Distinct, distinct, kept
from mlops_cli.data.drift.profile import (
    CATEGORIES,
    Binning,
    Profile,
    categorical_binning,
    category_sql,
    numeric_binning,
    profiles,
    text_length_sql,
)
from mlops_cli.data.drift.sides import Values, expression, present
from mlops_cli.schemas.drift import DriftCheck

_NAMES = 5


def all_checks(comparison: Comparison) -> list[DriftCheck]:
    """Every check that the columns allow, in no particular order."""
    rows = distinct(comparison)
    found = _column_checks(comparison, rows)
    for column, role in comparison.roles.items():
        if role == "text":
            found += learnt.of_text(comparison, column)
        elif role == "categorical":
            found += _new_values(comparison, column, rows)
    found += learnt.of_table(comparison, rows)
    return found


def _column_checks(comparison: Comparison, rows: Distinct) -> list[DriftCheck]:
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
                    times=comparison.reference.relation.kinds[column] in ("date", "timestamp"),
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


def _binning(comparison: Comparison, column: str, rows: Distinct) -> Binning:
    # What is frequent only by its copies must not be chosen as a category.
    reference, current = kept(comparison, column, rows)
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


def _new_values(comparison: Comparison, column: str, rows: Distinct) -> list[DriftCheck]:
    """Whether rows have values that were not there, where there are too many to count each."""
    sides = [present(values) for values in kept(comparison, column, rows)]
    if len(set(np.concatenate(sides).tolist())) <= CATEGORIES:
        return []
    check = categorical.unknown_check(
        column,
        sides[0].tolist(),
        sides[1].tolist(),
        floor=comparison.config.min_share,
    )
    return [check] if check else []
