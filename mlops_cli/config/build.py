"""A plain mapping as a `Config`: typed, within limits, and consistent over keys."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast

from mlops_cli.config.choice_lists import is_list
from mlops_cli.config.keys import (
    FOLLOWING,
    GATES,
    GROUPS,
    SHORTCUTS,
    Key,
    group_keys,
    keys_of,
    schema_for,
    schemas_of,
)
from mlops_cli.config.model_checks import model_problems
from mlops_cli.config.tree import Tree
from mlops_cli.config.values import MisfitError, fit, value_hint
from mlops_cli.errors import ConfigError
from mlops_cli.schemas import model, registry, target, tracker
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import (
    ConllDataConfig,
    FileDataConfig,
    HubDataConfig,
    ImagesDataConfig,
    QuickstartDataConfig,
    StreamDataConfig,
)
from mlops_cli.schemas.gates import parse_gate
from mlops_cli.schemas.model import FIRST
from mlops_cli.schemas.task import METRICS, OWN

_WITHOUT_COLUMNS = (QuickstartDataConfig, ConllDataConfig, StreamDataConfig)
"""Sources that keep nothing of a row but what the model reads."""


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
        values[group] = build_group(group, content.get(group) or {})
    config = Config(**values)
    for problem in inconsistencies(config):
        raise problem
    return config


def plain(config: Config) -> dict[str, Any]:
    """The config as a plain mapping: what `build` takes."""
    return asdict(config)


def build_group(group: str, content: Any) -> Any:
    """Makes the settings of one group; see `build`.

    Raises:
        ConfigError: A key or value is wrong.
    """
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
    yield from _task_problems(config)
    yield from _data_problems(config)
    yield from model_problems(config)
    yield from tracker.problems(config.tracker)
    yield from registry.problems(config.registry)
    yield from target.problems(config.target)
    for metric, condition in config.gates.items():
        try:
            parse_gate(metric, condition)
        except ConfigError as error:
            yield error


def _task_problems(config: Config) -> Iterator[ConfigError]:
    """Where data, model and monitored metric are not those of the task."""
    task, data = config.task, config.data
    made_for = OWN.get(task.name, (task.inputs, task.targets))
    if (task.inputs, task.targets) != made_for:
        others = [name for name, kinds in OWN.items() if kinds == (task.inputs, task.targets)]
        yield ConfigError(
            f"task={task.name} is made for {' and '.join(made_for)}, "
            f"not for {task.inputs} and {task.targets}",
            hint=f"did you mean task={others[0]}?"
            if others
            else "no task of ours is; one of your own: custom/task.py",
        )
        return
    for name in ("inputs", "targets"):
        wanted, offered = getattr(task, name), getattr(data, name)
        if offered != wanted:
            yield ConfigError(
                f"task={task.name} works on {name}={wanted}, and data={data.name} has {offered}",
                hint=f"data.{name}={wanted}, or another task: mlops config list task",
            )
    if task.inputs not in config.model.takes:
        yield ConfigError(
            f"model={config.model.name} does not take {task.inputs.replace('_', ' ')} inputs, "
            f"which task={task.name} has",
            hint=f"did you mean model={FIRST[task.inputs]}?"
            if task.inputs in FIRST
            else f"model modules that do: {_taking(task.inputs)}",
        )
    if config.trainer.class_weights != "none" and task.targets == "numbers":
        yield ConfigError(
            f"trainer.class_weights weighs classes, and task={task.name} predicts numbers",
            hint="trainer.class_weights=none",
        )
    if config.trainer.mixup and task.inputs != "image":
        yield ConfigError(
            f"trainer.mixup mixes images, and task={task.name} has {task.inputs}",
            hint="trainer.mixup=0",
        )
    if config.trainer.label_smoothing and task.targets == "numbers":
        yield ConfigError(
            f"trainer.label_smoothing smooths classes, and task={task.name} predicts numbers",
            hint="trainer.label_smoothing=0",
        )
    if config.trainer.monitor not in METRICS[task.targets]:
        yield ConfigError(
            f"trainer.monitor={config.trainer.monitor} is no metric of task={task.name}",
            hint=f"trainer.monitor={task.monitor}; metrics: {', '.join(METRICS[task.targets])}",
        )


def _taking(inputs: str) -> str:
    return ", ".join(name for name, schema in model.SCHEMAS.items() if inputs in schema.takes)


def _data_problems(config: Config) -> Iterator[ConfigError]:
    data = config.data
    if isinstance(data, FileDataConfig) and not data.path:
        name = "stream" if isinstance(data, StreamDataConfig) else "file"
        yield ConfigError(f"data={name} needs data.path", hint=f"data={name} data.path=reviews.csv")
    if isinstance(data, StreamDataConfig):
        yield from _stream_problems(config.model, data)
    if isinstance(data, ImagesDataConfig) and not data.path:
        yield ConfigError("data=images needs data.path", hint="data=images data.path=FOLDER")
    if data.slice_by and isinstance(data, _WITHOUT_COLUMNS):
        yield ConfigError(
            f"data={data.name} has no columns for data.slice_by=[{','.join(data.slice_by)}]",
            hint="data.slice_by=[]; data=file, data=table, data=hub and tables of images have some",
        )
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


def _stream_problems(of: model.ModelConfig, data: StreamDataConfig) -> Iterator[ConfigError]:
    """What would take all rows in memory at once."""
    if data.inputs not in data.offers:
        yield ConfigError(
            f"data=stream has texts, words and tables, and the task reads {data.inputs}",
            hint="data=images leaves image files on the disk too",
        )
    if data.inputs != "table" and (data.features or data.leave_out):
        yield ConfigError(
            f"data.features and data.leave_out are of tables, and the task reads {data.inputs}",
            hint="task=tabular_classification model=mlp",
        )
    if isinstance(of, model.TreesModelConfig):
        yield ConfigError(
            f"model={of.name} has all rows in memory, and data=stream leaves them on the disk",
            hint="model=mlp; or data=table for what fits into memory",
        )
    if data.split != "hash" or data.split_by:
        yield ConfigError(
            "data=stream splits by the hash of a row's inputs alone",
            hint="data.split=hash, or files of their own: data.validation_path=FILE",
        )


def named(content: Mapping[str, Any], tree: Tree, chosen: Mapping[str, str]) -> dict[str, Any]:
    """The mapping where each choice bears its own name, not that of one it builds on."""
    named_content = dict(content)
    for group, choice in chosen.items():
        given = content.get(group)
        if is_list(choice) and isinstance(given, Mapping):
            of_list = tree.content(group, choice)
            names = {name: of_list[name] for name in ("name", "module")}
            names["use"] = given.get("use", of_list["use"])
            named_content[group] = {**given, **names}
            continue
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
        defaults = {name: key.default for name, key in keys.items()} | FOLLOWING.get(group, {})
        foreign = {name for schema in schemas_of(group).values() for name in keys_of(schema)}
        kept = {name: given[name] for name in given if name in keys or name not in foreign}
        filled[group] = {**defaults, **kept}
    for name, key in SHORTCUTS.items():
        filled[name] = content.get(name, key.default)
    return {**content, **filled}
