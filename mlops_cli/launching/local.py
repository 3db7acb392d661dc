"""`launcher=local`: each job in a process of its own on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mlops_cli.errors import MlopsError
from mlops_cli.launching import Ended, Job, warm
from mlops_cli.launching.nursery import Nursery
from mlops_cli.launching.shares import environment
from mlops_cli.schemas.launcher import LauncherConfig

_PATIENCE_SECONDS = 60.0
"""How long a cancelled job may take to save itself."""
_POLL_SECONDS = 0.05


class Starter(Protocol):
    """A way to make processes."""

    def start(self, job: Job, environment: dict[str, str]) -> None:
        """Starts the job's process with this environment."""

    def wait(self, seconds: float) -> list[Ended]:
        """The jobs that ended; waits for the first of them for so long."""
        ...

    def signal(self, job_id: str, number: int) -> None:
        """Sends a signal to a job that runs."""

    def close(self) -> None:
        """Ends what serves the jobs; none is left."""


class LocalLauncher:
    """Processes side by side, each with its share of the processors and GPUs.

    Args:
        jobs: How many at once.
        starter: Makes the processes.
    """

    def __init__(self, jobs: int, starter: Starter) -> None:
        self._jobs, self._starter = jobs, starter
        self._slots: dict[str, int] = {}

    @property
    def slots(self) -> int:
        """Jobs at once."""
        return self._jobs

    def submit(self, job: Job) -> None:
        """Starts the job at once."""
        taken = set(self._slots.values())
        slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
        job.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._starter.start(job, {**os.environ, **environment(slot, self._jobs)})
        except OSError as error:
            raise MlopsError(f"can't start a job ({(error.strerror or '').lower()})") from error
        self._slots[job.id] = slot

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The jobs that ended; see `Launcher`."""
        try:
            found = self._starter.wait(seconds)
        except MlopsError:
            self._slots.clear()
            raise
        for ended in found:
            self._slots.pop(ended.id, None)
        return found

    def cancel(self, job_id: str) -> None:
        """SIGTERM, which a command of ours takes as Ctrl-C."""
        if job_id in self._slots:
            self._starter.signal(job_id, signal.SIGTERM)

    def close(self) -> None:
        """Cancels what runs; what has not saved itself in a minute is killed."""
        for number, seconds in ((signal.SIGTERM, _PATIENCE_SECONDS), (signal.SIGKILL, 5.0)):
            for job_id in self._slots:
                self._starter.signal(job_id, number)
            until = time.monotonic() + seconds
            while self._slots and time.monotonic() < until:
                self.wait(until - time.monotonic())
        self._starter.close()


class _Processes:
    """Each job in an interpreter that is started for it, on any system."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, job: Job, environment: dict[str, str]) -> None:
        with job.log.open("wb") as log:
            self._running[job.id] = subprocess.Popen(
                [sys.executable, "-P", "-m", "mlops_cli", *job.words],
                cwd=job.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us to pass on: a job saves itself before it stops.
                start_new_session=True,
            )

    def wait(self, seconds: float) -> list[Ended]:
        until = time.monotonic() + seconds
        while True:
            found = [
                Ended(name, code)
                for name, process in self._running.items()
                if (code := process.poll()) is not None
            ]
            if found or not self._running or time.monotonic() >= until:
                break
            time.sleep(_POLL_SECONDS)
        for ended in found:
            del self._running[ended.id]
        return found

    def signal(self, job_id: str, number: int) -> None:
        self._running[job_id].send_signal(number)

    def close(self) -> None:
        """Nothing serves them."""


def create(config: LauncherConfig, root: Path) -> LocalLauncher:
    """The launcher of this machine."""
    return LocalLauncher(config.jobs or 1, Nursery() if warm.supported() else _Processes())
