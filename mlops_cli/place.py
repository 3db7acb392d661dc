"""Which of the processes of one training this is: torchrun and Slurm say so in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

_INTERACTIVE = ("bash", "interactive")
"""Job names that Lightning takes for a shell inside an allocation, not for a training."""


@dataclass(frozen=True)
class Place:
    """One process among those that train together.

    Attributes:
        rank: Its number, from 0.
        world: How many there are.
        local: Its number on its node, from 0.
        on_node: How many there are on each node.
        starter: Who started them: torchrun (or we, in its way) or slurm; empty for one alone.
    """

    rank: int = 0
    world: int = 1
    local: int = 0
    on_node: int = 1
    starter: str = ""

    @property
    def nodes(self) -> int:
        """How many machines train together."""
        return self.world // self.on_node

    @property
    def leads(self) -> bool:
        """Whether this process writes the run and talks."""
        return self.rank == 0


def here(environment: Mapping[str, str] = os.environ) -> Place:
    """The place of this process, by its environment; alone where nothing is said."""
    if "TORCHELASTIC_RUN_ID" in environment:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        rank, world, local, on_node = (int(environment[name]) for name in names)
        return Place(rank, world, local, on_node, "torchrun")
    if "SLURM_STEP_ID" not in environment or environment.get("SLURM_JOB_NAME") in _INTERACTIVE:
        return Place()
    tasks, nodes = (int(environment.get(f"SLURM_{name}", "1")) for name in ("NTASKS", "NNODES"))
    if tasks == 1:
        return Place()
    rank, local = (int(environment[f"SLURM_{name}"]) for name in ("PROCID", "LOCALID"))
    return Place(rank, tasks, local, tasks // nodes, "slurm")


def torchrun_environment(place: Place, address: str, port: int) -> dict[str, str]:
    """What torchrun would say to the process at `place`.

    Args:
        place: Its place.
        address: Where the process of rank 0 can be reached.
        port: A free port there.
    """
    return {
        "TORCHELASTIC_RUN_ID": "mlops",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.world),
        "LOCAL_RANK": str(place.local),
        "LOCAL_WORLD_SIZE": str(place.on_node),
        "GROUP_RANK": str(place.rank // place.on_node),
    }
