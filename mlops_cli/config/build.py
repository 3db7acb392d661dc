"""A plain mapping as a `Config`: typed, within limits, and consistent over keys."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast

from mlops_cli.config.keys import (
    GATES,
    GROUPS,
    SHORTCUTS,
    Key,
    group_keys,
    keys_of,
    schema_for,
    schemas_of,
)
from mlops_cli.config.tree import Tree
from mlops_cli.config.values import MisfitError, fit, value_hint
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import FileDataConfig, HubDataConfig
from mlops_cli.schemas.gates import parse_gate
from mlops_cli.schemas.model import PretrainedModelConfig, ScratchModelConfig


def build(content: Mapping[str, Any]) -> Config:
    """Makes the config. Every group of `content` is complete or takes the schema's defaults.

    Raises:
        ConfigError: A key or value is wrong.
    """
    values: dict[str, Any] = {}
    for name in content:
        if name not in GROUPS and name not in SHORTCUTS:
            raise ConfigError(f"there is no key {name!r}")
    for name, key in SHORTCUTS.items():
        values[name] = _fitted(name, key, content.get(name, key.default))
    for group in GROUPS:
        values[group] = _group(group, content.get(group) or {})
    config = Config(**values)
    for problem in inconsistencies(config):
        raise problem
    return config


def plain(config: Config) -> dict[str, Any]:
    """The config as a plain mapping: what `build` takes."""
    return asdict(config)


def _group(group: str, content: Any) -> Any:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{group} must be a mapping of keys, not {content!r}")
    schema = schema_for(group, content)
    if schema is None:
        return _fitted(group, GATES, dict(content))
    keys = group_keys(group, content)
    for name in content:
        if name not in keys:
            raise ConfigError(f"{group}.{name} is not a key of {group}")
    return schema(
        **{
            name: _fitted(f"{group}.{name}", key, content.get(name, key.default))
            for name, key in keys.items()
        }
    )


def _fitted(path: str, key: Key, value: Any) -> Any:
    try:
        return fit(key, value)
    except MisfitError as error:
        raise ConfigError(f"{path} {error}", hint=value_hint(path, key, value)) from error


def inconsistencies(config: Config) -> Iterator[ConfigError]:
    """What is wrong with values that are each right on their own."""
    yield from _data_problems(config)
    yield from _model_problems(config)
    for metric, condition in config.gates.items():
        try:
            parse_gate(metric, condition)
        except ConfigError as error:
            yield error


def _data_problems(config: Config) -> Iterator[ConfigError]:
    data = config.data
    if isinstance(data, FileDataConfig) and not data.path:
        yield ConfigError("data=file needs data.path", hint="data=file data.path=reviews.csv")
    if isinstance(data, HubDataConfig) and not data.dataset:
        yield ConfigError(
            "data=hub needs data.dataset",
            hint="data=hub data.dataset=nyu-mll/glue data.config=cola",
        )
    held_out = data.validation_fraction + data.test_fraction
    if held_out >= 1:
        yield ConfigError(
            "data.validation_fraction and data.test_fraction leave nothing to train on:"
            f" together they are {held_out:g}",
            hint="make their sum less than 1",
        )
    if data.split in ("group", "time") and not data.split_by:
        yield ConfigError(
            f"data.split={data.split} needs the column to go by: data.split_by is not set",
            hint=f"data.split={data.split} data.split_by=COLUMN",
        )
    if data.split == "stratified" and data.split_by:
        yield ConfigError(
            f"data.split_by={data.split_by} says nothing to data.split=stratified",
            hint=f"did you mean data.split=group data.split_by={data.split_by}?",
        )


def _model_problems(config: Config) -> Iterator[ConfigError]:
    model = config.model
    if isinstance(model, ScratchModelConfig) and model.hidden_size % model.heads:
        yield ConfigError(
            f"model.hidden_size must be a multiple of model.heads, not {model.hidden_size}"
            f" with {model.heads} heads",
            hint=f"did you mean model.hidden_size={_multiple(model.hidden_size, model.heads)}?",
        )
    if isinstance(model, PretrainedModelConfig) and not (model.checkpoint or model.path):
        yield ConfigError(
            f"model={model.name} needs model.checkpoint or model.path",
            hint="model.checkpoint=google-bert/bert-base-uncased from the hub, or model.path=DIR",
        )


def _multiple(size: int, heads: int) -> int:
    """The multiple of `heads` nearest to `size`."""
    return max(1, round(size / heads)) * heads


def named(content: Mapping[str, Any], tree: Tree, chosen: Mapping[str, str]) -> dict[str, Any]:
    """The mapping where each choice bears its own name, not that of one it builds on."""
    named_content = dict(content)
    for group, choice in chosen.items():
        given = content.get(group)
        if not isinstance(given, Mapping) or "module" not in group_keys(group, given, choice):
            continue
        path = tree.find(f"{group}/{choice}")
        own = tree.read(path).content if path else None
        inherited = tree.content(group, choice).get("name")
        if (isinstance(own, Mapping) and own.get("name")) or given.get("name") != inherited:
            continue
        module = given.get("module") or inherited
        # A run folder is called after it: no slash of a deeper folder.
        name = choice.replace("/", "-")
        named_content[group] = {**given, "name": name, **({"module": module} if module else {})}
    return named_content


def completed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with the schema's defaults filled in, and without what is another choice's.

    A project's `config.yaml` may set `data.path` for its `data=file`: with `data=quickstart` on
    the command line that key has no meaning, and goes.
    """
    filled: dict[str, Any] = {}
    for group in GROUPS:
        given = cast("Mapping[str, Any]", content.get(group) or {})
        keys = group_keys(group, given)
        defaults = {name: key.default for name, key in keys.items()}
        foreign = {name for schema in schemas_of(group).values() for name in keys_of(schema)}
        kept = {name: given[name] for name in given if name in keys or name not in foreign}
        filled[group] = {**defaults, **kept}
    for name, key in SHORTCUTS.items():
        filled[name] = content.get(name, key.default)
    return {**content, **filled}
