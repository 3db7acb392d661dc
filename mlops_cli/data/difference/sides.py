"""Both versions as the engine compares them: a hash for each row, its inputs and its key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_cli.data.difference.pairing import Pair, values
from mlops_cli.data.engine import Engine, Relation, quoted

_WIDTH = 200
"""Characters of a value that examples show."""


@dataclass(frozen=True)
class Side:
    """A version in the engine.

    Attributes:
        relation: The table.
        columns: The columns that both versions have, by this version's names.
        kinds: What each is compared as.
        label: The column of the labels, where there is one.
        key: The columns that rows are matched by.
    """

    relation: Relation
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    label: str | None
    key: tuple[str, ...]

    @property
    def whole(self) -> str:
        """The hash of all columns of a row, in SQL."""
        return _hash(zip(self.columns, self.kinds, strict=True))

    @property
    def inputs(self) -> str:
        """The hash of all columns but the label."""
        pairs = zip(self.columns, self.kinds, strict=True)
        return _hash((name, kind) for name, kind in pairs if name != self.label)

    @property
    def matched(self) -> str:
        """The hash of the key."""
        kinds = dict(zip(self.columns, self.kinds, strict=True))
        return _hash((name, kinds[name]) for name in self.key)

    @property
    def labelled(self) -> str:
        """The label as text."""
        return f"{quoted(self.label)}::VARCHAR" if self.label else "NULL::VARCHAR"

    def hashes(self) -> list[str]:
        """The hash of each column."""
        return [_hash([pair]) for pair in zip(self.columns, self.kinds, strict=True)]

    def rows(
        self, engine: Engine, by: str, wanted: Sequence[int]
    ) -> dict[int, dict[str, str | None]]:
        """One row for each hash that is asked for.

        Args:
            engine: Where the version is open.
            by: The hash in SQL.
            wanted: Its values.
        """
        if not wanted:
            return {}
        names = list(self.relation.kinds)
        shown = ", ".join(
            f"left({quoted(name)}::VARCHAR, {_WIDTH}) AS c{n}" for n, name in enumerate(names)
        )
        listed = ", ".join(f"{value}::UBIGINT" for value in set(wanted))
        found = engine.run(
            f"SELECT * FROM (SELECT {by} AS found, {shown} FROM {self.relation.raw}) "
            f"WHERE found IN ({listed}) QUALIFY row_number() OVER (PARTITION BY found) = 1"
        )
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in found}


def sides(
    pairs: Sequence[Pair], old: Relation, new: Relation, label: str | None, key: Sequence[str]
) -> tuple[Side, Side]:
    """Both versions over the columns that they share.

    Args:
        pairs: The columns that both have.
        old: The old version.
        new: The new version.
        label: The column of the labels, by either name.
        key: The columns that rows are matched by, by either name.
    """
    labels = next((pair for pair in pairs if label in (pair.before, pair.after)), None)
    keys = [pair for name in key for pair in pairs if name in (pair.before, pair.after)]
    kinds = tuple(pair.kind for pair in pairs)
    return (
        Side(
            old,
            tuple(pair.before for pair in pairs),
            kinds,
            labels.before if labels else None,
            tuple(pair.before for pair in keys),
        ),
        Side(
            new,
            tuple(pair.after for pair in pairs),
            kinds,
            labels.after if labels else None,
            tuple(pair.after for pair in keys),
        ),
    )


def _hash(columns: Iterable[tuple[str, str]]) -> str:
    listed = [value for name, kind in columns for value in values(name, kind)]
    # No columns at all, where the label is the only one: all rows have the same inputs.
    return f"hash({', '.join(listed or ['0'])})"
