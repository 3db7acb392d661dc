"""Composition by Hydra: files and overrides to one plain mapping. The only user of Hydra.

The Compose API has no multirun and makes no run folder: both are ours.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlops_cli.config.build import completed, named
from mlops_cli.config.overrides import quoted
from mlops_cli.config.scope import Scope
from mlops_cli.config.suggest import nearest_key
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
    try:
        with _hydra(tree):
            config = hydra_compose("config", overrides=[*_search_path(tree), *words])
        return _resolved(config, lambda content: completed(named(content, tree, chosen)))
    except (HydraException, OmegaConfBaseException) as error:
        raise _translated(error, Scope(tree, chosen).all_keys()) from error


def used_files(tree: Tree, words: Sequence[str]) -> list[tuple[Path, str]]:
    """The files that `compose` merges, in order, each with the key its content lies below."""
    with _hydra(tree):
        loader = GlobalHydra.instance().config_loader()
        listed = loader.compute_defaults_list(
            "config", [*_search_path(tree), *words], run_mode=RunMode.RUN
        )
    found = []
    for item in listed.defaults:
        path = tree.find(item.config_path or "")
        if path is not None and not (item.package or "").startswith("hydra"):
            found.append((path, item.package or ""))
    return found


@contextmanager
def _hydra(tree: Tree) -> Iterator[None]:
    # `hydra.searchpath` only adds at the end: the project has to be the primary folder.
    folder = str(tree.folders[0].resolve())
    with warnings.catch_warnings(), initialize_config_dir(folder, version_base="1.3"):
        # A file's own values come last then, which is what people mean.
        warnings.filterwarnings("ignore", message=".*Defaults list is missing `_self_`")
        yield


def _search_path(tree: Tree) -> list[str]:
    beneath = ",".join(quoted(f"file://{folder.resolve()}") for folder in tree.folders[1:])
    return [f"hydra.searchpath=[{beneath}]"] if beneath else []


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
        return _resolved(config, completed)
    except (HydraException, OmegaConfBaseException) as error:
        raise _translated(error, _keys(content)) from error


def value_of(word: str) -> Any:
    """The value of an override in Hydra's grammar, its interpolations as they stand.

    Raises:
        ConfigError: It can't be read.
    """
    try:
        (override,) = OverridesParser.create().parse_overrides([word])
    except HydraException as error:
        raise _translated(error, ()) from error
    return override.value()


def _resolved(
    config: DictConfig, complete: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Plain values. Interpolations see the schema's defaults too."""
    content = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    whole = OmegaConf.create(complete(content))
    return cast("dict[str, Any]", OmegaConf.to_container(whole, resolve=True))


def _delete(config: DictConfig, key: str) -> None:
    parent, _, name = key.rpartition(".")
    holder = OmegaConf.select(config, parent)
    if not isinstance(holder, DictConfig) or name not in holder:
        raise ConfigError(f"there is no {key} to remove")
    del holder[name]


def _keys(content: Mapping[str, Any]) -> Iterable[str]:
    """Every key of the mapping, and of the mappings in it."""
    for name, value in content.items():
        yield name
        if isinstance(value, Mapping):
            yield from (f"{name}.{key}" for key in value)


def _translated(error: BaseException, keys: Iterable[str]) -> ConfigError:
    """The root cause in one line, with the key it is about: Hydra's first line says little."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    text = " ".join(line.strip() for line in str(causes[-1]).splitlines()[:1])
    keyed = [cause for cause in causes if isinstance(cause, OmegaConfBaseException)]
    key = next((cause.full_key for cause in keyed if cause.full_key), "")
    if isinstance(error, OverrideParseException):
        word = (error.override or "").removeprefix("++")
        return ConfigError(
            f"can't read {word!r}",
            hint=f"quote the value twice: '{word.partition('=')[0]}=\"…\"'",
        )
    if match := re.search(r"delete from config\. '([^']+)' does not exist", text):
        return ConfigError(f"there is no {match[1]} to remove")
    if match := re.search(r"Interpolation key '([^']+)' not found", text):
        near = nearest_key(match[1], keys)
        return ConfigError(
            f"{key or 'a value'} refers to {match[1]}, which is not there",
            hint=f"did you mean ${{{near}}}?" if near else "",
        )
    if "Recursive interpolation" in text:
        return ConfigError(
            f"{key or 'a value'} refers to itself", hint="name another key in ${…}, or give a value"
        )
    if match := re.search(r"Environment variable '([^']+)' not found", text):
        return ConfigError(
            f"{key or 'a value'} needs the environment variable {match[1]}, which is not set",
            hint=f"set it, or give a default: ${{oc.env:{match[1]},DEFAULT}}",
        )
    return ConfigError(f"{key}: {text}" if key else text)
