"""Cross-validation: what the configured model says of rows that it was not trained on."""

import dataclasses
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli import config as configs
from mlops_cli import models, training
from mlops_cli.data import splits
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.errors import Interrupted
from mlops_cli.models import inference
from mlops_cli.reporting import Board, Reporter, Task
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import DataConfig
from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tasks.heads.classes import label_names
from mlops_cli.tasks.heads.classification_metrics import softmax
from mlops_cli.tracking import record


def probabilities(
    config: Config, examples: Examples, folds: NDArray[np.int64], reporter: Reporter
) -> NDArray[np.float64]:
    """Trains one model a fold on the rows of the others, and asks it about the fold's own.

    A part of the training rows picks the best epoch, as in `mlops train`, so that nothing about
    a model depends on the labels of the rows it is asked about. Leaves nothing in `runs/`.

    Args:
        config: The resolved config; its data is not read, its tracker is not told.
        examples: The rows. Every class must occur outside of each fold.
        folds: The fold of each row, from 0; shape (rows,).
        reporter: Told of progress.

    Returns:
        Shape (rows, classes), the classes in the order of `label_names`.

    Raises:
        MlopsError: See `training.run`.
    """
    found = np.zeros((len(examples), len(label_names(examples.targets))))
    count = int(folds.max()) + 1
    told: set[str] = set()
    for fold in range(count):
        inside = np.flatnonzero(folds == fold)
        rest = examples.take(np.flatnonzero(folds != fold).tolist())
        told_of = _FoldReporter(reporter, f"fold {fold + 1} of {count}", told)
        with _own_words(fold + 1, count), tempfile.TemporaryDirectory(prefix="mlops-fold-") as name:
            asked = examples.take(inside.tolist())
            found[inside] = _one(_quiet(config), Path(name), rest, asked, told_of)
    return found


def _one(
    config: Config, folder: Path, rest: Examples, asked: Examples, reporter: Reporter
) -> NDArray[np.float64]:
    """Probabilities of the rows `asked` by a model trained on `rest`; its run lies in `folder`."""
    shares = DataConfig(validation_fraction=config.data.validation_fraction, test_fraction=0.0)
    both = splits.complete(Splits(rest), shares, config.seed, reporter)
    prepared = training.prepare(config, reporter, both)
    facts = {"model": config.model.name, "monitor": config.trainer.monitor}
    run = record.create(folder, config.model.name, facts, configs.to_yaml(config), [])
    training.fit(prepared, run, reporter, checkpoint=None)
    network, task = models.load(run.model)
    logits = inference.logits(
        network.to(prepared.device),
        task,
        task.encoder.encode(asked.inputs),
        batch_size=config.trainer.eval_batch_size,
        reporter=reporter,
    )
    return softmax(logits)


def _quiet(config: Config) -> Config:
    """The config without what only matters to a run that is kept."""
    return dataclasses.replace(
        config,
        trainer=dataclasses.replace(config.trainer, checkpoint_every=math.inf),
        tracker=TrackerConfig(name="none"),
    )


@contextmanager
def _own_words(fold: int, count: int) -> Iterator[None]:
    """An interrupt without the hint to resume a run that is gone."""
    try:
        yield
    except Interrupted as error:
        raise Interrupted(f"interrupted in fold {fold} of {count}; nothing is kept") from error


class _FoldReporter:
    """Puts the fold's name before the bars, and says once what every fold would say.

    Args:
        reporter: Who listens.
        name: The fold's name.
        told: What was said already, by any fold.
    """

    def __init__(self, reporter: Reporter, name: str, told: set[str]) -> None:
        self._reporter, self._name, self._told = reporter, name, told

    def info(self, message: str) -> None:
        """Says nothing: run ids and the like are of no use here."""

    def warn(self, message: str) -> None:
        """Says it, the first time."""
        if message not in self._told:
            self._told.add(message)
            self._reporter.warn(message)

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Task]:
        """A bar under the fold's name."""
        with self._reporter.task(f"{self._name}: {description}", total) as bar:
            yield bar

    @contextmanager
    def board(self, title: str) -> Iterator[Board]:
        """A table under the fold's name."""
        with self._reporter.board(f"{self._name}: {title}") as board:
            yield board
