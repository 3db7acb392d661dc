"""`launcher=ray`: each job a task of a Ray cluster, whose machines all see the project.

A training over several machines takes a task for each process, placed by a placement group. A
task that is lost with its machine ends the others, and the job counts as lost: it may be submitted
again.
"""

import logging
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, TaskCancelledError
from ray.util import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from mlops_cli.errors import Interrupted, MlopsError, ProcessLost
from mlops_cli.launching import Ended, Job, ray_tasks
from mlops_cli.place import Place, torchrun_environment
from mlops_cli.schemas.launcher import LauncherConfig, RayLauncherConfig

_KNOCK_SECONDS = 10.0
_MANY = 1000
_LOST = (ProcessLost.exit_code, -9, -15, 137, 143)
"""Ends that are not the command's own doing."""


@dataclass
class _Sent:
    tasks: list[Any]
    """By rank."""

    group: Any = None
    codes: dict[int, int | None] = field(default_factory=dict)
    """What each ended with; None: it was lost."""

    cancelled: bool = False


class RayLauncher:
    """Tasks of a cluster that is there already.

    Args:
        config: The cluster, and what each process takes of it.
    """

    def __init__(self, config: RayLauncherConfig) -> None:
        self._config = config
        self._sent: dict[str, _Sent] = {}
        self._connected = ExitStack()
        self._connected.enter_context(connected(config))

    @property
    def slots(self) -> int:
        """Jobs to have sent at once; Ray keeps those that find no room."""
        return self._config.jobs or _MANY

    def submit(self, job: Job) -> None:
        """Sends the job's processes."""
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mlops_cli", *job.words]
        world = job.nodes * job.processes
        if world == 1:
            task = self._task().remote(command, str(job.folder), {}, str(job.log))
            self._sent[job.id] = _Sent([task])
            return
        each = {"CPU": self._config.cpus, "GPU": self._config.gpus, **self._config.resources}
        bundle = {name: amount * job.processes for name, amount in each.items() if amount}
        spread = "STRICT_SPREAD" if job.nodes > 1 else "PACK"
        group = placement_group([bundle] * job.nodes, strategy=spread)
        self._sent[job.id] = _Sent(self._processes(job, command, group), group)

    def _processes(self, job: Job, command: list[str], group: Any) -> list[Any]:
        """A task for each process, by rank; the first tells the others where to meet."""
        world = job.nodes * job.processes
        met = ray_tasks.meeting_place.options(
            scheduling_strategy=_in(group, 0), num_cpus=0
        ).remote()
        return [
            self._task(_in(group, rank // job.processes)).remote(
                command,
                str(job.folder),
                torchrun_environment(
                    Place(rank, world, rank % job.processes, job.processes, "torchrun"), "", 0
                ),
                str(job.log) if rank == 0 else "",
                met,
            )
            for rank in range(world)
        ]

    def _task(self, strategy: Any = None) -> Any:
        config = self._config
        return ray_tasks.run.options(
            num_cpus=config.cpus,
            num_gpus=config.gpus,
            memory=config.memory * 2**20 if config.memory else None,
            resources=config.resources or None,
            scheduling_strategy=strategy,
            max_retries=0,
        )

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The jobs that ended; see `Launcher`."""
        pending = {
            task: (job_id, rank)
            for job_id, sent in self._sent.items()
            for rank, task in enumerate(sent.tasks)
            if rank not in sent.codes
        }
        if not pending:
            return []
        ready, _ = ray.wait(list(pending), num_returns=1, timeout=seconds)
        for task in ready:
            job_id, rank = pending[task]
            sent = self._sent[job_id]
            sent.codes[rank] = _code(task)
            if sent.codes[rank] != 0:
                self._end(sent)
        return [self._ended(job_id) for job_id in list(self._sent) if self._is_over(job_id)]

    def cancel(self, job_id: str) -> None:
        """Ends the job's tasks; each lets its command save itself."""
        if (sent := self._sent.get(job_id)) is not None:
            sent.cancelled = True
            self._end(sent)

    def close(self) -> None:
        """Cancels what runs, and waits for it."""
        for job_id in self._sent:
            self.cancel(job_id)
        while self._sent:
            self.wait(1.0)
        self._connected.close()

    def _end(self, sent: _Sent) -> None:
        for rank, task in enumerate(sent.tasks):
            if rank not in sent.codes:
                ray.cancel(task, force=False)

    def _is_over(self, job_id: str) -> bool:
        sent = self._sent[job_id]
        return len(sent.codes) == len(sent.tasks)

    def _ended(self, job_id: str) -> Ended:
        sent = self._sent.pop(job_id)
        if sent.group is not None:
            remove_placement_group(sent.group)
        if sent.cancelled:
            return Ended(job_id, Interrupted.exit_code)
        code = sent.codes[0]
        # The first process was ended because another was lost, or noticed it by itself.
        lost = code in _LOST or (code != 0 and None in sent.codes.values())
        return Ended(job_id, None if lost else code)


@contextmanager
def connected(config: RayLauncherConfig) -> Iterator[None]:
    """This process as a driver of the cluster.

    Raises:
        MlopsError: No cluster answers.
    """
    address = config.address or os.environ.get("RAY_ADDRESS") or "auto"
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise MlopsError(
            f"no Ray cluster answers at {address}: {str(error).strip().splitlines()[0]}",
            hint="launcher.address=HOST:PORT, or ray start --head on this machine",
        ) from error
    # Ray's own threads say on stdout, which is for results, that a machine was lost.
    with redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raises OSError where nothing answers: Ray itself would go on trying for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()


def _in(group: Any, bundle: int) -> Any:
    return PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)


def _code(task: Any) -> int | None:
    """What a task's command ended with; None: task or machine was lost."""
    try:
        return int(ray.get(task))
    except TaskCancelledError:
        return Interrupted.exit_code
    except RayError:
        return None


def create(config: LauncherConfig, root: object) -> RayLauncher:
    """The launcher of the Ray cluster. Raises MlopsError where none answers."""
    assert isinstance(config, RayLauncherConfig)
    return RayLauncher(config)
