"""Batches as a pure function of seed and epoch, so that a resumed epoch goes on where it was."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlops_cli import collectives
from mlops_cli.tasks import Targets, Task

_WINDOW = 100
"""Batches that are sorted by length together: less padding, still well mixed."""


class EpochOrder:
    """The order of the rows in each epoch. Lightning calls `set_epoch` before an epoch begins.

    Args:
        lengths: Size of each row; see `Encoder.sizes`.
        batch_size: Rows per batch.
        seed: Same seed and epoch, same order.
        group_by_length: Batch rows of similar length together.
    """

    def __init__(
        self, lengths: NDArray[np.int64], batch_size: int, seed: int, *, group_by_length: bool
    ) -> None:
        self._lengths, self._batch_size, self._seed = lengths, batch_size, seed
        self._group = group_by_length
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch whose order `batches` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(len(self._lengths) / self._batch_size)

    def batches(self) -> list[NDArray[np.int64]]:
        """Row numbers of every batch of the epoch, in order; only one may be short."""
        rng = np.random.default_rng([self._seed, self.epoch])
        order = rng.permutation(len(self._lengths))
        size = self._batch_size
        if not self._group:
            return [order[start : start + size] for start in range(0, len(order), size)]
        batches = []
        for start in range(0, len(order), size * _WINDOW):
            window = order[start : start + size * _WINDOW]
            window = window[np.argsort(self._lengths[window], kind="stable")]
            batches += [window[at : at + size] for at in range(0, len(window), size)]
        return [batches[position] for position in rng.permutation(len(batches))]


class BatchLoader:
    """Collated batches of encoded rows, which can go on where they stood.

    Args:
        task: Its encoder makes batches of the rows.
        rows: Rows as the encoder makes them.
        targets: What the head makes of their targets.
        order: Which rows make which batch.
    """

    def __init__(
        self,
        task: Task,
        rows: Sequence[Any],
        targets: Targets,
        order: EpochOrder,
    ) -> None:
        self.task, self.rows, self.targets = task, rows, targets
        self.sampler = order
        self._given = 0
        self._restored: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        # The body runs at the first `next`, when Lightning has set the epoch.
        epoch = self.sampler.epoch
        first = 0
        if self._restored is not None and self._restored[0] == epoch:
            first = self._restored[1]
        self._restored = None
        for number, batch in enumerate(self.sampler.batches()):
            if number < first:
                continue
            self._given = number + 1
            yield self.collate(_part(batch))

    def collate(self, batch: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        """The batch's inputs, and `labels`: its targets."""
        inputs = self.task.encoder.collate([self.rows[row] for row in batch])
        tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
        targets = self.targets[batch]
        if self.task.head.kind == "tags":
            # The positions of the longest row of all are cut to those of this batch.
            targets = targets[:, : next(iter(inputs.values())).shape[1]]
        tensors["labels"] = torch.from_numpy(targets)
        return tensors

    def state_dict(self) -> dict[str, Any]:
        """Epoch and number of batches given."""
        return {"epoch": self.sampler.epoch, "given": self._given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Lets the next pass through the saved epoch begin after the batches given."""
        self._restored = (state["epoch"], state["given"])


def _part(batch: NDArray[np.int64]) -> NDArray[np.int64]:
    """This process's rows of a batch; all of them where there are fewer than processes."""
    world = collectives.world()
    return batch if len(batch) < world else batch[collectives.rank() :: world]


class ValidationLoader:
    """Every row once, sorted by length, in the same batches each time.

    Args:
        loader: Collates them.
        lengths: Size of each row.
        batch_size: Rows per batch.
        shared: Give each of the processes that train together some of the batches, by turns.

    Attributes:
        total: The number of batches, in all processes together.
        source: What collates the rows.
    """

    def __init__(
        self,
        loader: BatchLoader,
        lengths: NDArray[np.int64],
        batch_size: int,
        *,
        shared: bool = False,
    ) -> None:
        self.source = loader
        order = np.argsort(lengths, kind="stable")
        batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        self.total = len(batches)
        if shared:
            # Each has one at least: one without would not take part in what follows.
            first = collectives.rank() % self.total
            batches = batches[first :: collectives.world()]
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in self._batches:
            yield self.source.collate(batch)
