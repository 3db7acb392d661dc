"""Launchers: where the jobs of a sweep or a search run. One module per launcher.

A job is one `mlops` command that makes one run. It can be started again at any time: `mlops train
… --run-id ID` goes on with the run ID where it is there already, and never launches jobs itself.
A launcher's module offers `create(config: LauncherConfig, root: Path) -> Launcher`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlops_cli import lookup
from mlops_cli.schemas.launcher import LauncherConfig


@dataclass(frozen=True)
class Job:
    """One command of ours.

    Attributes:
        id: Its name, unique in the project: the id of the run it makes.
        words: What follows `mlops`: ("train", "lr=3e-5", "--run-id", …).
        folder: The folder it runs in; on a cluster, one that all machines see.
        log: The file that takes all it says; made anew by each start.
        nodes: On how many machines it trains.
        processes: In how many processes on each.
    """

    id: str
    words: tuple[str, ...]
    folder: Path
    log: Path
    nodes: int = 1
    processes: int = 1


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        id: The job.
        exit_code: That of its command, negative for a signal. None: the job was lost, not by its
            own doing (its machine went away, it was preempted), and may be submitted again.
    """

    id: str
    exit_code: int | None


class Launcher(Protocol):
    """Runs jobs somewhere. Used from one thread; nothing is kept beyond `close`."""

    @property
    def slots(self) -> int:
        """How many jobs are worth having submitted at once."""
        ...

    def submit(self, job: Job) -> None:
        """Starts a job, or queues it. A lost or cancelled one may be submitted again.

        Where the jobs outlive our process (a queue), one of this id that has not ended is taken
        over instead of started twice.

        Raises:
            MlopsError: Nothing can be submitted here.
        """

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The jobs that ended since the last call; waits for the first of them for `seconds`."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ends a job as Ctrl-C does: a training saves itself and stops. `wait` tells the end."""

    def close(self) -> None:
        """Cancels every job that has not ended, and waits until none is left. Never raises."""


def create(config: LauncherConfig, root: Path) -> Launcher:
    """The launcher the config names. Raises ConfigError when there is no such module.

    Args:
        config: Its settings.
        root: The project.
    """
    module = lookup.find(
        config.module or config.name,
        room=__name__,
        kind="launcher",
        known=lookup.choices("launcher"),
        offers=["create(config, root)"],
    )
    launcher: Launcher = module.create(config, root)
    return launcher
