"""Models: one module per family, looked up by the config's `module` (or `name`).

A family's module offers

    build(config: Config, splits: Splits, reporter: Reporter) -> Built
    load(folder: Path) -> torch.nn.Module

`build` makes the LightningModule to train, whose `.network` is the torch module that is saved
(`network.save_pretrained(folder)`), evaluated and exported; `load` reads it back, in eval mode,
float32. The network is called as `network(**inputs)` with the task's collated inputs as int64
tensors of shape (batch, sequence) and answers with an object that has `.logits` of shape
(batch, classes).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlops_cli import lookup, tasks
from mlops_cli.errors import DataError
from mlops_cli.files import write_json
from mlops_cli.schemas.model import SCHEMAS

if TYPE_CHECKING:
    import pytorch_lightning as pl
    import torch


@dataclass(frozen=True)
class Built:
    """A model ready to train: the module and the task fitted to its tokenizer."""

    module: "pl.LightningModule"
    task: tasks.Task


def family(name: str) -> ModuleType:
    """The family module called `name`, or the user's own when the name is dotted.

    Raises:
        ConfigError: There is no such module.
    """
    return lookup.find(
        name,
        room=__name__,
        kind="model module",
        known=list(SCHEMAS),
        offers=["build(config, splits, reporter)", "load(folder)"],
    )


def save(folder: Path, network: Any, task: tasks.Task, family_name: str) -> None:
    """Writes weights (safetensors), the network's config, the tokenizer and `task.json`."""
    network.save_pretrained(folder)
    task.save(folder)
    spec = {"family": family_name, "task": task.spec()}
    write_json(folder / "task.json", spec)


def load(folder: Path) -> tuple["torch.nn.Module", tasks.Task]:
    """The network (eval mode, float32, CPU) and the task that `save` wrote.

    Raises:
        DataError: The folder holds no complete model.
    """
    try:
        spec = json.loads((folder / "task.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"no complete model in {folder}",
            hint="did the training finish? mlops train --resume RUN",
        ) from error
    network: torch.nn.Module = family(spec["family"]).load(folder)
    return network.eval(), tasks.load(spec["task"], folder)
