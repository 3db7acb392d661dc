"""Composition by Hydra: files and overrides to one plain mapping. The only user of Hydra.

The Compose API has no multirun and makes no run folder: both are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlops_cli.config.build import completed
from mlops_cli.config.tree import Tree
from mlops_cli.errors import ConfigError


def compose(tree: Tree, words: Sequence[str], chosen: Mapping[str, str]) -> dict[str, Any]:
    """The composed and resolved tree.

    Args:
        tree: Where the files are.
        words: Overrides in Hydra's grammar.
        chosen: The choice of each group.

    Raises:
        ConfigError: Hydra can't compose them.
    """
    # `hydra.searchpath` only adds at the end: the project has to be the primary folder.
    beneath = ",".join(f'"file://{folder.resolve()}"' for folder in tree.folders[1:])
    search = [f"hydra.searchpath=[{beneath}]"] if beneath else []
    try:
        with initialize_config_dir(str(tree.folders[0].resolve()), version_base="1.3"):
            config = hydra_compose("config", overrides=[*search, *words])
        return _resolved(config, chosen)
    except (HydraException, OmegaConfBaseException) as error:
        raise _translated(error) from error


def apply(content: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """A resolved mapping with dotted overrides on top.

    Raises:
        ConfigError: An override can't be read or applied.
    """
    config = OmegaConf.create(dict(content))
    try:
        for override in OverridesParser.create().parse_overrides(list(words)):
            if override.is_delete():
                _delete(config, override.key_or_group)
            else:
                OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
        return _resolved(config, {})
    except (HydraException, OmegaConfBaseException) as error:
        raise _translated(error) from error


def _resolved(config: DictConfig, chosen: Mapping[str, str]) -> dict[str, Any]:
    """Plain values. Interpolations see the schema's defaults too."""
    content = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    complete = OmegaConf.create(completed(content, chosen))
    return cast("dict[str, Any]", OmegaConf.to_container(complete, resolve=True))


def _delete(config: DictConfig, key: str) -> None:
    parent, _, name = key.rpartition(".")
    holder = OmegaConf.select(config, parent)
    if isinstance(holder, DictConfig) and name in holder:
        del holder[name]


def _translated(error: BaseException) -> ConfigError:
    """Hydra's root cause in one line: its own first line says little."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return ConfigError(lines[0] if lines else type(cause).__name__)
