"""The machine: cores, memory, disk, GPU."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil

from mlops_cli import cores
from mlops_cli.errors import MlopsError
from mlops_cli.schemas.doctor import Finding
from mlops_cli.wording import counted

_AREA = "machine"
_GIB = 2**30
_LITTLE, _TOO_LITTLE = 5 * _GIB, 2**28
"""Bytes of free disk below which a training may end early, and below which nothing works."""
_SECONDS = 20


def look(root: Path) -> Iterator[Finding]:
    """What a training can use.

    Args:
        root: The project: its disk is the one that fills.
    """
    memory = psutil.virtual_memory()
    usable, there = cores.available(), os.cpu_count() or 1
    of = f", of which {usable} may be used" if usable < there else ""
    yield Finding(
        _AREA,
        "cpu",
        "ok",
        f"{counted(there, 'core')}{of}, {memory.total / _GIB:.0f} GiB of memory, "
        f"{memory.available / _GIB:.0f} GiB free",
    )
    yield _disk(root)
    yield _writable(root)
    yield _gpu()


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free
    detail = f"{free / _GIB:.1f} GiB free at {root}"
    remedy = "free some space: mlops runs delete, dvc gc --workspace"
    if free < _TOO_LITTLE:
        return Finding(_AREA, "disk", "error", detail, remedy, exit_code=MlopsError.exit_code)
    if free < _LITTLE:
        return Finding(_AREA, "disk", "warning", detail, remedy)
    return Finding(_AREA, "disk", "ok", detail)


def _writable(root: Path) -> Finding:
    if os.access(root, os.W_OK | os.X_OK):
        return Finding(_AREA, "folder", "ok", "can be written")
    return Finding(
        _AREA,
        "folder",
        "error",
        f"{root} can't be written",
        f"chmod u+wx {root}, or work in a copy",
        exit_code=MlopsError.exit_code,
    )


def _gpu() -> Finding:
    """What NVIDIA's own tool lists, and whether torch was built for it; imports no torch."""
    listed = _said("nvidia-smi", "-L")
    if listed is None:
        return Finding(_AREA, "gpu", "absent", "none that nvidia-smi knows; training uses the CPU")
    names = [line.partition(":")[2].partition("(")[0].strip() for line in listed.splitlines()]
    detail = ", ".join(filter(None, names)) or "nvidia-smi lists none"
    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return Finding(_AREA, "gpu", "ok", detail)
    if torch.endswith("+cpu"):
        remedy = "install a torch that is built for CUDA: https://pytorch.org/get-started"
        return Finding(_AREA, "gpu", "warning", f"{detail}, and torch {torch} can't use it", remedy)
    return Finding(_AREA, "gpu", "ok", detail)


def _said(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
