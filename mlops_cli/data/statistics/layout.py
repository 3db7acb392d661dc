"""How the columns of a table are looked at: what each holds, and how long the table is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_cli.data.engine import Engine, Relation, as_kind, quoted
from mlops_cli.data.tables import Table

_SAMPLE_ROWS = 100_000
_FEW, _FEW_SHARE = 50, 0.05
"""A text column holds categories when it has no more different values than one of these."""
_SHORT_WORDS = 4.0
"""Texts of more words than this are categories only where each occurs again and again."""
_EXAMPLES = 3
_HEAD_BYTES = 1 << 20
_TEXT_WIDTH = 200
_AT_ONCE = 40
"""Columns of one query: each takes memory, however few its values."""

SMALL = 200_000
"""Up to so many rows (estimated), everything is counted exactly."""


@dataclass(frozen=True)
class Column:
    """A column under examination.

    Attributes:
        name: The column.
        kind: text, category, integer, number, boolean, date or timestamp.
        words: Whether its texts are made of words.
        examples: The beginnings of some values.
    """

    name: str
    kind: str
    words: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A table under examination.

    Attributes:
        relation: The table in the engine.
        columns: By name, in the file's order.
        size: About how many rows it has.
    """

    relation: Relation
    columns: dict[str, Column]
    size: int

    @property
    def source(self) -> str:
        """A subquery with the raw value `r0` and the typed value `t0` of each column."""
        fields = ", ".join(
            f"{quoted(name)} AS r{number}, {as_kind(name, kind)} AS t{number}"
            for number, (name, kind) in enumerate(self.relation.kinds.items())
        )
        return f"(SELECT {fields} FROM {self.relation.raw})"


def look(
    engine: Engine, relation: Relation, label: str | None, like: Mapping[str, Column]
) -> Layout:
    """Finds out what the columns of a table hold, from its first rows.

    Args:
        engine: Where the table is open.
        relation: The table.
        label: The column of the labels, which are categories whatever they look like.
        like: Columns of a table that this one is compared with: those of the same name and kind
            are looked at alike.
    """
    texts = [name for name, kind in relation.kinds.items() if kind == "text"]
    found = _texts(engine, relation, texts) if texts else {}
    columns = {name: found.get(name, Column(name, kind)) for name, kind in relation.kinds.items()}
    if label in columns:
        columns[label] = replace(columns[label], kind="category")
    for name, column in columns.items():
        other = like.get(name)
        if other and name in texts and other.kind in ("text", "category"):
            columns[name] = replace(column, kind=other.kind, words=other.words)
    return Layout(relation, columns, estimated_rows(engine, relation))


def _texts(engine: Engine, relation: Relation, names: list[str]) -> dict[str, Column]:
    """Tells categories from texts, and texts of words from codes."""
    columns: dict[str, Column] = {}
    for start in range(0, len(names), _AT_ONCE):
        columns |= _some_texts(engine, relation, names[start : start + _AT_ONCE])
    return columns


def _some_texts(engine: Engine, relation: Relation, names: list[str]) -> dict[str, Column]:
    fields = ", ".join(
        f"count(c{n}), count(DISTINCT c{n}), avg({word_count(spaced(f'c{n}'))}), "
        f"list(left(c{n}, {_TEXT_WIDTH})) FILTER (place <= {_EXAMPLES} AND c{n} IS NOT NULL)"
        for n in range(len(names))
    )
    picked = ", ".join(f"{quoted(name)} AS c{n}" for n, name in enumerate(names))
    sample = f"SELECT {picked}, row_number() OVER () AS place FROM {relation.name}"
    (answer,) = engine.run(f"SELECT {fields} FROM ({sample} LIMIT {_SAMPLE_ROWS})")
    columns = {}
    for number, name in enumerate(names):
        filled, distinct, words, examples = answer[4 * number : 4 * number + 4]
        kind = "category" if _repeats(filled, distinct, words or 0.0) else "text"
        columns[name] = Column(name, kind, (words or 0.0) > 1.5, tuple(examples or ()))
    return columns


def _repeats(filled: int, distinct: int, words: float) -> bool:
    """Whether values occur so often that they are categories."""
    if words > _SHORT_WORDS:
        return 0 < distinct <= min(_FEW, filled / 10)
    return 0 < distinct <= max(_FEW, _FEW_SHARE * filled) and distinct <= max(2, filled / 2)


def estimated_rows(engine: Engine, relation: Relation) -> int:
    """About how many rows a table has: exact for Parquet, else from the lines at its beginning."""
    table: Table = relation.table
    if table.format == "parquet":
        return int(engine.run(f"SELECT count(*) FROM {relation.raw}")[0][0])
    return _lines(table.path)


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    lines = head.count(b"\n") + 1
    return round(lines * max(1.0, path.stat().st_size / max(1, len(head))))


def spaced(text: str) -> str:
    """The text in SQL with one space between words and none around it."""
    odd = (
        f"contains({text}, '  ') OR contains({text}, chr(10)) OR contains({text}, chr(9)) "
        f"OR starts_with({text}, ' ') OR ends_with({text}, ' ')"
    )
    # Only texts that need it go through the slow expression.
    return f"CASE WHEN {odd} THEN trim(regexp_replace({text}, '\\s+', ' ', 'g')) ELSE {text} END"


def word_count(text: str) -> str:
    """How many words a text in SQL has, one space being between them."""
    spaces = f"length({text}) - length(replace({text}, ' ', ''))"
    return f"CASE WHEN {text} = '' THEN 0 ELSE {spaces} + 1 END"
