"""What is wrong with the defaults list of a YAML file, with file and line."""

from collections.abc import Iterator
from typing import Any

from mlops_cli.config.choice_lists import LISTABLE, is_list, members
from mlops_cli.config.keys import EXPERIMENT, GROUPS
from mlops_cli.config.suggest import nearest
from mlops_cli.config.tree import Tree, full_name, split_entry
from mlops_cli.config.values import shown
from mlops_cli.config.yaml_file import YamlFile
from mlops_cli.errors import ConfigError


def check_defaults(tree: Tree, name: str, file: YamlFile) -> Iterator[ConfigError]:
    """Problems of a file's defaults list."""
    content = file.content or {}
    listed = content.get("defaults", [])
    folder = name.rpartition("/")[0]
    if not isinstance(listed, list):
        yield ConfigError(
            f"{file.where(('defaults',))}: defaults must be a list, not {shown(listed)}",
            hint="defaults: [base, _self_]",
        )
        return
    based = name == "config" and "base" in listed
    for position, item in enumerate(listed):
        where = file.where(("defaults", position))
        problem = (
            _check_include(tree, name, item)
            if isinstance(item, str)
            else _check_choice(tree, item, based=based, inside=bool(folder))
        )
        if problem is not None:
            yield ConfigError(f"{where}: {problem.message}", hint=problem.hint)


def _check_include(tree: Tree, name: str, item: str) -> ConfigError | None:
    full = full_name(name, item)
    if full == name:
        return ConfigError("the defaults list names the file itself", hint="drop the line")
    if item == "_self_" or tree.find(full):
        return None
    folder = full.rpartition("/")[0]
    owner = next((group for group in GROUPS if item in tree.choices(group)), None)
    if owner and not folder:
        return ConfigError(
            f"the defaults list names {item!r} without its group",
            hint=f"did you mean - override {owner}: {item}?",
        )
    names = tree.choices(folder) if folder else {"base": None, "_self_": None}
    near = nearest(full.rpartition("/")[2], names)
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
    choices = tree.choices(group)
    if choice is not None and is_list(choice):
        if group not in LISTABLE:
            return ConfigError(f"{group} takes one choice, not {choice}")
        unknown = [part for part in members(choice) if part not in choices]
        choice = unknown[0] if unknown or not members(choice) else next(iter(choices))
    if choice is None or choice not in choices:
        near = nearest(choice or "", choices)
        return ConfigError(
            f"{group} has no choice {choice or 'null'!r}",
            hint=f"did you mean {near}?" if near else f"choices: {', '.join(choices)}",
        )
    if group == EXPERIMENT and override:
        return ConfigError(
            "there is no experiment to override", hint=f"write it as: - experiment: {choice}"
        )
    if group in GROUPS and not override and (based or inside):
        slash = "/" if inside else ""
        return ConfigError(
            f"{group} has its choice from base already",
            hint=f"write it as: - override {slash}{group}: {choice}",
        )
    return None
