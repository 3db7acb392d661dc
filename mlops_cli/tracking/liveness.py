"""Whether a run that says `running` is: its process may be gone without a word."""

import os
import platform
import time
from datetime import datetime
from typing import Any

import psutil

from mlops_cli.tracking.record import Run

KILLED = "killed"
"""Status of a run whose process ended without recording how."""

_SILENT_SECONDS = 3600.0
"""A run of another machine that wrote nothing for so long is taken for killed."""
_CLOCK_SECONDS = 600.0
"""So far the clock may have been set since: a living run must not be taken for killed."""


def status(run: Run, facts: dict[str, Any]) -> str:
    """The run's status: what `run.json` says, or `killed` where its process is gone.

    A process of another machine can't be seen: what counts is when the run last wrote anything.
    """
    recorded = str(facts.get("status") or "unknown")
    if recorded != "running":
        return recorded
    if _host(facts) == platform.node():
        return recorded if alive(facts) else KILLED
    return recorded if time.time() - _last_written(run) < _SILENT_SECONDS else KILLED


def alive(facts: dict[str, Any]) -> bool:
    """Whether the process that trains a run with these facts still runs on this machine."""
    pid = facts.get("pid")
    if _host(facts) != platform.node() or not isinstance(pid, int) or pid == os.getpid():
        return False
    try:
        process = psutil.Process(pid)
        return "mlops" in " ".join(process.cmdline()) and not _later(process, facts)
    except (psutil.Error, ValueError):  # It is gone, a zombie, not ours, or no process id.
        return False


def _host(facts: dict[str, Any]) -> object:
    environment = facts.get("environment")
    return environment.get("host") if isinstance(environment, dict) else None


def _later(process: psutil.Process, facts: dict[str, Any]) -> bool:
    """Whether the process began after the run did: the system gives numbers out again."""
    began = facts.get("resumed") or facts.get("started")
    try:
        recorded = datetime.fromisoformat(str(began)).timestamp()
    except ValueError:
        return False
    return bool(process.create_time() > recorded + _CLOCK_SECONDS)


def _last_written(run: Run) -> float:
    """Time of the last change of the files that a training run keeps writing."""
    times = [0.0]
    for path in (run.path / "run.json", run.metrics_path, run.checkpoints):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times)
