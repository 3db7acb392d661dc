"""What `mlops data split` found and wrote."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class SplitPart:
    """One part of a split.

    Attributes:
        rows: How many rows it has.
        classes: Rows of each class; none where the targets are no classes.
        shares: Share of each class.
        fingerprint: SHA-256 of the content, as a training run records it.
        file: The file it is in, inside the split's folder.
        given: The source brought it; it was not split off.
    """

    rows: int
    classes: dict[str, int]
    shares: dict[str, float]
    fingerprint: str
    file: str
    given: bool


@dataclass(frozen=True)
class SplitRecord:
    """What `split.json` says. Nothing in it depends on when or where it was made.

    Attributes:
        format: Version of this record.
        method: What chose the rows: stratified, hash, group or time.
        by: The column it went by; None for the text.
        seed: Seed of the split.
        fractions: The share that each later part was to have; none for a part that is given.
        inputs: What the files call the task's input columns.
        label: What the files call the label.
        source: Name of the data source.
        fingerprints: SHA-256 of what the source gave, before the split.
        left_out: Rows of the source that are in no part.
        parts: The parts.
        slices: Columns that the files have beside these, for `data.slice_by`.
        separator: What stands between several labels of a row.
        streamed: Its rows do not lie in memory.
    """

    format: int
    method: str
    by: str | None
    seed: int
    fractions: dict[str, float]
    inputs: dict[str, str]
    label: str
    source: str
    fingerprints: dict[str, str]
    left_out: int
    parts: dict[str, SplitPart]
    slices: list[str] = field(default_factory=list)
    separator: str = "|"
    streamed: bool = False


@dataclass(frozen=True)
class Moved:
    """A row that is in another part than before.

    Attributes:
        text: Its input.
        before: The part it was in.
        after: The part it is in.
    """

    text: str
    before: str
    after: str


@dataclass(frozen=True)
class SplitChanges:
    """What differs from the recorded split.

    Attributes:
        moved: Rows that are in another part than before.
        added: Rows whose text was not there before.
        removed: Rows whose text is not there any more.
        examples: Some of the moved rows.
    """

    moved: int
    added: int
    removed: int
    examples: list[Moved] = field(default_factory=list)


@dataclass(frozen=True)
class SplitResult:
    """A split on disk.

    Attributes:
        path: Its folder.
        split: What it is.
        changes: What differs from the split that was there; None where there was none.
        written: False where the very same split was there already.
    """

    path: Path
    split: SplitRecord
    changes: SplitChanges | None
    written: bool
