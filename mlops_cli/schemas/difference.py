"""What `mlops data diff` returns."""

from dataclasses import dataclass
from pathlib import Path

from mlops_cli.schemas.statistics import PartStatistics


@dataclass(frozen=True)
class ColumnChange:
    """A column that is not the same in both versions.

    Attributes:
        change: added, removed, renamed or retyped.
        before: Its name in the old version; empty where it was added.
        after: Its name in the new version; empty where it was removed.
        kind_before: What it held.
        kind_after: What it holds.
    """

    change: str
    before: str
    after: str
    kind_before: str
    kind_after: str


@dataclass(frozen=True)
class RowCounts:
    """How many rows are what.

    Attributes:
        before: Rows of the old version.
        after: Rows of the new version.
        unchanged: Rows that are in both.
        added: Rows that are only in the new version.
        removed: Rows that are only in the old version.
        changed: Rows of the same key that differ, relabelled ones included; None without a key.
        relabelled: Rows whose label alone differs; with a key, whose label differs.
    """

    before: int
    after: int
    unchanged: int
    added: int
    removed: int
    changed: int | None
    relabelled: int

    @property
    def differ(self) -> bool:
        """Whether any row is not the same."""
        return bool(self.added or self.removed or self.changed or self.relabelled)


@dataclass(frozen=True)
class ChangedColumn:
    """A column in which rows of the same key differ.

    Attributes:
        name: The column (its new name).
        rows: In how many of the changed rows it differs.
        examples: Old and new values.
    """

    name: str
    rows: int
    examples: list[tuple[str | None, str | None]]


@dataclass(frozen=True)
class Transition:
    """Rows whose label went from one to another.

    Attributes:
        before: The old label.
        after: The new label.
        rows: How many.
    """

    before: str | None
    after: str | None
    rows: int


@dataclass(frozen=True)
class RowExamples:
    """Some rows of each kind, by column; long values are shortened.

    Attributes:
        added: Rows of the new version.
        removed: Rows of the old version.
        relabelled: The inputs, and the labels as `label` and `label (before)`.
    """

    added: list[dict[str, str | None]]
    removed: list[dict[str, str | None]]
    relabelled: list[dict[str, str | None]]


@dataclass(frozen=True)
class DifferenceResult:
    """What differs between two versions of a table.

    Attributes:
        before: The old version, as it was named.
        after: The new version.
        key: The columns that rows were matched by; empty where the whole row was.
        label: The column of the labels; None where none is known.
        rows: How many rows were added, removed, changed, relabelled.
        columns: Columns that were added, removed, renamed or retyped.
        changed_columns: Where rows of the same key differ, most rows first.
        transitions: Labels from and to, most rows first.
        examples: Some rows of each kind.
        statistics: The statistics of both versions; empty where they are not wanted.
        page: The HTML page, where one was asked for.
        seconds: Wall time.
    """

    before: str
    after: str
    key: list[str]
    label: str | None
    rows: RowCounts
    columns: list[ColumnChange]
    changed_columns: list[ChangedColumn]
    transitions: list[Transition]
    examples: RowExamples
    statistics: list[PartStatistics]
    page: Path | None
    seconds: float

    @property
    def differ(self) -> bool:
        """Whether anything is not the same."""
        return self.rows.differ or bool(self.columns)
