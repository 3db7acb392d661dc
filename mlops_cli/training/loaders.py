"""From the rows of a data set to the batches of training and validation."""

import numpy as np
from numpy.typing import NDArray

from mlops_cli import models
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.tasks import Task
from mlops_cli.training.loader import BatchLoader, EpochOrder, ValidationLoader

_LOOKED_AT = 1000
"""Rows on the disk that are looked at to tell how many are cut."""


def loaders(
    config: Config, splits: Splits, built: models.Built, reporter: Reporter
) -> tuple[BatchLoader, ValidationLoader, int]:
    """Encodes training and validation; tells how many rows are cut."""
    task, settings = built.task, config.trainer
    assert splits.validation is not None
    rows = splits.train.encoded(task.encoder)
    sizes = splits.train.sizes(task.encoder, rows)
    truncated = _truncated(config, splits.train, task, sizes, reporter)
    order = EpochOrder(
        sizes, config.batch_size, config.seed, group_by_length=settings.group_by_length
    )
    targets = splits.train.expected(task.head, rows)
    train = BatchLoader(task, rows, targets, order)
    held_out = splits.validation.encoded(task.encoder)
    expected = task.head.targets(splits.validation.targets, held_out)
    source = BatchLoader(task, held_out, expected, order)
    validation = ValidationLoader(
        source,
        splits.validation.sizes(task.encoder, held_out),
        settings.eval_batch_size,
        # A module that does not put the parts together gets everything in every process.
        shared=bool(getattr(built.module, "gathers_validation", False)),
    )
    return train, validation, truncated


def _truncated(
    config: Config, train: Examples, task: Task, sizes: NDArray[np.int64], reporter: Reporter
) -> int:
    """How many training rows are cut, of those on the disk an estimate; warns of them."""
    if train.streamed:
        looked_at = train.sample(_LOOKED_AT)
        found = task.encoder.count_truncated(looked_at.inputs)
        count, about = round(found * len(train) / len(looked_at)), "about "
    else:
        # Only the largest rows can have been cut: no need to encode the others again.
        largest = np.flatnonzero(sizes == sizes.max()).tolist()
        count, about = task.encoder.count_truncated(train.take(largest).inputs), ""
    if count:
        reporter.warn(
            f"{about}{count} of {len(train)} training texts are longer than "
            f"model.max_length={config.model.max_length} tokens and are cut"
        )
    return count
