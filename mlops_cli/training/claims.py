"""One process at a time trains a run: the others are told so."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from filelock import FileLock, Timeout

from mlops_cli.errors import DataError, MlopsError
from mlops_cli.tracking.record import Run

_HALF_WRITTEN = (
    ".config.yaml.*",
    ".overrides.yaml.*",
    ".git.diff.*",
    ".packages.txt.*",
    ".run.json.*",
    ".metrics.jsonl.*",
    ".model.*",
    "checkpoints/.*",
)


@contextlib.contextmanager
def claimed(run: Run) -> Iterator[None]:
    """Keeps others from training the run, and sweeps what a killed process left half-written.

    The system lets go of the claim when this process is gone, however it ends.

    Args:
        run: The run; its folder is made if need be.

    Raises:
        MlopsError: Another process trains it.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        if not _lock(run.path, held):
            raise MlopsError(
                f"run {run.id} is being trained by {_who(run)}",
                hint="wait for it, or stop that process first",
            )
        _sweep(run)
        yield


def _lock(folder: Path, held: contextlib.ExitStack) -> bool:
    """Locks the folder until `held` ends; False where another process has."""
    itself = os.open(folder, os.O_RDONLY)
    held.callback(os.close, itself)
    try:
        fcntl.flock(itself, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # NFS locks files only; a kill may leave this one, which is empty.
        file = folder / ".training.lock"
        try:
            held.enter_context(FileLock(file).acquire(timeout=0))
        except Timeout:
            return False
        held.callback(file.unlink, missing_ok=True)
    return True


def _who(run: Run) -> str:
    with contextlib.suppress(DataError):
        facts = run.read()
        if facts.get("status") == "running" and "pid" in facts:
            return f"process {facts['pid']}"
    return "another process"


def _sweep(run: Run) -> None:
    """Removes the half-written files of a process that was killed."""
    for leftover in chain.from_iterable(run.path.glob(pattern) for pattern in _HALF_WRITTEN):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
