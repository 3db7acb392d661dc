"""What all checks of two tables share: the samples, the settings, and which rows are copies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.drift import copies
from mlops_cli.data.drift.profile import category
from mlops_cli.data.drift.sides import Side, Values
from mlops_cli.data.engine import Engine
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.drift import DriftConfig

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
class Distinct:
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


def distinct(comparison: Comparison) -> Distinct:
    """Finds which sampled rows are copies, and notes them."""
    columns = [comparison.of(column) for column in comparison.roles]
    first, second = copies.contents(columns)
    kept = copies.firsts(first), copies.firsts(second)
    # A table that consists of a few rows again and again has broken, and is to be told.
    enough = min(map(len, kept)) >= comparison.config.min_rows
    if not enough or not copies.are_copies(columns):
        return Distinct(None, (np.arange(len(first)), np.arange(len(second))), (1.0, 1.0))
    shares = (len(kept[0]) / len(first), len(kept[1]) / len(second))
    for share, side in zip(shares, (comparison.reference, comparison.current), strict=True):
        if share < _UNTOLD_COPIES:
            comparison.notes.append(
                f"{1 - share:.0%} of the rows of {side.relation.table.path} are copies of "
                "others: they count once"
            )
    return Distinct((first[kept[0]], second[kept[1]]), kept, shares)


def kept(comparison: Comparison, column: str, rows: Distinct) -> tuple[Values, Values]:
    """The sampled values of a column on both sides, without those of copies."""
    reference, current = comparison.of(column)
    return reference[rows.kept[0]], current[rows.kept[1]]


def joined(comparison: Comparison, column: str, rows: Distinct) -> Values:
    """Values of both tables, one below the other; those of categories as names."""
    values = np.concatenate(kept(comparison, column, rows))
    if comparison.roles[column] == "categorical" and values.dtype != object:
        names = [None if np.isnan(value) else category(value) for value in values]
        return np.array(names, dtype=object)
    return values
