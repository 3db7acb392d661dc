"""What surrounds a training: how it ended, Ctrl-C, memory, other libraries' chatter."""

import dataclasses
import logging
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError

from mlops_cli import collectives
from mlops_cli.errors import FULL_DISK, Interrupted, MlopsError, ProcessLost, TrainingError
from mlops_cli.schemas.config import Config
from mlops_cli.tracking import Tracker, record
from mlops_cli.tracking.record import Run
from mlops_cli.training.callbacks import Checkpoints
from mlops_cli.training.system import Watch

_ECHO_SECONDS = 2.0


@contextmanager
def full_disk_told(run: Run) -> Iterator[None]:
    """Says that the disk is full, in whichever words a library puts it."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = _full_disk(error)
        if reason is None:
            raise
        raise TrainingError(
            f"run {run.id} can't be written: {reason}",
            hint=f"free some space, then: mlops train --resume {run.id}",
        ) from error


def _full_disk(error: BaseException | None) -> str | None:
    """The system's words for a full disk where that is behind the error."""
    while error is not None:
        for number in FULL_DISK:
            told = isinstance(error, SafetensorError) and f"(os error {number})" in str(error)
            if told or (isinstance(error, OSError) and error.errno == number):
                return os.strerror(number).lower()
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def recorded(run: Run, tracker: Tracker, config: Config) -> Iterator[dict[str, Any]]:
    """Starts the tracker and writes how the run ended; the block adds facts to what it is given."""
    with full_disk_told(run), _recorded(run, tracker, config) as outcome, full_disk_told(run):
        yield outcome


@contextmanager
def _recorded(run: Run, tracker: Tracker, config: Config) -> Iterator[dict[str, Any]]:
    outcome: dict[str, Any] = {}
    status, started = "failed", False
    watch = Watch(run, config.tracker)
    try:
        run.update(**tracker.start(run, dataclasses.asdict(config), run.read()))
        started = True
        yield outcome
        status = "finished"
    except (Interrupted, KeyboardInterrupt):
        status = "interrupted"
        raise
    except ProcessLost as error:
        status, outcome["error"] = "interrupted", error.message
        raise
    except MlopsError as error:
        outcome["error"] = error.message
        raise
    finally:
        try:
            run.update(status=status, ended=record.now(), **watch.close(), **outcome)
        finally:
            if started:
                tracker.finish(status, outcome.get("metrics", {}))


@contextmanager
def graceful_interrupt(checkpoints: Checkpoints) -> Iterator[None]:
    """The first Ctrl-C ends training at the next step, saved; the second ends it at once."""
    asked: list[float] = []

    def handle(number: int, frame: Any) -> None:
        asked.append(time.monotonic())
        # torchrun hands on the very Ctrl-C that has come from the terminal already.
        echo = collectives.world() > 1 and asked[-1] - asked[0] < _ECHO_SECONDS
        if len(asked) > 1 and not echo:
            raise KeyboardInterrupt
        checkpoints.stop_requested = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    except SystemExit as error:
        # Lightning turns a KeyboardInterrupt into exit code 1.
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def out_of_memory(config: Config) -> Iterator[None]:
    """Names the batch size to try instead of the allocator's own words."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        texts = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(text in str(error) for text in texts):
            raise
        raise TrainingError(
            f"out of memory with batch_size={config.batch_size} and texts of up to "
            f"{config.model.max_length} tokens",
            hint=f"try {_smaller(config)}",
        ) from error


def _smaller(config: Config) -> str:
    """Settings that take half the memory."""
    shorter = f"model.max_length={max(8, config.model.max_length // 2)} or a smaller model"
    half = config.batch_size // 2
    if half == 0:
        return shorter
    accumulate = config.trainer.accumulate * 2
    return (
        f"batch_size={half} trainer.accumulate={accumulate} (the same effective batch), "
        f"or {shorter}"
    )


def quiet_libraries() -> None:
    """Our own lines say what matters; these libraries repeat it at length."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*before.*optimizer.step.*")
