"""Tasks: what is predicted from what. Training and serving share one code path. No torch here.

A task joins an encoder (raw columns to model inputs) and a head (model outputs to answers). Its
module offers

    fit(config: TaskConfig, train: Examples, encoder: Encoder) -> Task
    load(spec: dict, folder: Path) -> Task

where `spec` is what `Task.spec()` gave and `folder` holds the files that `Task.save(folder)`
wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_cli import lookup
from mlops_cli.schemas.predictions import Prediction
from mlops_cli.schemas.task import TaskConfig

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

Columns = dict[str, list[str]]
"""Raw rows, by column."""

CellKind = Literal["text", "words", "number", "category", "image"]
"""What a raw cell holds: a text; words (parted by white space, or a JSON list); a number; one of
several values; an image (a path, or a `data:` URI)."""

Inputs = dict[str, NDArray[Any]]
"""Model inputs of one batch by graph input name; the first axis of each is the batch."""

Outputs = NDArray[np.float32]
"""What the network says: (rows, width), or (rows, positions, width) where it answers for every
position of a row; positions beyond a row's own hold zeros."""

Targets = NDArray[Any]
"""What it should say, as the head's loss and metrics take it; the first axis is the row."""

IGNORED = -100
"""The target of a position that is not judged, as torch's losses have it."""


class Encoder(Protocol):
    """Turns raw columns into model inputs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns it reads, such as `text`."""

    @property
    def cells(self) -> dict[str, CellKind]:
        """What each column holds, in the order of `columns`."""

    @property
    def optional(self) -> bool:
        """Whether a row may lack some of its columns."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Graph inputs, in order."""

    def encode(self, inputs: Columns) -> Sequence[Any]:
        """One item a row, ready to be collated."""

    def sizes(self, rows: Sequence[Any]) -> NDArray[np.int64]:
        """Size of each encoded row, shape (rows,): rows of like size make the cheapest batch."""

    def collate(self, rows: Sequence[Any]) -> Inputs:
        """Encoded rows as one batch."""

    def count_truncated(self, inputs: Columns) -> int:
        """How many rows are larger than the model takes, and are cut."""

    def example(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Two encoded rows that differ in everything that may vary, to trace a network with."""

    def axes(self) -> dict[str, dict[int, str]]:
        """The graph inputs' axes that vary, by input name: the batch, a sequence."""

    def describe(self, inputs: Columns, rows: Sequence[Any]) -> dict[str, Any]:
        """The distribution of raw rows (`rows`: as encoded) in figures. Plain JSON."""

    def spec(self) -> dict[str, Any]:
        """What, beside the saved files, makes the encoder again. Plain JSON."""

    def save(self, folder: Path) -> None:
        """Writes the files it needs, such as `tokenizer.json`, into `folder`."""


class Head(Protocol):
    """Turns model outputs into answers, and knows what they should have been."""

    @property
    def kind(self) -> str:
        """What it predicts: a key of `schemas.task.METRICS`. Losses and reports go by it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outputs, in order; there are as many as the outputs are wide."""

    def knows(self, raw: str) -> bool:
        """Whether a raw target is one that the model can answer with."""

    def targets(self, raw: Sequence[str], rows: Sequence[Any]) -> Targets:
        """Raw targets as arrays.

        Args:
            raw: One a row, as text.
            rows: The rows they belong to, as the encoder made them.

        Raises:
            DataError: A target is none that the model can answer with; the message names it.
        """

    def metrics(self, outputs: Outputs, targets: Targets) -> dict[str, float]:
        """Every scalar metric of `schemas.task.METRICS[kind]`."""

    def decisions(self, outputs: Outputs) -> NDArray[Any]:
        """What is decided of each row (or position), to be compared between two engines."""

    @property
    def nothing(self) -> Prediction:
        """The answer to a row that lacks an input."""

    def columns(self, top_k: int) -> list[str]:
        """Names of the cells that an answer gives a table."""

    def counted(self, answer: Prediction) -> Sequence[str]:
        """The labels to count an answer under."""

    def answers(
        self,
        outputs: Outputs,
        inputs: Columns,
        rows: Sequence[Any],
        *,
        top_k: int = 1,
        threshold: float = 0.0,
    ) -> list[Prediction]:
        """Answers for people.

        Args:
            outputs: What the network said of the rows.
            inputs: The raw rows.
            rows: The same as the encoder made them.
            top_k: How many labels an answer names with their scores.
            threshold: Below this score there is no label.
        """

    def describe_targets(self, raw: Sequence[str]) -> dict[str, Any]:
        """The distribution of raw targets in figures. Plain JSON."""

    def describe_outputs(self, outputs: Outputs) -> dict[str, Any]:
        """The distribution of answers in figures. Plain JSON."""

    def spec(self) -> dict[str, Any]:
        """What makes the head again. Plain JSON."""


@dataclass(frozen=True)
class Task:
    """One fitted task.

    Attributes:
        name: Its module's name.
        encoder: From raw columns to model inputs.
        head: From model outputs to answers.
    """

    name: str
    encoder: Encoder
    head: Head

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outputs; see `Head.labels`."""
        return self.head.labels

    def spec(self) -> dict[str, Any]:
        """What, beside the saved files, `load` needs to make the task again. Plain JSON."""
        head = {"kind": self.head.kind, **self.head.spec()}
        return {"name": self.name, "encoder": self.encoder.spec(), "head": head}

    def save(self, folder: Path) -> None:
        """Writes the preprocessing files into `folder`."""
        self.encoder.save(folder)


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task that `config` names, fitted to the training rows.

    Raises:
        ConfigError: There is no such task, or it reads other columns than the encoder.
        DataError: The rows' targets are none for this task.
    """
    task: Task = _module(config.name).fit(config, train, encoder)
    return task


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task described by `spec` again from the files in `folder`.

    Raises:
        ConfigError: There is no such task.
        DataError: The spec or a file is damaged.
        KeyError: The spec lacks a part.
    """
    task: Task = _module(spec["name"]).load(spec, folder)
    return task


def joined(parts: Sequence[NDArray[Any]], *, fill: int = 0) -> NDArray[Any]:
    """The rows of several batches in one array; shorter ones are filled up along axis 1.

    Args:
        parts: At least one array; they differ in their first axis and, where there is one for
            the positions in a row, in their second.
        fill: What stands at positions beyond a row's own.
    """
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    width = max(part.shape[1] for part in parts)
    rest = [(0, 0)] * (parts[0].ndim - 2)
    filled = [
        np.pad(part, [(0, 0), (0, width - part.shape[1]), *rest], constant_values=fill)
        for part in parts
    ]
    return np.concatenate(filled)


def masked(outputs: Outputs, sizes: NDArray[np.int64]) -> Outputs:
    """Outputs of one batch with zeros at the positions beyond each row's size, in place."""
    if outputs.ndim == 3:
        outputs[np.arange(outputs.shape[1]) >= sizes[:, None]] = 0.0
    return outputs


def _module(name: str) -> ModuleType:
    return lookup.find(
        name,
        room=__name__,
        kind="task",
        known=lookup.choices("task"),
        offers=["fit(config, train, encoder)", "load(spec, folder)"],
    )
