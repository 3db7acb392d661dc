"""Where a pretrained checkpoint comes from, and what a run records of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mlops_cli import hub, project
from mlops_cli.errors import ConfigError, NotFoundError, UnreachableError
from mlops_cli.files import sha256
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.model import ModelConfig, PretrainedModelConfig

_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
"""What is fetched from a hub: no code."""
_OLD_WEIGHTS = "pytorch_model*.bin"
"""Fetched where there is no safetensors file; read as tensors only, so that no code is run."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHOWN = 3
"""So many files that differ are named."""


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint that a training begins from.

    Attributes:
        model: The settings that name it.
        folder: Where its files lie.
    """

    model: PretrainedModelConfig
    folder: Path

    def facts(self) -> dict[str, Any]:
        """What a run records: where it is from, the hub's commit if known, each file's SHA-256."""
        # The hub's cache names the folder of a snapshot by its commit.
        cached = self.folder.parent.name == "snapshots" and _COMMIT.fullmatch(self.folder.name)
        return {
            "source": self.model.path or self.model.checkpoint,
            "revision": self.folder.name if cached else None,
            "files": {file.name: sha256(file) for file in self._files()},
        }

    def _files(self) -> list[Path]:
        patterns = _FILES if list(self.folder.glob("*.safetensors")) else [*_FILES, _OLD_WEIGHTS]
        found = {file for pattern in patterns for file in self.folder.glob(pattern)}
        return sorted(file for file in found if file.is_file())


def difference(then: object, now: object) -> str:
    """How two records of a checkpoint differ, in words; empty where they don't, or one is none.

    Args:
        then: What `Checkpoint.facts` said once.
        now: What it says by now.
    """
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return ""
    old, new = (one.get("files") for one in (then, now))
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return ""
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    before, by_now = (str(one.get("revision") or "")[:12] for one in (then, now))
    moved = before and by_now and before != by_now
    at = f"revision {before} then, {by_now} now; " if moved else ""
    return (
        f"another checkpoint in {now.get('source')}: {at}"
        f"other content of {', '.join(names[:_SHOWN])}{more}"
    )


def again(model: ModelConfig, recorded: object, reporter: Reporter) -> tuple[ModelConfig, str]:
    """The settings that load the checkpoint which a run recorded: at that very commit of the hub.

    A commit that can't be had ends nothing, as a folder with other files does not: there may be
    no older one to restore.

    Args:
        model: The settings of the run's model.
        recorded: What `Checkpoint.facts` said when it began; None of a run that recorded nothing.
        reporter: Told of what is fetched.

    Returns:
        The settings, and in words how what they load is another; empty where it is not.

    Raises:
        MlopsError: Nothing can be had of the checkpoint.
    """
    if not isinstance(model, PretrainedModelConfig) or not isinstance(recorded, Mapping):
        return model, ""
    commit = recorded.get("revision")
    pinned = replace(model, revision=commit) if commit and model.path is None else model
    try:
        folder = local_folder(pinned, reporter)
    except (NotFoundError, UnreachableError):
        pinned, folder = model, local_folder(model, reporter)
    return pinned, difference(recorded, Checkpoint(pinned, folder).facts())


def local_folder(model: PretrainedModelConfig, reporter: Reporter) -> Path:
    """The folder of the checkpoint: given, cached, or fetched from the hub."""
    if model.path is not None:
        folder = project.locate(model.path)
        if not (folder / "config.json").is_file():
            raise NotFoundError(
                f"no checkpoint in model.path={model.path}",
                hint="the folder needs config.json, model.safetensors and tokenizer.json",
            )
        return folder
    if model.checkpoint is None:
        raise ConfigError(
            f"model={model.name} needs a checkpoint",
            hint="model.checkpoint=ORG/NAME from the hub, or model.path=DIR for a local one",
        )
    try:
        with hub.bounded(reporter):
            return _fetch(model.checkpoint, model.revision)
    except (RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError) as error:
        what = f" at revision {model.revision}" if model.revision else ""
        raise NotFoundError(
            f"no access to {model.checkpoint}{what} on the hub",
            hint="check the id; a private or gated one needs HF_TOKEN",
        ) from error
    except HFValidationError as error:
        raise ConfigError(
            f"{model.checkpoint!r} is not a hub id", hint="ORG/NAME, or model.path=DIR for a folder"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, hub.NO_ANSWER, OSError) as error:
        raise UnreachableError(
            f"can't reach the hub for {model.checkpoint}, and it is not in the local cache",
            hint="give a local copy with model=pretrained model.path=DIR, "
            "or train without a checkpoint: model=tiny",
        ) from error


def _fetch(checkpoint: str, revision: str | None) -> Path:
    folder = Path(snapshot_download(checkpoint, revision=revision, allow_patterns=_FILES))
    if not list(folder.glob("*.safetensors")):
        snapshot_download(checkpoint, revision=revision, allow_patterns=_OLD_WEIGHTS)
    return folder
