"""What is wrong with the YAML files of a project, with file and line."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_cli.config.choice_lists import members
from mlops_cli.config.defaults_checks import check_defaults
from mlops_cli.config.keys import EXPERIMENT, GROUPS, SHORTCUTS, group_keys, keys_of, schemas_of
from mlops_cli.config.scope import Scope, module_problem
from mlops_cli.config.section import Section, value_problems
from mlops_cli.config.suggest import nearest, nearest_key
from mlops_cli.config.tree import MOST_NESTED, Tree, entries, included
from mlops_cli.config.values import shown
from mlops_cli.config.yaml_file import YamlFile
from mlops_cli.errors import ConfigError

_GLOBAL = re.compile(r"^#\s*@package\s+_global_\s*$", re.MULTILINE)


def check_used(tree: Tree, choices: Mapping[str, str]) -> Iterator[ConfigError]:
    """Problems of the project's files that a command with these choices reads."""
    yield from _check_with_included(tree, "config", 0)
    for group, choice in tree.selection(choices).items():
        if group in GROUPS or group == EXPERIMENT:
            for part in members(choice):
                yield from _check_with_included(tree, f"{group}/{part}", 0)


def _check_with_included(tree: Tree, name: str, depth: int) -> Iterator[ConfigError]:
    """Problems of a file and of those it builds on."""
    yield from check_file(tree, name)
    path = tree.find(name)
    if path is not None and depth < MOST_NESTED:
        for below in included(name, tree.read(path).content):
            yield from _check_with_included(tree, below, depth + 1)


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
    defaults_problems = list(check_defaults(tree, name, file))
    yield from defaults_problems
    if defaults_problems:
        return
    if choice and group != EXPERIMENT and not _GLOBAL.search(path.read_text("utf-8")):
        settings = {**tree.content(group, choice), **content}
        yield from _check_group_file(tree, file, group, choice, settings)
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


def _check_group_file(
    tree: Tree, file: YamlFile, group: str, choice: str, settings: Mapping[str, Any]
) -> Iterator[ConfigError]:
    """Problems of a choice's own file; `settings` are those of the choices it builds on too."""
    content = file.content or {}
    module = settings.get("module") or settings.get("name") or choice
    problem = module_problem(group, str(module), tree.root)
    if problem is None or "module" in content:
        keys = group_keys(group, settings, choice)
        yield from Section(tree, file, group, choice, keys).problems(content)
        return
    fitting = [
        name
        for name, schema in schemas_of(group).items()
        if content.keys() - {"defaults"} <= keys_of(schema).keys()
    ]
    hint = f"add module: {fitting[0]}" if fitting else problem.hint
    yield ConfigError(f"{file.where(('name',))}: {problem.message}", hint=hint)


def _check_root(tree: Tree, file: YamlFile, choices: Mapping[str, str]) -> Iterator[ConfigError]:
    """Problems of a file that sets keys of the whole tree."""
    content = file.content or {}
    settings = {group: content[group] for group in GROUPS if isinstance(content.get(group), dict)}
    scope = Scope(tree, tree.selection(choices), settings)
    for name, value in content.items():
        if name == "defaults":
            continue
        if name in SHORTCUTS:
            yield from value_problems(file, (name,), name, SHORTCUTS[name], value)
        elif name not in GROUPS:
            yield _unknown_root_key(file, str(name), scope)
        elif not isinstance(value, dict):
            yield _group_as_value(tree, file, name, value)
        elif value:
            choice = scope.chosen.get(name, "")
            section = Section(tree, file, name, choice, scope.keys(name), (name,))
            yield from section.problems(value)


def _unknown_root_key(file: YamlFile, name: str, scope: Scope) -> ConfigError:
    near = nearest_key(name, scope.all_keys())
    hint = f"did you mean {near}?" if near else f"keys: {', '.join([*GROUPS, *SHORTCUTS])}"
    if name == "hydra":
        hint = "mlops does not use Hydra's own settings: runs lie in runs/<id>/"
    return ConfigError(f"{file.where((name,))}: there is no key {name!r}", hint=hint)


def _group_as_value(tree: Tree, file: YamlFile, group: str, value: Any) -> ConfigError:
    choices = tree.choices(group)
    if isinstance(value, str):
        choice = nearest(value, choices) or next(iter(choices), "NAME")
        hint = f"choose in the defaults list: - override {group}: {choice}"
    else:
        hint = f"write the keys of {group} below it, one a line, or drop it"
    return ConfigError(
        f"{file.where((group,))}: {group} must be a mapping of keys, not {shown(value)}", hint=hint
    )


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
