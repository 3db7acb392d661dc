"""What happens around each training step: randomness, metrics, checkpoints, stopping."""

import math
import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint

from mlops_cli import collectives
from mlops_cli.errors import Interrupted, TrainingError
from mlops_cli.reporting import Task
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.tracking import Tracker
from mlops_cli.tracking.record import Run
from mlops_cli.training.loader import BatchLoader
from mlops_cli.training.saved import next_checkpoint, save_best

_NOT_FINITE = (
    "a lower lr, trainer.gradient_clip=1.0 or trainer.precision=32 may help; "
    "the last good checkpoint is kept"
)
_WARM_UP_BATCHES = 5
"""Batches left out of the throughput: first calls allocate and choose kernels."""

_RANK_STRIDE = 1 << 40
"""More than there are steps, between the seeds of two processes."""


class StepRandomness(Callback):
    """Makes the randomness of each step a function of seed and step alone.

    A resumed run then needs no state of the random generators: dropout in step n is the same
    whether the process has run since step 0 or was started a moment ago.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds torch for this batch."""
        number = trainer.current_epoch * int(trainer.num_training_batches) + batch_idx
        # Processes that train together see other rows, and draw other numbers for them.
        seed = (self._seed * 1_000_003 + number + collectives.rank() * _RANK_STRIDE) % 2**63
        # torch.manual_seed formats a stack trace for each accelerator that is not in use.
        torch.default_generator.manual_seed(seed)
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        elif pl_module.device.type == "mps":
            torch.mps.manual_seed(seed)


class Journal(Callback):
    """Writes metrics to the run record and the trackers, moves the bar, stops on a NaN loss."""

    def __init__(self, run: Run, tracker: Tracker, settings: TrainerConfig, bar: Task) -> None:
        self._run, self._tracker, self._bar = run, tracker, bar
        self._log_every = settings.log_every
        self._losses: list[tuple[str, torch.Tensor]] = []
        self._sum, self._count, self._logged_step = 0.0, 0, 0
        self._batches = 0
        self._began: float | None = None
        self.timed_seconds, self.timed_samples = 0.0, 0
        self.seconds = 0.0
        self._session = time.monotonic()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Starts the clock, which then runs from the end of a batch to the end of the next."""
        if self._began is None:
            self._began = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stops the clock: validation is no part of the training throughput."""
        self._began = None

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts, checks and logs the batch."""
        self._batches += 1
        step = trainer.global_step
        place = f"step {step}, batch {batch_idx + 1} of epoch {trainer.current_epoch + 1}"
        self._losses.append((place, _loss(outputs)))
        on_cpu = pl_module.device.type == "cpu"
        due = step % self._log_every == 0 and step != self._logged_step
        # Reading a loss makes a GPU, or other processes, wait: there only when a line is due.
        if (on_cpu and collectives.world() == 1) or due:
            self.check(trainer)
        began, self._began = self._began, time.perf_counter()
        if self._batches > _WARM_UP_BATCHES and began is not None:
            self.timed_seconds += self._began - began
            rows = len(next(iter(batch.values()))) if isinstance(batch, Mapping) and batch else 0
            self.timed_samples += rows * collectives.world()
        if due and self._count:
            self._line(trainer, step)
        self._bar.advance(1, **self._figures(trainer))

    def check(self, trainer: pl.Trainer) -> None:
        """Reads the losses kept so far. Raises TrainingError at the first that is not finite."""
        if not self._losses:
            return
        places, tensors = zip(*self._losses, strict=True)
        losses = collectives.mean(torch.stack(tensors)).tolist()
        for place, loss in zip(places, losses, strict=True):
            if not math.isfinite(loss):
                raise TrainingError(f"the loss is {loss} at {place}", hint=_NOT_FINITE)
            # Lightning hands out the loss divided for accumulation.
            self._sum += loss * trainer.accumulate_grad_batches
            self._count += 1
        self._losses.clear()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs the validation metrics. Raises TrainingError when the weights are not finite."""
        self.check(trainer)
        metrics = validation_metrics(trainer)
        if not math.isfinite(loss := metrics.get("val/loss", 0.0)):
            raise TrainingError(
                f"the validation loss is {loss} after step {trainer.global_step}", hint=_NOT_FINITE
            )
        self._write(metrics, trainer.global_step, trainer.current_epoch)

    def _line(self, trainer: pl.Trainer, step: int) -> None:
        line = {"train/loss": self._sum / self._count, "lr": _learning_rate(trainer)}
        if self.timed_seconds:
            line["samples_per_second"] = self.timed_samples / self.timed_seconds
        self._sum, self._count, self._logged_step = 0.0, 0, step
        self._write(line, step, trainer.current_epoch)

    def _write(self, metrics: dict[str, float], step: int, epoch: int) -> None:
        self._run.log(metrics, step=step, epoch=epoch)
        self._tracker.log(metrics, step=step)

    def _figures(self, trainer: pl.Trainer) -> dict[str, float | str]:
        figures: dict[str, float | str] = {"epoch": str(trainer.current_epoch + 1)}
        if self._count:
            figures["loss"] = self._sum / self._count
        shown = ("val/accuracy", "val/mcc")
        known = validation_metrics(trainer)
        return figures | {name: known[name] for name in shown if name in known}

    def total_seconds(self) -> float:
        """Seconds of training so far, earlier parts of a resumed run included."""
        return self.seconds + time.monotonic() - self._session

    def samples_per_second(self) -> float:
        """Throughput of the training steps of this process, the first few left out."""
        return self.timed_samples / self.timed_seconds if self.timed_seconds else 0.0

    def state_dict(self) -> dict[str, Any]:
        """The unfinished line and the time spent, so that a resumed run counts on."""
        return {
            "sum": self._sum,
            "count": self._count,
            "logged_step": self._logged_step,
            "seconds": self.total_seconds(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self._sum, self._count = state_dict["sum"], state_dict["count"]
        self._logged_step = state_dict["logged_step"]
        self.seconds = state_dict["seconds"]


class Checkpoints(Checkpoint):
    """Keeps `last.ckpt` (to resume) and `best.safetensors` (to ship); stops out of patience.

    Everything is written atomically. Ctrl-C sets `stop_requested`; the next step that the processes
    agree on then saves and raises Interrupted.
    """

    def __init__(
        self, run: Run, settings: TrainerConfig, journal: Journal, loader: BatchLoader
    ) -> None:
        self._run, self._settings, self._journal = run, settings, journal
        self._loader = loader
        self._saved = time.monotonic()
        self.stop_requested = False
        self.best: dict[str, float] = {}
        self._stale = 0
        self.validated_step = 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends a resumed training that was out of patience already."""
        self._stop_out_of_patience(trainer)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Saves inside an epoch when it is time, on the boundary of an optimiser step."""
        if (batch_idx + 1) % self._settings.accumulate or trainer.is_last_batch:
            return
        due = time.monotonic() - self._saved >= self._settings.checkpoint_every
        due, stop = collectives.any_of(due, self.stop_requested)
        if due or stop:
            self._save(trainer)
        self._end_if(stop)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves after validation, when the best checkpoint and the patience are up to date."""
        (stop,) = collectives.any_of(self.stop_requested)
        self._save(trainer)
        self._end_if(stop)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keeps the weights when the monitored metric is the best so far."""
        metrics = validation_metrics(trainer)
        self.validated_step = trainer.global_step
        monitor = self._settings.monitor
        value = metrics.get(f"val/{monitor}", math.nan)
        before = self.best.get(f"val/{monitor}", math.nan)
        better = value > before if HIGHER_IS_BETTER[monitor] else value < before
        if not self.best or better or (math.isnan(before) and not math.isnan(value)):
            if collectives.leads():
                save_best(pl_module, self._run)
            self.best, self._stale = metrics, 0
        else:
            self._stale += 1
            self._stop_out_of_patience(trainer)

    def _stop_out_of_patience(self, trainer: pl.Trainer) -> None:
        if self._settings.patience is not None and self._stale >= self._settings.patience:
            trainer.should_stop = True

    def _save(self, trainer: pl.Trainer) -> None:
        self._journal.check(trainer)
        if collectives.leads():
            with next_checkpoint(self._run) as path:
                trainer.save_checkpoint(path)
        else:
            trainer.save_checkpoint("")  # Writes nothing, and waits for the first.
        self._saved = time.monotonic()

    def _end_if(self, stop: bool) -> None:
        # What was agreed, not `stop_requested`: a Ctrl-C that came meanwhile is for the next step.
        if stop:
            raise Interrupted(
                f"interrupted; run {self._run.id} is saved",
                hint=f"mlops train --resume {self._run.id}",
            )

    def state_dict(self) -> dict[str, Any]:
        """Best metrics, patience used, and where the training batches stand."""
        return {
            "best": self.best,
            "stale": self._stale,
            "validated_step": self.validated_step,
            "loader": self._loader.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self.best, self._stale = state_dict["best"], state_dict["stale"]
        self.validated_step = state_dict["validated_step"]
        # Lightning restores a loader only in some of its restart stages.
        self._loader.load_state_dict(state_dict["loader"])


def validation_metrics(trainer: pl.Trainer) -> dict[str, float]:
    """The `val/…` figures that the module logged, as plain numbers.

    Lightning keeps them in float32. A module with `validation_metrics` gives them as computed,
    so that a run records the very figures that `mlops evaluate` finds.
    """
    logged = trainer.callback_metrics
    figures = {name: float(value) for name, value in logged.items() if name.startswith("val/")}
    exact: dict[str, float] = getattr(trainer.lightning_module, "validation_metrics", {})
    return figures | exact


def _loss(outputs: Any) -> torch.Tensor:
    """The loss a training step returned, whichever form it took."""
    loss: torch.Tensor = outputs["loss"] if isinstance(outputs, Mapping) else outputs
    return loss.detach()


def _learning_rate(trainer: pl.Trainer) -> float:
    return float(trainer.optimizers[0].param_groups[0]["lr"])
