"""What a data source hands to a task: columns of raw inputs and raw targets."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Examples:
    """Rows of one split, by column.

    Attributes:
        inputs: Raw input columns by the task's name for them (`text`); all the same length.
        targets: Raw target of each row, as text; empty when the rows carry none.
        numbers: Where a person finds each row: the line or row of its source; empty where the
            source has no numbers of its own.
        by: Group or time of each row, where `data.split_by` names a column; else empty.
    """

    inputs: dict[str, list[str]]
    targets: list[str]
    numbers: list[int] = field(default_factory=list, compare=False)
    by: list[str] = field(default_factory=list, compare=False)

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, rows: Sequence[int]) -> "Examples":
        """The rows at these positions, in this order."""
        inputs = {name: [column[row] for row in rows] for name, column in self.inputs.items()}
        return Examples(
            inputs,
            [self.targets[row] for row in rows] if self.targets else [],
            [self.numbers[row] for row in rows] if self.numbers else [],
            [self.by[row] for row in rows] if self.by else [],
        )

    def fingerprint(self) -> str:
        """SHA-256 of the content, the same on every machine."""
        digest = hashlib.sha256()
        for name, column in sorted(self.inputs.items()):
            digest.update(json.dumps([name, column], ensure_ascii=False).encode())
        digest.update(json.dumps(self.targets, ensure_ascii=False).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Splits:
    """The three splits. A source may leave validation or test out: they are then split off."""

    train: Examples
    validation: Examples | None = None
    test: Examples | None = None

    def named(self) -> dict[str, Examples]:
        """The splits that are there, by name."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in splits.items() if split is not None}
