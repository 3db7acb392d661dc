"""How the columns of a table are looked at: what each holds, and how long the table is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mlops_cli.data.engine import Engine, Relation, as_kind, quoted
from mlops_cli.data.tables import Table

_SAMPLE_ROWS = 100_000
_WORDED_ROWS = 10_000
"""Of so many of them, words are counted to tell texts from codes."""
_FEW, _FEW_SHARE = 50, 0.05
"""A text column holds categories when it has no more different values than one of these."""
_SHORT_WORDS = 4.0
"""Texts of more words than this are categories only where each occurs again and again."""
_EXAMPLES = 3
_HEAD_BYTES = 1 << 20
TEXT_WIDTH = 200
"""Characters of a text that are shown."""
_AT_ONCE = 40
"""Columns of one query: each takes memory, however few its values."""
_SAMPLED = 100_000
"""About so many rows are drawn of a large table."""

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
        longest: The beginning of the longest text of the first rows.
        length: The characters of that text.
    """

    name: str
    kind: str
    words: bool = False
    examples: tuple[str, ...] = ()
    longest: str | None = None
    length: int = 0


@dataclass(frozen=True)
class Layout:
    """A table under examination.

    Attributes:
        relation: The table in the engine.
        columns: By name, in the file's order.
        size: About how many rows it has.
        held: What the passes need of a large table, in a table of the engine's; see `holding`.
        whole: Whether `held` has the values of all columns but texts.
        gathered: What `source` lists of a small table with very many columns, in a table of the
            engine's; see `holding`.
    """

    relation: Relation
    columns: dict[str, Column]
    size: int
    held: str | None = None
    whole: bool = False
    gathered: str | None = None

    @property
    def file(self) -> str:
        """A subquery with the raw value `r0` and the typed value `t0` of each column."""
        if self.gathered:
            return self.gathered
        fields = []
        for number, (name, kind) in enumerate(self.relation.kinds.items()):
            value = as_kind(name, kind)
            fields += [f"{quoted(name)} AS r{number}", f"{value} AS t{number}"]
        return f"(SELECT {', '.join(fields)} FROM {self.relation.raw})"

    @property
    def drawing(self) -> str:
        """`file` with `drawn`: whether a row belongs to the sample of a large table."""
        # The rows' numbers decide, so that the same file always gives the same sample.
        end = min(2**64 - 1, int(2**64 * _SAMPLED / max(1, self.size)))
        numbered = f"(SELECT *, row_number() OVER () AS number FROM {self.file})"
        return f"(SELECT *, hash(number) <= {end}::UBIGINT AS drawn FROM {numbered})"

    @property
    def rows(self) -> str:
        """A subquery with the hash `row` of each row."""
        # A row is its hash: two of 10 million share one with a chance of 3 in a million.
        whole = ", ".join(f"r{number}" for number in range(len(self.columns)))
        return self.held or f"(SELECT hash({whole}) AS row FROM {self.file})"

    def source(self, kind: str) -> str:
        """Where columns of a kind are: `t0`, whether there is a raw value `f0`, and `measures`."""
        if self.gathered:
            return self.gathered
        if self.held and (self.whole or kind == "text"):
            return self.held
        if self.held:
            return f"(SELECT *{self._filled()} FROM {self.file})"
        listed = "".join(f", {one}" for number in self.texts for one in self.measures(number))
        return f"(SELECT *{self._filled()}{listed} FROM {self.file})"

    def by_source(self) -> dict[str, list[str]]:
        """The columns by where they are."""
        found: dict[str, list[str]] = {}
        for name, column in self.columns.items():
            found.setdefault(self.source(column.kind), []).append(name)
        return found

    def number(self, name: str) -> int:
        """The place of a column."""
        return self._numbers[name]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.columns)}

    def sample(self, kind: str) -> str | None:
        """Random rows of a large table with the typed values of a kind; None of a small one."""
        if not self.held:
            return None
        source = self.held if self.whole or kind == "text" else self.drawing
        return f"(SELECT * FROM {source} WHERE drawn)"

    def _filled(self) -> str:
        return "".join(f", r{n} IS NOT NULL AS f{n}" for n in range(len(self.columns)))

    @property
    def texts(self) -> list[int]:
        """The places of the columns of texts."""
        return [n for n, column in enumerate(self.columns.values()) if column.kind == "text"]

    def measures(self, number: int) -> list[str]:
        """What is measured of each text: characters `l0`, whether it's blank `b0`."""
        value = f"t{number}"
        # Only what begins with white space is looked at as a whole; '' has the code -1.
        blank = (
            f"CASE WHEN unicode({value}) <= 32 "
            f"THEN regexp_full_match({value}, '\\s*') ELSE false END"
        )
        return [f"length({value})::INT AS l{number}", f"{blank} AS b{number}"]

    def worded(self, number: int, *, whole: bool) -> str:
        """A subquery with the texts `t0` of a column and their words `w0`: of the sample, or all.

        Args:
            number: The column's place.
            whole: Read all rows, also where there is a sample of them.
        """
        value = f"t{number}"
        source = (None if whole else self.sample("text")) or self.file
        texts = f"(SELECT {value}, {split(value)} AS tokens FROM {source})"
        return f"(SELECT {value}, {word_count(value, 'tokens')} AS w{number} FROM {texts})"


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
        f"count(c{n}), count(DISTINCT c{n}), avg({word_count(f'w{n}', f's{n}')}), "
        f"list(left(c{n}, {TEXT_WIDTH})) FILTER (place <= {_EXAMPLES} AND c{n} IS NOT NULL), "
        f"left(arg_max(c{n}, length(c{n}) * {_SAMPLE_ROWS} - place), {TEXT_WIDTH}), "
        f"max(length(c{n}))"
        for n in range(len(names))
    )
    picked = ", ".join(f"{quoted(name)} AS c{n}" for n, name in enumerate(names))
    worded = ", ".join(
        f"CASE WHEN place <= {_WORDED_ROWS} THEN c{n} END AS w{n}, {split(f'w{n}')} AS s{n}"
        for n in range(len(names))
    )
    sample = f"SELECT {picked}, row_number() OVER () AS place FROM {relation.name}"
    sql = f"SELECT {fields} FROM (SELECT *, {worded} FROM ({sample} LIMIT {_SAMPLE_ROWS}))"
    (answer,) = engine.run(sql)
    columns = {}
    for number, name in enumerate(names):
        filled, distinct, words, examples, longest, length = answer[6 * number : 6 * number + 6]
        kind = "category" if _repeats(filled, distinct, words or 0.0) else "text"
        columns[name] = Column(
            name, kind, (words or 0.0) > 1.5, tuple(examples or ()), longest, length or 0
        )
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


def split(text: str) -> str:
    """What stands between the spaces of a text, in SQL."""
    return f"string_split({text}, ' ')"


def word_count(text: str, tokens: str) -> str:
    """How many words a text has, both in SQL.

    Args:
        text: The text.
        tokens: What stands between its spaces, from a query below: it is looked at twice.
    """
    # Only texts with more than one space between words go through the slow expression.
    odd = f"list_contains({tokens}, '') OR contains({text}, chr(10)) OR contains({text}, chr(9))"
    return rf"CASE WHEN {odd} THEN len(regexp_extract_all({text}, '\S+')) ELSE len({tokens}) END"
