"""What a run saves of its training, to go on with and to ship: written, and read again."""

import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model, save_model

from mlops_cli import models
from mlops_cli.errors import DataError
from mlops_cli.files import atomic_folder, atomic_path
from mlops_cli.models.adapters import merged
from mlops_cli.models.compact import expand_embeddings
from mlops_cli.models.quiet import quiet_transformers
from mlops_cli.reporting import Reporter
from mlops_cli.tasks import Task
from mlops_cli.tracking.record import Run

_PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "loops", "global_step")
"""What Lightning goes on with."""

_CHECKSUMS = "crc32"
"""The name under which a file of weights holds those of its tensors."""

_ROOM = 1.2
"""Free space that a new checkpoint is given, by the size of the one before."""


class CheckpointFiles(TorchCheckpointIO):
    """Writes checkpoints straight to their place.

    Lightning's own way goes over a file in the system's temporary folder, which a kill leaves
    there, and takes the memory of one checkpoint more.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Writes the checkpoint."""
        with Path(path).open("wb") as stream:
            torch.save(checkpoint, stream)


@contextmanager
def next_checkpoint(run: Run) -> Iterator[Path]:
    """A path to write a checkpoint to; the last one before is kept, where there is room for it."""
    last, previous = run.checkpoints / "last.ckpt", run.checkpoints / "previous.ckpt"
    if last.exists():
        room = shutil.disk_usage(run.checkpoints).free
        if room < _ROOM * last.stat().st_size:
            previous.unlink(missing_ok=True)
    with atomic_path(last) as path:
        yield path
        if last.exists():
            last.replace(previous)


def newest(run: Run, module: pl.LightningModule, reporter: Reporter) -> tuple[Path | None, int]:
    """The checkpoint to go on from and its step; none and 0 where none was written yet.

    Args:
        run: The run.
        module: What it is to be loaded into.
        reporter: Told when the last one can't be read, and the one before is taken.

    Raises:
        DataError: There are some, and none can be read.
    """
    there = [
        path for name in ("last.ckpt", "previous.ckpt") if (path := run.checkpoints / name).exists()
    ]
    for path in there:
        if (content := _fitting(path, module)) is not None:
            if path != there[0]:
                reporter.warn(f"checkpoint {there[0]} can't be read: the one before it is taken")
            if _has_best(content) and not _is_whole(_best(run)):
                raise _lost(run, f"the best weights in {_best(run)} can't be read")
            return path, int(content["global_step"])
    if there:
        raise _lost(run, f"no checkpoint in {run.checkpoints} can be read")
    return None, 0


def _fitting(checkpoint: Path, module: pl.LightningModule) -> Mapping[str, Any] | None:
    """What a checkpoint holds; None where it is damaged or not one of this model."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            if archive.testzip():  # torch.load looks at no checksums.
                return None
        # Plain types alone: what lies in the file is data, and never code.
        content = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, UnpicklingError):
        return None
    whole = isinstance(content, Mapping) and all(name in content for name in _PARTS)
    if not whole or _shapes(content["state_dict"]) != _shapes(module.state_dict()):
        return None
    found: Mapping[str, Any] = content
    return found


def _has_best(content: Mapping[str, Any]) -> bool:
    """Whether there were best weights when the checkpoint was saved."""
    return any(state.get("best") for state in content["callbacks"].values())


def _shapes(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}


def step_of(checkpoint: Path) -> int:
    """The optimiser step a checkpoint that can be read was saved after."""
    content = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
    return int(content["global_step"])


def save_best(module: pl.LightningModule, run: Run) -> None:
    """Keeps the module's weights as the best so far, with a checksum of each."""
    checksums = {name: _checksum(tensor) for name, tensor in module.state_dict().items()}
    with atomic_path(_best(run)) as path:
        save_model(module, str(path), {_CHECKSUMS: json.dumps(checksums)})


def load_best(module: pl.LightningModule, run: Run) -> None:
    """Puts the best weights into the module. Raises DataError when they can't be read."""
    if not _is_whole(_best(run)):
        raise _lost(run, f"the best weights in {_best(run)} can't be read")
    try:
        load_model(module, _best(run))
    except RuntimeError as error:  # They are another model's.
        raise _lost(run, f"the best weights in {_best(run)} can't be read") from error


def ship_best(module: Any, task: Task, family: str, run: Run) -> None:
    """Saves the model with the best weights, in its plain form, where it is evaluated from.

    Args:
        module: The LightningModule that was trained.
        task: Its task.
        family: The model's module, to load it with.
        run: The run.
    """
    load_best(module, run)
    expand_embeddings(module.network)
    with atomic_folder(run.model) as folder, quiet_transformers():
        plain = merged(module.network.cpu(), folder)
        models.save(folder, plain, task, family)
    (run.checkpoints / "previous.ckpt").unlink(missing_ok=True)


def _best(run: Run) -> Path:
    return run.checkpoints / "best.safetensors"


def _lost(run: Run, what: str) -> DataError:
    return DataError(
        what,
        hint=f"remove {run.checkpoints}, and mlops train --resume {run.id} begins at step 0, "
        "to the same end",
    )


def _is_whole(file: Path) -> bool:
    """Whether every tensor of a file of weights is as it was written."""
    try:
        with safe_open(file, "pt") as weights:
            checksums = json.loads((weights.metadata() or {}).get(_CHECKSUMS, "{}"))
            return all(
                name not in checksums or _checksum(weights.get_tensor(name)) == checksums[name]
                for name in weights.keys()  # noqa: SIM118 - no mapping
            )
    except (OSError, SafetensorError):
        return False


def _checksum(tensor: torch.Tensor) -> int:
    plain = tensor.detach().cpu().contiguous().flatten()
    return zlib.crc32(plain.view(torch.uint8).numpy().data)
