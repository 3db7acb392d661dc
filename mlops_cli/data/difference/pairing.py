"""Which column of the new version is which of the old one, and how their values are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from mlops_cli.data.engine import Engine, Relation, as_kind, quoted
from mlops_cli.schemas.difference import ColumnChange

_SKETCH = 1_000
"""Values of a column that tell whether another one holds the same."""
_SAME = 0.8
"""At least this share of the values of a renamed column is the same."""
_FEW = 20
"""Columns of no more values are alike by chance: their names or places must be alike too."""
_ALIKE = 0.5
_WIDER = {
    frozenset(("integer", "number")): "number",
    frozenset(("date", "timestamp")): "timestamp",
}


@dataclass(frozen=True)
class Pair:
    """A column that both versions have.

    Attributes:
        before: Its name in the old version.
        after: Its name in the new version.
        kind: What its values are compared as: 1 and 1.0 are the same number.
    """

    before: str
    after: str
    kind: str


def pair(engine: Engine, old: Relation, new: Relation) -> tuple[list[Pair], list[ColumnChange]]:
    """Pairs the columns, and tells which were added, removed, renamed or retyped."""
    removed = [name for name in old.kinds if name not in new.kinds]
    added = [name for name in new.kinds if name not in old.kinds]
    renamed = _renamed(engine, old, new, removed, added) if removed and added else {}
    pairs, changes = [], []
    for name, kind in old.kinds.items():
        after = renamed.get(name, name)
        if after not in new.kinds:
            changes.append(ColumnChange("removed", name, "", kind, ""))
            continue
        now = new.kinds[after]
        pairs.append(Pair(name, after, _common(kind, now)))
        if name in renamed:
            changes.append(ColumnChange("renamed", name, after, kind, now))
        elif kind != now:
            changes.append(ColumnChange("retyped", name, after, kind, now))
    taken = set(renamed.values())
    changes += [
        ColumnChange("added", "", name, "", new.kinds[name]) for name in added if name not in taken
    ]
    return pairs, changes


def values(column: str, kind: str) -> list[str]:
    """A raw column in SQL as what is compared: its value, and its text where that is none."""
    text = f"{quoted(column)}::VARCHAR"
    if kind == "text":
        return [text]
    value = as_kind(column, kind)
    return [value, f"CASE WHEN {value} IS NULL THEN {text} END"]


def _common(before: str, after: str) -> str:
    return before if before == after else _WIDER.get(frozenset((before, after)), "text")


def _renamed(
    engine: Engine, old: Relation, new: Relation, removed: Sequence[str], added: Sequence[str]
) -> dict[str, str]:
    """New names by old ones: columns of the same kind that hold nearly the same values."""
    before = {name: _sketch(engine, old, name) for name in removed}
    after = {name: _sketch(engine, new, name) for name in added}
    places = {name: place for place, name in enumerate(old.kinds)}
    now = {name: place for place, name in enumerate(new.kinds)}
    found = []
    for name, was in before.items():
        for candidate, is_now in after.items():
            share = _overlap(was, is_now) if old.kinds[name] == new.kinds[candidate] else 0.0
            alike = (
                places[name] == now[candidate]
                or SequenceMatcher(None, name.lower(), candidate.lower()).ratio() >= _ALIKE
            )
            if share >= _SAME and (alike or min(len(was), len(is_now)) > _FEW):
                found.append((share, alike, name, candidate))
    renamed: dict[str, str] = {}
    for _, _, name, candidate in sorted(found, reverse=True):
        if name not in renamed and candidate not in renamed.values():
            renamed[name] = candidate
    return renamed


def _sketch(engine: Engine, relation: Relation, name: str) -> dict[int, int]:
    """The values with the smallest hashes, and how often each occurs (Broder's bottom sketch)."""
    hashed = f"hash({', '.join(values(name, relation.kinds[name]))})"
    sql = (
        f"SELECT place, count(*) FROM (SELECT {hashed} AS place FROM {relation.raw}) "
        f"GROUP BY place ORDER BY place LIMIT {_SKETCH}"
    )
    return dict(engine.run(sql))


def _overlap(before: dict[int, int], after: dict[int, int]) -> float:
    """The share of rows that hold the same value, over the hashes that both sketches reach."""
    ends = [max(one) for one in (before, after) if len(one) == _SKETCH]
    end = min(ends, default=2**64)
    known = [
        {value: rows for value, rows in one.items() if value <= end} for one in (before, after)
    ]
    same = sum(min(rows, known[1].get(value, 0)) for value, rows in known[0].items())
    return same / max(1, *(sum(one.values()) for one in known))
