"""Training of estimators that learn by rounds, such as boosted trees, instead of by gradient."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from mlops_cli import models
from mlops_cli.errors import Interrupted, TrainingError
from mlops_cli.files import atomic_folder
from mlops_cli.models import objectives
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult, summary
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.tasks import Head, Outputs, Targets
from mlops_cli.tracking import Tracker
from mlops_cli.tracking.record import Run
from mlops_cli.training.guards import out_of_memory, recorded
from mlops_cli.training.loader import BatchLoader


class Estimator(Protocol):
    """What learns by rounds. It is the `module` of what a model family builds."""

    network: Any

    def rounds(
        self, rows: Sequence[Any], targets: Targets, held_out: Sequence[Any]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Learns; tells, now and then, rounds done and the outputs for the rows held out."""
        ...

    def keep(self, rounds: int) -> None:
        """Goes back to what was learnt after so many rounds."""
        ...


def fit(
    config: Config,
    estimator: Estimator,
    run: Run,
    reporter: Reporter,
    *,
    tracker: Tracker,
    train: BatchLoader,
    validation: BatchLoader,
) -> TrainResult:
    """Learns from the beginning, and leaves the state of the best round in the run.

    One that was ended by Ctrl-C (`Interrupted`) begins anew: it takes seconds, and ends the same.

    Args:
        config: The resolved config.
        estimator: What learns.
        run: The run.
        reporter: Told of progress.
        tracker: Where metrics go besides the run record.
        train: Holds the rows to learn from.
        validation: Holds the rows that pick the best round.
    """
    task, monitor = train.task, config.trainer.monitor
    reporter.info(f"run {run.id}")
    best: dict[str, float] = {}
    kept = told = 0
    began = time.perf_counter()
    with (
        recorded(run, tracker, config) as outcome,
        out_of_memory(config),
        reporter.task("training", config.rounds) as bar,
        _interrupted(run),
    ):
        for done, outputs in estimator.rounds(train.rows, train.targets, validation.rows):
            figures = _figures(task.head, outputs, validation.targets, done)
            run.log(figures, step=done, epoch=done)
            tracker.log(figures, step=done)
            bar.advance(done - told, **{monitor: figures[f"val/{monitor}"]})
            told = done
            if _better(figures, best, monitor):
                best, kept = figures, done
            elif config.trainer.patience is not None and done - kept >= config.trainer.patience:
                break
        estimator.keep(kept)
        with atomic_folder(run.model) as folder:
            family = config.model.module or config.model.name
            models.save(folder, estimator.network, task, family)
        seconds = time.perf_counter() - began
        outcome.update(metrics=best, epochs=float(kept), seconds=round(seconds, 3))
    return TrainResult(
        run=run.id,
        path=run.path,
        model=config.model.name,
        metrics=best,
        epochs=float(kept),
        seconds=round(seconds, 3),
        samples_per_second=round(len(train.rows) * told / seconds, 1),
        summary=summary(best, monitor),
    )


@contextmanager
def _interrupted(run: Run) -> Iterator[None]:
    """Says how to go on after Ctrl-C, which ends the training after the round it is in.

    Nothing is saved in between that a network's checkpoint would hold: rounds draw from one
    random generator, and going on in the middle would end elsewhere.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"interrupted; run {run.id} is kept, and begins at its first round again",
            hint=f"mlops train --resume {run.id}",
        ) from error


def _figures(head: Head, outputs: Outputs, targets: Targets, done: int) -> dict[str, float]:
    """Loss and metrics on validation."""
    judge = objectives.create(head.kind)
    loss = judge(torch.from_numpy(outputs), torch.from_numpy(targets)).item()
    if not math.isfinite(loss):
        raise TrainingError(f"the validation loss is {loss} after round {done}", hint="a lower lr")
    metrics = head.metrics(outputs, targets)
    return {"val/loss": loss} | {f"val/{name}": value for name, value in metrics.items()}


def _better(figures: dict[str, float], best: dict[str, float], monitor: str) -> bool:
    """Whether the monitored metric is better than before; the first round is."""
    value, before = figures[f"val/{monitor}"], best.get(f"val/{monitor}", math.nan)
    if math.isnan(before):
        return not best or not math.isnan(value)
    return value > before if HIGHER_IS_BETTER[monitor] else value < before
