"""The processes of one training: how they meet, and what becomes of them when one is gone."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from mlops_cli import place as places
from mlops_cli.errors import ConfigError, Interrupted, MlopsError, ProcessLost
from mlops_cli.place import Place
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.training import members

_FAILURE = "mlops/failure"
"""The key under which the first process that fails says why."""

_NETWORK = ("gloo", "NCCL", "peer", "Broken pipe", "Connection reset", "Socket")
"""Words in the errors of torch.distributed about a process that is gone."""


@dataclass(frozen=True)
class Meeting:
    """Where the processes met: what is written there all can read."""

    place: Place
    store: Store


_meeting: list[Meeting] = []
"""The one that this process is in, if any: as torch.distributed, it is one for the process."""


@contextmanager
def joined(settings: TrainerConfig, reporter: Reporter) -> Iterator[Place]:
    """Lets the processes of the training meet; starts those of this machine where nobody did.

    Whatever ends one of them ends them all; the one of rank 0 says why.

    Args:
        settings: How many processes there are to be.
        reporter: Told when a process of this machine is lost and the others don't notice.

    Raises:
        ConfigError: The processes that were started are not those that the settings ask for.
        ProcessLost: Another process went away.
        MlopsError: What another process failed with.
    """
    own = places.here()
    if _meeting:
        yield _meeting[0].place
        return
    _check(settings, own)
    with members.started(settings.processes, own, reporter) as own:
        if own.world == 1:
            yield own
            return
        store = _meet(own)
        if settings.threads is None and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, torch.get_num_threads() // own.on_node))
        _meeting.append(Meeting(own, store))
        try:
            with noticing():
                yield own
        except MlopsError as error:
            _tell(store, error, own)
            raise
        finally:
            _meeting.clear()
            dist.destroy_process_group()


@contextmanager
def noticing(run_id: str = "") -> Iterator[None]:
    """Turns torch's words for a process that does not answer into why it does not.

    Args:
        run_id: The run that can be gone on with.

    Raises:
        ProcessLost: Another process went away.
        MlopsError: What another process failed with.
    """
    try:
        yield
    except RuntimeError as error:
        if not _meeting or not _is_loss(error):
            raise
        raise _reason(_meeting[0], run_id) from error


def place() -> Place:
    """The place of this process among those that have met."""
    return _meeting[0].place if _meeting else Place()


def _check(settings: TrainerConfig, place: Place) -> None:
    """Raises ConfigError where processes and settings don't go together."""
    if place.world == 1:
        if settings.nodes > 1:
            raise ConfigError(
                f"trainer.nodes={settings.nodes}, and this is one process on one machine",
                hint="launcher=slurm or launcher=ray, srun or torchrun; or trainer.nodes=1",
            )
        return
    asked = (settings.processes, settings.nodes)
    if asked not in ((1, 1), (place.on_node, place.nodes)):
        raise ConfigError(
            f"trainer.processes={asked[0]} trainer.nodes={asked[1]}, and {place.starter} started "
            f"{place.on_node} on each of {place.nodes}",
            hint="leave both to it",
        )


def _meet(place: Place) -> Store:
    """Opens the process group; all wait here for the last of them."""
    if place.starter == "slurm":
        os.environ.setdefault("SLURM_NTASKS_PER_NODE", str(place.on_node))
        slurm = SLURMEnvironment(auto_requeue=False)
        os.environ["MASTER_ADDR"] = slurm.main_address
        os.environ["MASTER_PORT"] = str(slurm.main_port)
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local)
        backend = "cpu:gloo,cuda:nccl"
    store: Store
    try:
        store, number, size = next(iter(rendezvous("env://", place.rank, place.world)))
        dist.init_process_group(backend, store=store, rank=number, world_size=size)
    except RuntimeError as error:
        raise ProcessLost(
            f"the {place.world} processes did not meet at "
            f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}",
            hint="is that address, MASTER_ADDR and MASTER_PORT, reached from every machine?",
        ) from error
    return store


def _tell(store: Store, error: MlopsError, place: Place) -> None:
    """Leaves word of why this process ends; that of rank 0 will say it."""
    if place.leads or isinstance(error, ProcessLost | Interrupted):
        return
    said = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    store.set(_FAILURE, json.dumps({"rank": place.rank, **said}))


def _reason(meeting: Meeting, run_id: str) -> MlopsError:
    """Why another process ended."""
    place, store = meeting.place, meeting.store
    lost = ProcessLost(
        f"one of the {place.world} processes that train together was lost",
        hint=f"mlops train --resume {run_id}" if run_id else "",
    )
    if not place.leads:
        return lost
    try:
        if not store.check([_FAILURE]):
            return lost
        said = json.loads(store.get(_FAILURE))
    except RuntimeError:  # The store went with the process.
        return lost
    error = MlopsError(
        f"process {said['rank'] + 1} of {place.world}: {said['message']}", hint=said["hint"]
    )
    error.exit_code = said["exit_code"]
    return error


def _is_loss(error: Exception) -> bool:
    """Whether this is how torch says that another process does not answer."""
    return isinstance(error, dist.DistError) or any(word in str(error) for word in _NETWORK)
