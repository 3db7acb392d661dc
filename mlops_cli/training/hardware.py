"""What the machine can do, and what of it a run uses."""

import ctypes
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch

from mlops_cli import cores
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.trainer import TrainerConfig

_RECORDED = (
    "mlops-cli", "torch", "pytorch-lightning", "transformers", "tokenizers", "datasets", "numpy",
    "safetensors", "onnx", "onnxruntime", "hydra-core", "dvc", "wandb",
)  # fmt: skip

_NARROW = 256
"""Networks less wide than this are bound by overheads, not by arithmetic."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Names of malloc's settings in glibc's malloc.h."""


def accelerator(settings: TrainerConfig) -> str:
    """cpu, cuda or mps. Raises ConfigError when the one asked for is not there."""
    there = {"gpu": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if settings.accelerator in there and not there[settings.accelerator]:
        raise ConfigError(
            f"trainer.accelerator={settings.accelerator}, and this machine has none",
            hint="trainer.accelerator=auto takes what is there",
        )
    if settings.accelerator == "gpu" or (settings.accelerator == "auto" and there["gpu"]):
        return "cuda"
    if settings.accelerator == "mps" or (settings.accelerator == "auto" and there["mps"]):
        return "mps"
    return "cpu"


def precision(settings: TrainerConfig, device: str, hidden_size: int) -> str:
    """32, bf16 or 16.

    Args:
        settings: Where `precision` is read; `auto` is decided here.
        device: cpu, cuda or mps.
        hidden_size: Width of the network; casting a narrow one costs more than it gains.
    """
    if settings.precision == "16" and device == "cpu":
        raise ConfigError(
            "trainer.precision=16 needs a GPU",
            hint="trainer.precision=bf16 or trainer.precision=32",
        )
    if settings.precision != "auto":
        return settings.precision
    if hidden_size < _NARROW:
        return "32"
    return "bf16" if _has_bf16(device) else "32"


def use_threads(settings: TrainerConfig, hidden_size: int) -> None:
    """Sets torch's CPU threads for a network of this width.

    The operations of a narrow network are over sooner than its threads have met: together they
    gain little on an idle machine and wait for each other many times over on a busy one.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    elif hidden_size < _NARROW:
        torch.set_num_threads(1)
    elif (most := cores.available()) < torch.get_num_threads():
        torch.set_num_threads(most)  # It counts the cores of the machine, not a container's quota.


def keep_freed_memory() -> None:
    """Lets glibc keep what one step frees for the next, instead of paging it in anew each time."""
    # Other C libraries do without this call.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def _has_bf16(device: str) -> bool:
    """Whether the hardware, and not an emulation, multiplies bf16."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    cpu_info = Path("/proc/cpuinfo")
    flags = cpu_info.read_text("utf-8") if cpu_info.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags


def environment(threads: int) -> dict[str, Any]:
    """Versions and hardware, for the run record."""
    packages = {}
    for name in _RECORDED:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "host": platform.node(),
        "cpu": _cpu_name(),
        "cores": cores.available(),
        "threads": threads,
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": gpus,
        "packages": packages,
    }


def _cpu_name() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        for line in cpu_info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
