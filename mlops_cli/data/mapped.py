"""Rows that stay on the disk: columns of an Arrow file, mapped into memory and read row by row.

A mapped page takes no memory that another program could not have. What is kept of each row is a
few numbers: its place in a split, its size, its hash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_cli.data.collecting import known_labels, labels_of
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.records import Records
from mlops_cli.data.split_rules import too_few, unit_of
from mlops_cli.errors import DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig
from mlops_cli.tasks import Encoder, Head, Targets
from mlops_cli.tasks.encoders.table import TableEncoder
from mlops_cli.wording import counted

OWN = ("#label", "#hash")
"""The last columns of the file: the rows' targets and their hashes. A table may have columns of
these names too."""
_TOGETHER = 1000
"""Rows that are read in one call where all of them are wanted in turn."""
_RECORDED = 10_000
"""Rows of a table that are encoded in one call."""
_NEAR = 4
"""Rows that lie in so many times the places of the file are read as one piece."""


class Column(Sequence[str]):
    """A column of texts, or some rows of one.

    Args:
        values: All of it.
        rows: The places of the rows it has; None for all.
    """

    def __init__(self, values: pa.ChunkedArray, rows: NDArray[np.int64] | None = None) -> None:
        self._values, self._rows = values, rows

    def __len__(self) -> int:
        return len(self._values if self._rows is None else self._rows)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            wanted = np.arange(*row.indices(len(self)))
            return self._read(wanted if self._rows is None else self._rows[wanted])
        place = row if self._rows is None else self._rows[row]
        return self._values[int(place)].as_py()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _TOGETHER):
            yield from self[start : start + _TOGETHER]

    def _read(self, places: NDArray[np.int64]) -> list[str]:
        """The texts at these places of the file."""
        if len(places) > 1:
            first, last = int(places.min()), int(places.max())
            if last - first < _NEAR * len(places):
                piece = self._values.slice(first, last - first + 1)
                return cast("list[str]", piece.take(pa.array(places - first)).to_pylist())
        return [self._values[place].as_py() for place in places.tolist()]

    def bytes(self) -> NDArray[np.int64]:
        """The size of each row's text, shape (rows,)."""
        sizes = pc.binary_length(self._values).to_numpy().astype(np.int64, copy=False)
        chosen: NDArray[np.int64] = sizes if self._rows is None else sizes[self._rows]
        return chosen

    def take(self, rows: NDArray[np.int64]) -> "Column":
        """The rows at these positions."""
        return Column(self._values, rows if self._rows is None else self._rows[rows])


@dataclass(frozen=True)
class MappedExamples(Examples):
    """Rows of a mapped file.

    Attributes:
        hashes: 64 bits of each row's inputs; equal inputs, equal hashes.
        folder: Where the file lies.
        records: What encoders of tables made of the rows.
    """

    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    folder: Path = Path()
    records: dict[TableEncoder, Records] = field(default_factory=dict, compare=False, repr=False)

    streamed: ClassVar[bool] = True

    def take(self, rows: Sequence[int]) -> "MappedExamples":
        """The rows at these positions, in this order; they stay on the disk."""
        places = np.asarray(rows, dtype=np.int64)
        columns = {name: _column(values).take(places) for name, values in self.inputs.items()}
        targets = _column(self.targets).take(places)
        return _examples(columns, targets, self.hashes[places], self.folder)

    def sample(self, count: int) -> Examples:
        """At most so many rows, evenly spaced, in memory."""
        rows = self.thinned(count)
        return Examples(
            {name: list(values) for name, values in rows.inputs.items()}, list(rows.targets)
        )

    def encoded(self, encoder: Encoder) -> Sequence[Any]:
        """The rows, each encoded when it is asked for; a table's are encoded once, to the disk."""
        if isinstance(encoder, TableEncoder):
            if encoder not in self.records:
                self.records[encoder] = Records(encoder, self.parts(_RECORDED), self.folder)
            return self.records[encoder]
        return _Encoded(self, encoder)

    def expected(self, head: Head, rows: Sequence[Any]) -> Targets:
        """The targets; tags, of which a row has as many as words, when they are asked for."""
        if head.kind != "tags":
            return head.targets(self.targets, rows)
        # Whoever trains asks for those of a batch, by the places of its rows.
        return cast("Targets", _Expected(self.targets, head, rows))

    def sizes(self, encoder: Encoder, rows: Sequence[Any]) -> NDArray[np.int64]:
        """Bytes of each text: to know its tokens, all of it would have to be read."""
        if isinstance(rows, Records):
            return encoder.sizes(rows)
        sizes: NDArray[np.int64]
        sizes = np.sum([_column(values).bytes() for values in self.inputs.values()], axis=0)
        return sizes

    def truncated(self, encoder: Encoder) -> int:
        """How many rows are larger than the model takes."""
        return sum(encoder.count_truncated(part) for part in self.parts())

    def parts(self, together: int = _TOGETHER) -> Iterator[dict[str, list[str]]]:
        """The inputs of so many rows after the other, in memory."""
        for start in range(0, len(self), together):
            part = slice(start, start + together)
            yield {name: values[part] for name, values in self.inputs.items()}

    def keys(self) -> list[Any]:
        """The hashes: equal hashes, equal inputs."""
        return cast("list[Any]", self.hashes)


class _Encoded(Sequence[Any]):
    """Rows that are encoded when they are asked for."""

    def __init__(self, examples: MappedExamples, encoder: Encoder) -> None:
        self._examples, self._encoder = examples, encoder

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        inputs = {name: [values[row]] for name, values in self._examples.inputs.items()}
        return self._encoder.encode(inputs)[0]

    def __iter__(self) -> Iterator[Any]:
        for part in self._examples.parts():
            yield from self._encoder.encode(part)


class _Expected:
    """Targets that are made when they are asked for, of some rows at a time."""

    def __init__(self, targets: Sequence[str], head: Head, rows: Sequence[Any]) -> None:
        self._targets, self._head, self._rows = targets, head, rows

    def __getitem__(self, batch: NDArray[np.int64]) -> Targets:
        raw, rows = ([of[row] for row in batch.tolist()] for of in (self._targets, self._rows))
        return self._head.targets(raw, rows)


def open_mapped(path: Path) -> MappedExamples:
    """The rows of an Arrow file that `data.stream` wrote."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    names = table.column_names[: -len(OWN)]
    columns = {name: Column(table.column(place)) for place, name in enumerate(names)}
    targets, hashes = (table.column(len(names) + place) for place in range(len(OWN)))
    return _examples(columns, Column(targets), hashes.to_numpy(), path.parent)


def complete(
    splits: Splits, wanted: dict[str, float], config: DataConfig, seed: int, reporter: Reporter
) -> Splits:
    """Splits off what is wanted by the hashes of the inputs, whatever other rows there are.

    Args:
        splits: Their training rows are mapped.
        wanted: Share of the training rows that each missing split takes.
        config: The config group `data`.
        seed: Another seed gives another split.
        reporter: Warned of rows that are left out.

    Raises:
        DataError: A split gets no rows.
    """
    train = splits.train
    assert isinstance(train, MappedExamples)
    places = _scattered(train.hashes, seed)
    test = places < wanted.get("test", 0)
    validation = places >= 1 - wanted.get("validation", 0)
    rows = {"train": ~(test | validation), "validation": validation, "test": test}
    parts = {
        name: train.take(cast("Sequence[int]", np.flatnonzero(rows[name])))
        for name in ("train", *wanted)
    }
    known = known_labels(parts["train"], config)
    for name, part in parts.items():
        kept = part
        if not known_labels(part, config) <= known:
            kept = part.take(
                [
                    n
                    for n, one in enumerate(part.targets)
                    if known.issuperset(labels_of(one, config))
                ]
            )
            lost = len(part) - len(kept)
            gone = counted(lost, f"{name} row is", f"{name} rows are")
            reporter.warn(f"{gone} left out: no training row has such a label")
        if not len(kept):
            raise _without_rows(name, train, wanted, config)
        parts[name] = kept
    return replace(splits, **parts)


def _without_rows(
    name: str, train: MappedExamples, wanted: dict[str, float], config: DataConfig
) -> DataError:
    """Says that a split gets no rows: there are too few, or their hashes lie elsewhere."""
    different = len(np.unique(train.hashes))
    # In memory each label keeps a row to train on, and each later split gets one.
    labels = len(known_labels(train, config)) if config.targets == "classes" else 1
    if different < labels + len(wanted):
        later = name if name in wanted else next(iter(wanted))
        count = max(1, round(wanted[later] * different))
        return too_few(different, unit_of(config), count, later)
    return DataError(
        f"{counted(len(train), 'row leaves', 'rows leave')} none for {name}",
        hint="rows with the same inputs stay on one side; so few fit into memory: "
        f"data={'table' if config.inputs == 'table' else 'file'}",
    )


def _examples(
    inputs: dict[str, Column], targets: Column, hashes: NDArray[np.uint64], folder: Path
) -> MappedExamples:
    # Whoever reads an Examples asks no more of its lists than a sequence gives.
    columns, labels = cast("dict[str, list[str]]", inputs), cast("list[str]", targets)
    return MappedExamples(columns, labels, hashes=hashes, folder=folder)


def _column(values: Any) -> Column:
    assert isinstance(values, Column)
    return values


def _scattered(hashes: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """A number from 0 to 1 for each hash: the mixing of SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        mixed = hashes + np.uint64(0x9E3779B97F4A7C15) * np.uint64(seed + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
