"""What the processes of one training tell each other.

Each function is right for a process alone too, and costs nothing there. Among several, every one
of them has to call it.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this one."""
    return dist.get_rank() if dist.is_initialized() else 0


def leads() -> bool:
    """Whether this process writes the run."""
    return rank() == 0


def from_first(value: T) -> T:
    """The value that the process of rank 0 gives."""
    if world() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def from_all(value: T) -> list[T]:
    """What every process gives, by rank."""
    if world() == 1:
        return [value]
    values: list[Any] = [None] * world()
    dist.all_gather_object(values, value)
    return values


def any_of(*flags: bool) -> Sequence[bool]:
    """For each flag, whether it is set in any process."""
    if world() == 1:
        return flags
    tensor = torch.tensor(flags, dtype=torch.int32)
    dist.all_reduce(tensor, dist.ReduceOp.MAX)
    return [bool(value) for value in tensor.tolist()]


def mean(tensor: torch.Tensor) -> torch.Tensor:
    """The mean over the processes."""
    if world() == 1:
        return tensor
    total = tensor.detach().clone()
    dist.all_reduce(total)
    return total / world()


def in_turn(parts: Sequence[Sequence[T]]) -> list[T]:
    """One list of what the processes have: the first of each by rank, then the second of each."""
    longest = max(len(part) for part in parts)
    return [part[turn] for turn in range(longest) for part in parts if turn < len(part)]
