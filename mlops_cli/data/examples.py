"""What a data source hands to a task: columns of raw inputs and raw targets."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlops_cli.tasks import Encoder, Head, Targets


@dataclass(frozen=True)
class Examples:
    """Rows of one split, by column.

    Attributes:
        inputs: Raw input columns by the task's name for them (`text`); all the same length.
        targets: Raw target of each row, as text; empty when the rows carry none.
        numbers: Where a person finds each row: the line or row of its source; empty where the
            source has no numbers of its own.
        by: Group or time of each row, where `data.split_by` names a column; else empty.
        contents: SHA-256 of the file that each row's input names; empty where the inputs are
            themselves the content.
        slices: Cells of the columns of `data.slice_by`, by column; "" where there is no value.
    """

    inputs: dict[str, list[str]]
    targets: list[str]
    numbers: list[int] = field(default_factory=list, compare=False)
    by: list[str] = field(default_factory=list, compare=False)
    contents: list[str] = field(default_factory=list)
    slices: dict[str, list[str]] = field(default_factory=dict, compare=False)

    streamed: ClassVar[bool] = False
    """Whether the rows stay on the disk; see `data.mapped`."""

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
            [self.contents[row] for row in rows] if self.contents else [],
            {name: [column[row] for row in rows] for name, column in self.slices.items()},
        )

    def thinned(self, count: int) -> "Examples":
        """At most so many rows, evenly spaced."""
        return self.take(range(0, len(self), max(1, -(-len(self) // count))))

    def sample(self, count: int) -> "Examples":
        """At most so many rows, evenly spaced, in memory."""
        return self.thinned(count)

    def encoded(self, encoder: "Encoder") -> Sequence[Any]:
        """The rows as the encoder makes them."""
        return encoder.encode(self.inputs)

    def expected(self, head: "Head", rows: Sequence[Any]) -> "Targets":
        """What the head makes of the targets of the encoded rows."""
        return head.targets(self.targets, rows)

    def sizes(self, encoder: "Encoder", rows: Sequence[Any]) -> "NDArray[np.int64]":
        """What rows of like size are batched by: the encoder's sizes of the encoded rows."""
        return encoder.sizes(rows)

    def truncated(self, encoder: "Encoder") -> int:
        """How many rows are larger than the model takes."""
        return encoder.count_truncated(self.inputs)

    def keys(self) -> list[tuple[str, ...]]:
        """What the model sees of each row: equal keys, equal inputs."""
        if self.contents:
            return [(content,) for content in self.contents]
        return list(zip(*self.inputs.values(), strict=True))

    def fingerprint(self) -> str:
        """SHA-256 of the content, the same on every machine and wherever its files lie."""
        digest = hashlib.sha256()
        inputs = {"content": self.contents} if self.contents else self.inputs
        for name, column in sorted(inputs.items()):
            digest.update(f"[{json.dumps(name, ensure_ascii=False)}, ".encode())
            _add(digest, column)
            digest.update(b"]")
        _add(digest, self.targets)
        return digest.hexdigest()


def _add(digest: Any, column: Iterable[str]) -> None:
    """Adds a column as the JSON list it is, without holding that whole."""
    digest.update(b"[")
    for number, value in enumerate(column):
        if number:
            digest.update(b", ")
        digest.update(json.dumps(value, ensure_ascii=False).encode())
    digest.update(b"]")


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
