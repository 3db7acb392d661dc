"""What is wrong with the YAML files of a project, with file and line."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_cli.config.keys import EXPERIMENT, GATES, GROUPS, SHORTCUTS, Key, group_keys
from mlops_cli.config.scope import Scope, module_problem
from mlops_cli.config.suggest import choices_hint, nearest, nearest_key
from mlops_cli.config.tree import Tree, entries, split_entry
from mlops_cli.config.values import MisfitError, fit, shown
from mlops_cli.config.yaml_file import YamlFile
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.gates import parse_gate

_GLOBAL = re.compile(r"^#\s*@package\s+_global_\s*$", re.MULTILINE)


def check_used(tree: Tree, choices: Mapping[str, str]) -> Iterator[ConfigError]:
    """Problems of the project's files that a command with these choices reads."""
    yield from check_file(tree, "config")
    for group, choice in tree.selection(choices).items():
        if group in GROUPS or group == EXPERIMENT:
            yield from check_file(tree, f"{group}/{choice}")


def check_all(tree: Tree) -> Iterator[ConfigError]:
    """Problems of every file in the project's `configs/`, at any depth."""
    folder = tree.project
    if folder is None:
        return
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        if path.suffix == ".yml":
            yield ConfigError(
                f"{tree.shown(path)} is not read: the ending is .yml",
                hint=f"rename it to {path.stem}.yaml",
            )
        elif path.suffix == ".yaml":
            stray = _stray(tree, relative)
            if stray is not None:
                yield stray
            else:
                yield from check_file(tree, relative.with_suffix("").as_posix())


def check_file(tree: Tree, name: str) -> Iterator[ConfigError]:
    """Problems of one file of the project (`config`, `model/bert`); packaged ones are right."""
    path = tree.find(name)
    if path is None or not tree.owned(path):
        return
    try:
        file = tree.read(path)
    except ConfigError as error:
        yield error
        return
    if file.content is not None and not isinstance(file.content, dict):
        kind = "a list" if isinstance(file.content, list) else "a single value"
        yield ConfigError(
            f"{file.where(())}: the file holds {kind}, not KEY: VALUE lines",
            hint="a config file is a mapping, such as: lr: 3e-5",
        )
        return
    yield from _check_content(tree, name, file, path)


def _check_content(tree: Tree, name: str, file: YamlFile, path: Path) -> Iterator[ConfigError]:
    group, _, choice = name.partition("/")
    content = file.content or {}
    defaults_problems = list(_check_defaults(tree, name, file))
    yield from defaults_problems
    if defaults_problems:
        return
    if choice and group != EXPERIMENT and not _GLOBAL.search(path.read_text("utf-8")):
        settings = {**tree.content(group, choice), **content}
        keys = group_keys(group, settings, choice)
        yield from _check_group(tree, file, group, (), content, keys, choice)
        return
    if name == "config" and not tree.defaults:
        yield ConfigError(
            f"{file.shown} has no defaults list", hint="begin it with: defaults: [base, _self_]"
        )
        return
    if group == EXPERIMENT and not _GLOBAL.search(path.read_text("utf-8")):
        yield ConfigError(
            f"{file.shown}:1: an experiment sets keys of the whole tree",
            hint="make its first line: # @package _global_",
        )
        return
    yield from _check_root(tree, file, {EXPERIMENT: choice} if choice else {})


def _check_root(tree: Tree, file: YamlFile, choices: Mapping[str, str]) -> Iterator[ConfigError]:
    """Problems of a file that sets keys of the whole tree."""
    content = file.content or {}
    settings = {group: content[group] for group in GROUPS if isinstance(content.get(group), dict)}
    scope = Scope(tree, tree.selection(choices), settings)
    for name, value in content.items():
        if name == "defaults":
            continue
        if name in SHORTCUTS:
            yield from _check_value(file, (name,), name, SHORTCUTS[name], value)
        elif name not in GROUPS:
            near = nearest_key(str(name), scope.all_keys())
            hint = f"did you mean {near}?" if near else f"keys: {', '.join([*GROUPS, *SHORTCUTS])}"
            yield ConfigError(f"{file.where((name,))}: there is no key {str(name)!r}", hint=hint)
        elif value is not None and not isinstance(value, dict):
            yield _group_as_value(tree, file, name, value)
        elif value:
            keys = scope.keys(name)
            choice = scope.chosen.get(name, "")
            yield from _check_group(tree, file, name, (name,), value, keys, choice)


def _group_as_value(tree: Tree, file: YamlFile, group: str, value: Any) -> ConfigError:
    choices = tree.choices(group)
    near = nearest(str(value), choices)
    hint = f"choose in the defaults list: - override {group}: {near or next(iter(choices), '…')}"
    return ConfigError(
        f"{file.where((group,))}: {group} must be a mapping of keys, not {shown(value)}", hint=hint
    )


def _check_group(
    tree: Tree,
    file: YamlFile,
    group: str,
    prefix: tuple[str, ...],
    content: Mapping[Any, Any],
    keys: Mapping[str, Key],
    choice: str,
) -> Iterator[ConfigError]:
    """Problems of the settings of one group."""
    for name, value in content.items():
        if name == "defaults" and not prefix:
            continue
        path = (*prefix, str(name))
        if group == "gates":
            yield from _check_gate(file, path, str(name), value)
        elif name not in keys:
            yield _unknown_key(tree, file, path, group, choice, keys)
        else:
            yield from _check_value(file, path, f"{group}.{name}", keys[name], value)
            if name == "module" and isinstance(value, str):
                problem = module_problem(group, value, tree.root)
                if problem is not None:
                    yield ConfigError(f"{file.where(path)}: {problem.message}", hint=problem.hint)


def _unknown_key(
    tree: Tree,
    file: YamlFile,
    path: tuple[str, ...],
    group: str,
    choice: str,
    keys: Mapping[str, Key],
) -> ConfigError:
    name = path[-1]
    message = f"{file.where(path)}: {group}.{name} is not a key of {group}={choice}"
    near = nearest(name, keys, cutoff=0.7)
    if near:
        return ConfigError(message, hint=f"did you mean {near}?")
    other = Scope(tree, {group: choice}).choice_with(group, name)
    if other:
        return ConfigError(message, hint=f"it is a key of {group}={other}")
    everything = [*SHORTCUTS, *(f"{group}.{key}" for key in keys)]
    found = nearest_key(f"{group}.{name}", everything)
    if found in SHORTCUTS:
        return ConfigError(message, hint=f"did you mean the root key {found}?")
    hint = f"did you mean {found}?" if found else f"keys of {group}={choice}: {', '.join(keys)}"
    return ConfigError(message, hint=hint)


def _check_value(
    file: YamlFile, path: tuple[str, ...], name: str, key: Key, value: Any
) -> Iterator[ConfigError]:
    # An interpolation and Hydra's "to be given" mark are told when they are resolved.
    if isinstance(value, str) and ("${" in value or value == "???"):
        return
    try:
        fit(key, value)
    except MisfitError as error:
        near = nearest(str(value), key.limits.choices) if key.limits.choices else None
        hint = f"did you mean {near}?" if near else key.help
        if key.kind in (str, str | None) and isinstance(value, bool):
            hint = f"YAML reads {value} as true or false: quote it"
        yield ConfigError(f"{file.where(path)}: {name} {error}", hint=hint)


def _check_gate(
    file: YamlFile, path: tuple[str, ...], metric: str, value: Any
) -> Iterator[ConfigError]:
    if isinstance(value, str) and "${" in value:
        return
    if not isinstance(value, str):
        yield ConfigError(
            f"{file.where(path)}: gates.{metric} must be {GATES.help.lower()[:9]} in quotes,"
            f" not {shown(value)}",
            hint=f'{metric}: ">= {value if isinstance(value, int | float) else 0.5}"',
        )
        return
    try:
        parse_gate(metric, value)
    except ConfigError as error:
        yield ConfigError(f"{file.where(path)}: {error.message}", hint=error.hint)


def _check_defaults(tree: Tree, name: str, file: YamlFile) -> Iterator[ConfigError]:
    """Problems of a file's defaults list."""
    content = file.content or {}
    listed = content.get("defaults", [])
    if not isinstance(listed, list):
        yield ConfigError(
            f"{file.where(('defaults',))}: defaults must be a list, not {shown(listed)}",
            hint="defaults: [base, _self_]",
        )
        return
    folder = name.rpartition("/")[0]
    based = name == "config" and "base" in listed
    for position, item in enumerate(listed):
        where = file.where(("defaults", position))
        problem = (
            _check_include(tree, folder, item)
            if isinstance(item, str)
            else _check_choice(tree, item, based=based, inside=bool(folder))
        )
        if problem is not None:
            yield ConfigError(f"{where}: {problem.message}", hint=problem.hint)


def _check_include(tree: Tree, folder: str, item: str) -> ConfigError | None:
    if item == "_self_" or tree.find(f"{folder}/{item}" if folder else item.lstrip("/")):
        return None
    owner = next((group for group in GROUPS if item in tree.choices(group)), None)
    if owner and not folder:
        return ConfigError(
            f"the defaults list names {item!r} without its group",
            hint=f"did you mean - override {owner}: {item}?",
        )
    names = tree.choices(folder) if folder else {"base": None, "_self_": None}
    near = nearest(item, names)
    hint = f"did you mean {near}?" if near else f"files: {', '.join(names)}"
    return ConfigError(f"the defaults list names {item!r}, which is not there", hint=hint)


def _check_choice(tree: Tree, item: Any, *, based: bool, inside: bool) -> ConfigError | None:
    parts = split_entry(item)
    if parts is None:
        return ConfigError(
            f"can't read the default {shown(item)}", hint="write it as: - override model: bert"
        )
    group, choice, override = parts
    if group not in GROUPS and group != EXPERIMENT:
        near = nearest(group, [*GROUPS, EXPERIMENT])
        hint = f"did you mean {near}?" if near else f"groups: {', '.join(GROUPS)}, {EXPERIMENT}"
        return ConfigError(f"there is no group {group!r}", hint=hint)
    if choice is None or choice not in tree.choices(group):
        return ConfigError(
            f"{group} has no choice {choice or 'null'!r}",
            hint=choices_hint(group, choice or "", tree.choices(group)).replace("=", ": "),
        )
    if group in GROUPS and not override and (based or inside):
        slash = "/" if inside else ""
        return ConfigError(
            f"{group} has its choice from base already",
            hint=f"write it as: - override {slash}{group}: {choice}",
        )
    return None


def _stray(tree: Tree, relative: Path) -> ConfigError | None:
    """A file in a folder that is no group, or one at the root that nothing reads."""
    folder = relative.parts[0] if len(relative.parts) > 1 else ""
    if folder in GROUPS or folder == EXPERIMENT:
        return None
    shown_path = f"configs/{relative.as_posix()}"
    if folder:
        near = nearest(folder, [*GROUPS, EXPERIMENT])
        hint = f"did you mean configs/{near}/?" if near else f"groups: {', '.join(GROUPS)}"
        return ConfigError(f"{shown_path} is not read: {folder!r} is not a group", hint=hint)
    assert tree.project is not None  # only a project's files are walked
    included = {entry.choice for entry in entries(_content(tree, tree.project / "config.yaml"))}
    if relative.stem in {"config", "base", *included}:
        return None
    return ConfigError(
        f"{shown_path} is not read: no defaults list names it",
        hint=f"put it into a group's folder, or add - {relative.stem} to configs/config.yaml",
    )


def _content(tree: Tree, path: Path) -> Any:
    try:
        return tree.read(path).content
    except ConfigError:
        return None
