"""Tasks: what is predicted from what. Training and serving share one code path. No torch here.

A task module offers `load(spec, folder) -> Task`, where `spec` is what `Task.spec()` gave and
`folder` holds the files that `Task.save(folder)` wrote.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_cli import lookup

Inputs = dict[str, NDArray[np.int64]]
"""Model inputs of one batch by graph input name; each of shape (batch, sequence)."""


class Task(Protocol):
    """One fitted task: turns raw input into model input and logits into answers."""

    @property
    def name(self) -> str:
        """The task's module name."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; their position is the class id."""

    @property
    def input_columns(self) -> tuple[str, ...]:
        """Raw input columns, such as `text`."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Graph inputs, in order."""

    def encode(self, inputs: dict[str, list[str]]) -> list[list[int]]:
        """Raw columns to token ids, one list a row, cut to the model's length."""

    def count_truncated(self, inputs: dict[str, list[str]]) -> int:
        """How many rows are longer than the model takes."""

    def collate(self, rows: Sequence[Sequence[int]]) -> Inputs:
        """Pads encoded rows to the longest of them."""

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits (rows, classes) to probabilities of the same shape."""

    def metrics(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64], *, calibration_bins: int = 15
    ) -> dict[str, float]:
        """Every scalar metric of the task from logits (rows, classes) and target ids (rows,)."""

    def target_ids(self, targets: list[str]) -> NDArray[np.int64]:
        """Raw targets to class ids. Raises DataError naming an unknown target."""

    def spec(self) -> dict[str, Any]:
        """What, beside the saved files, `load` needs to make the task again. Plain JSON."""

    def save(self, folder: Path) -> None:
        """Writes the preprocessing files (`tokenizer.json`) into `folder`."""


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task described by `spec` again from the files in `folder`."""
    module = lookup.find(
        spec["name"],
        room=__name__,
        kind="task",
        known=lookup.choices("task"),
        offers=["load(spec, folder)"],
    )
    task: Task = module.load(spec, folder)
    return task
