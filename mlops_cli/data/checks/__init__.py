"""Checks of data, by family: what each looks at, and what it finds.

A family is a module with `NAMES`, its checks, and `find(inspection)`, which yields a `Finding` for
each fault. How bad a fault is, the config says; a check that it ignores is not made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mlops_cli.data.engine import Engine, Relation, quoted
from mlops_cli.data.schema import TableSchema
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.validation import ValidationConfig

ROW = '"#row"'
"""The column that numbers the rows of `Part.numbered`, from 1."""

EXAMPLES = 5
"""Most examples of a finding."""


@dataclass(frozen=True)
class Part:
    """One split, or the file that is compared with train.

    Attributes:
        name: train, validation, test, or the file.
        relation: Its table.
        rows: How many rows it has.
        text: The column of its text, or None.
        label: The column of its label, or None.
        keys: A table of `row`, `key` (a hash of the input, NULL where that is missing) and `label`
            (stripped, NULL where missing); empty for the file that is compared.
        numbers: The row numbers that people see, where the table does not tell them.
        content: The column of what the input's files hold, where the input names files.
        features: The columns to predict from, in train's order, where the file may have others that
            are neither these nor the label; None where all are looked at.
    """

    name: str
    relation: Relation
    rows: int
    text: str | None
    label: str | None
    keys: str = ""
    numbers: Sequence[int] = ()
    content: str | None = None
    features: tuple[str, ...] | None = None

    @property
    def numbered(self) -> str:
        """The raw values with their row numbers, as a subquery."""
        return f"(SELECT row_number() OVER () AS {ROW}, * FROM {self.relation.raw})"

    @property
    def inputs(self) -> list[str]:
        """The columns that a model may look at: the text, the features, else all but the label."""
        if self.features is not None:
            return list(self.features)
        if self.content:
            return [name for name in self.relation.kinds if name not in (self.content, self.label)]
        return [self.text] if self.text else [c for c in self.relation.kinds if c != self.label]

    @property
    def left_out(self) -> set[str]:
        """The columns of which nothing but the schema says what they should look like."""
        if self.features is None:
            return set()
        return self.relation.kinds.keys() - {*self.features, self.label}

    def as_text(self, column: str) -> str:
        """A raw value as text, in SQL."""
        return f"CAST({quoted(column)} AS VARCHAR)"

    @property
    def label_text(self) -> str:
        """The label as training reads it, in SQL; NULL where it is missing."""
        if self.label is None:
            return "NULL"
        return f"NULLIF(trim({self.as_text(self.label)}), '')"


@dataclass(frozen=True)
class Inspection:
    """What the checks look at.

    Attributes:
        engine: Holds the parts.
        parts: The splits, train first.
        settings: Severities and thresholds.
        reporter: Shown the progress of long work.
        schema: What the columns should look like, or None.
        against: The file to compare with train, or None.
    """

    engine: Engine
    parts: list[Part]
    settings: ValidationConfig
    reporter: Reporter
    schema: TableSchema | None = None
    against: Part | None = None

    @property
    def train(self) -> Part:
        """The training rows."""
        return self.parts[0]

    @property
    def later(self) -> list[Part]:
        """The other splits."""
        return self.parts[1:]

    def wants(self, *names: str) -> bool:
        """Whether one of these checks is to be made."""
        return any(getattr(self.settings, name) != "ignore" for name in names)


@dataclass(frozen=True)
class Finding:
    """One fault, before its severity is known.

    Attributes:
        name: The check.
        part: Where it is.
        message: What is wrong, in one sentence.
        count: How many rows, values or columns are concerned.
        total: Of how many.
        fix: What to do or type.
        column: The column, where one is meant.
        examples: Rows (counted from 1) and what they show.
        minor: There is so little of it that it is a note, however bad it would be.
    """

    name: str
    part: Part
    message: str
    count: int
    total: int
    fix: str
    column: str | None = None
    examples: list[tuple[list[int], str]] = field(default_factory=list)
    minor: bool = False


class Family(Protocol):
    """What every module of this room with checks offers."""

    NAMES: tuple[str, ...]
    """Its checks, which are keys of the config group `validation`."""

    def find(self, inspection: Inspection) -> Iterable[Finding]:
        """The faults, check by check."""
        ...


def sample(
    inspection: Inspection, part: Part, condition: str, value: str
) -> list[tuple[list[int], str]]:
    """The first rows that meet a condition, with a value of theirs; both in SQL."""
    found = inspection.engine.run(
        f"SELECT {ROW}, CAST({value} AS VARCHAR) FROM {part.numbered} "
        f"WHERE {condition} LIMIT {EXAMPLES}"
    )
    return [([int(row)], str(shown)) for row, shown in found]


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names beside each other, the first of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
