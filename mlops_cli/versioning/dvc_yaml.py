"""Our stages in `dvc.yaml`, beside those of the user's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.utils.serialize import load_yaml, modify_yaml

from mlops_cli.errors import ConfigError
from mlops_cli.files import atomic_path
from mlops_cli.versioning.repository import one_line

FILE = "dvc.yaml"
_OWNER = "mlops"
"""Key below a stage's `meta` that marks it as ours; without it, the stage is the user's."""

_HEADER = """\
# The stages that `mlops repro` and `dvc repro` run. Those with `meta: mlops` are written by
# `mlops repro`; take that line away to own a stage. Stages of your own are left alone.
stages: {}
"""


def write_stages(root: Path, wanted: Mapping[str, dict[str, Any]], version: str) -> bool:
    """Brings our stages in `dvc.yaml` up to date, and leaves all else as it is.

    Args:
        root: The project.
        wanted: Our stages by name, as `dvc.yaml` writes them.
        version: Ours, which each of them bears.

    Returns:
        Whether anything had to be changed.

    Raises:
        ConfigError: The file can't be read.
    """
    path = root / FILE
    marked = {name: {**stage, "meta": {_OWNER: version}} for name, stage in wanted.items()}
    if _differ(stages_in(root), marked):
        with atomic_path(path) as temporary:
            temporary.write_bytes(path.read_bytes() if path.exists() else _HEADER.encode())
            with modify_yaml(str(temporary)) as content:
                _merge(content.setdefault("stages", {}), marked)
        return True
    return False


def _differ(there: Mapping[str, Any], marked: Mapping[str, dict[str, Any]]) -> bool:
    stale = [name for name in there if ours(there[name]) and name not in marked]
    changed = [
        name
        for name, stage in marked.items()
        if name not in there or (ours(there[name]) and there[name] != stage)
    ]
    return bool(stale or changed)


def _merge(there: Any, marked: Mapping[str, dict[str, Any]]) -> None:
    for name in [name for name in there if ours(there[name]) and name not in marked]:
        del there[name]
    for name, stage in marked.items():
        if name not in there or (ours(there[name]) and there[name] != stage):
            there[name] = stage


def ours(stage: Any) -> bool:
    """Whether a stage, as `dvc.yaml` writes it, is one of ours."""
    meta = stage.get("meta") if isinstance(stage, Mapping) else None
    return isinstance(meta, Mapping) and _OWNER in meta


def stages_in(root: Path) -> dict[str, Any]:
    """The stages in the project's `dvc.yaml`, by name, as it writes them.

    Raises:
        ConfigError: The file can't be read.
    """
    path = root / FILE
    if not path.is_file():
        return {}
    try:
        content = load_yaml(str(path))
    except DvcException as error:
        raise ConfigError(
            f"{path} is no YAML file: {one_line(error)}", hint="dvc stage list shows what is wrong"
        ) from error
    stages = content.get("stages", {}) if isinstance(content, dict) else None
    if not isinstance(stages, dict):
        raise ConfigError(f"{path} holds no stages by name", hint="stages: is a mapping of names")
    return stages
