"""Models: one module per family, looked up by the config's `module` (or `name`).

A family's module offers

    build(config: Config, splits: Splits, reporter: Reporter) -> Built
    load(folder: Path) -> torch.nn.Module

`build` makes the LightningModule to train, whose `.network` is the torch module that is saved
(`network.save_pretrained(folder)`), evaluated and exported; `load` reads it back, in eval mode,
float32. The network is called as `network(**inputs)` with the inputs that the task's encoder
collates, as tensors, and answers with an object that has `.logits` of shape (batch, width), or
(batch, positions, width) where the task answers for every position.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlops_cli import lookup, tasks
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.files import write_json
from mlops_cli.schemas.model import SCHEMAS

if TYPE_CHECKING:
    import torch

    from mlops_cli.data.examples import Splits
    from mlops_cli.models.checkpoints import Checkpoint
    from mlops_cli.reporting import Reporter
    from mlops_cli.schemas.config import Config

_AGAIN = "train it again: mlops train"


@dataclass(frozen=True)
class Built:
    """A model ready to train, and the fitted task.

    Attributes:
        module: A LightningModule, or what learns by rounds; see `training.rounds.Estimator`.
        task: The task.
        checkpoint: The pretrained checkpoint that the training begins from; None without one.
    """

    module: Any
    task: tasks.Task
    checkpoint: "Checkpoint | None" = None


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


def build(config: "Config", splits: "Splits", reporter: "Reporter") -> Built:
    """What the family that `config` names builds.

    Args:
        config: The resolved config.
        splits: The rows.
        reporter: Told of what is left out, and the like.

    Raises:
        ConfigError: There is no such family, or what it built is not `Built`.
    """
    name = config.model.module or config.model.name
    built: object = family(name).build(config, splits, reporter)
    if not isinstance(built, Built) or not isinstance(built.task, tasks.Task):
        what = type(built).__name__
        if isinstance(built, Built):
            what = f"Built with {type(built.task).__name__} as its task"
        raise ConfigError(
            f"build() of model module {name} returned {what}",
            hint="return mlops_cli.models.Built(module, task): the LightningModule, and what "
            "mlops_cli.tasks.fit gave",
        )
    return built


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
    name, spec = _saved(folder)
    network: torch.nn.Module = family(name).load(folder)
    try:
        return network.eval(), tasks.load(spec, folder)
    except KeyError as error:
        raise DataError(f"the task in {folder} has no {error}", hint=_AGAIN) from error


def saved_kind(folder: Path) -> str:
    """What the task of a saved model predicts; see `Head.kind`. Raises DataError as `load`."""
    _, spec = _saved(folder)
    try:
        return str(spec["head"]["kind"])
    except (KeyError, TypeError) as error:
        raise DataError(f"the task in {folder} has no {error}", hint=_AGAIN) from error


def _saved(folder: Path) -> tuple[str, dict[str, Any]]:
    """The family and the task's spec, as `task.json` has them."""
    try:
        saved = json.loads((folder / "task.json").read_text("utf-8"))
        name, spec = saved["family"], saved["task"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"no complete model in {folder}",
            hint="did the training finish? mlops train --resume RUN",
        ) from error
    if not isinstance(name, str) or not isinstance(spec, dict):
        raise DataError(f"{folder / 'task.json'} is damaged", hint=_AGAIN)
    return name, spec
