"""What each of several jobs on one machine takes of its processors and GPUs."""

import os
from pathlib import Path

from mlops_cli import cores

_NVIDIA = Path("/proc/driver/nvidia/gpus")


def environment(slot: int, slots: int) -> dict[str, str]:
    """The environment variables of the job in a slot.

    Args:
        slot: Its place, from 0.
        slots: How many jobs run side by side; one alone takes everything.
    """
    if slots == 1:
        return {}
    threads = str(max(1, cores.available() // slots))
    shares = {
        name: threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name not in os.environ
    }
    gpus = _gpus()
    return shares | ({"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {})


def _gpus() -> list[str]:
    """The NVIDIA GPUs that may be used, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip()]
    return [str(number) for number in range(len(list(_NVIDIA.glob("*"))))]
