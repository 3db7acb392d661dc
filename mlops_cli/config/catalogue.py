"""What can be configured: groups, their choices, and the keys of a choice."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.config.keys import EXPERIMENT, GROUPS, SHORTCUTS, Key, group_help
from mlops_cli.config.scope import Scope
from mlops_cli.config.suggest import choices_hint, nearest
from mlops_cli.config.tree import Tree, description, open_tree
from mlops_cli.config.values import allowed, type_name
from mlops_cli.errors import ConfigError


@dataclass(frozen=True)
class ChoiceInfo:
    """One choice of a group.

    Attributes:
        name: As typed after `GROUP=`.
        description: The first comment line of its file.
        selected: Whether it is the one in force without an override.
        origin: `packaged`, `project`, or `project, over packaged`.
        path: Its file.
    """

    name: str
    description: str
    selected: bool
    origin: str
    path: Path


@dataclass(frozen=True)
class GroupInfo:
    """One group and its choices."""

    name: str
    description: str
    choices: list[ChoiceInfo]


@dataclass(frozen=True)
class KeyInfo:
    """One key: what it is, what it takes, and its value in the choice (or by default)."""

    key: str
    type: str
    allowed: str
    value: Any
    description: str


@dataclass(frozen=True)
class Overview:
    """All groups, and the settings that are typed without a group."""

    groups: list[GroupInfo]
    shortcuts: list[KeyInfo]


def overview(root: Path) -> Overview:
    """Every group with its choices, as the project at `root` sees them, and the shortcuts."""
    tree = open_tree(root)
    groups = [_group(tree, name) for name in (*GROUPS, EXPERIMENT)]
    return Overview(groups, [_key("", key, key.default) for key in SHORTCUTS.values()])


def group(root: Path, name: str) -> GroupInfo:
    """One group with its choices.

    Raises:
        ConfigError: There is no such group.
    """
    return _group(open_tree(root), _group_name(name))


def keys(root: Path, reference: str) -> list[KeyInfo]:
    """The keys of a choice with its values.

    Args:
        root: The project.
        reference: The choice as `model/bert`.

    Raises:
        ConfigError: There is no such group or choice.
    """
    tree = open_tree(root)
    name, choice, _ = _find(tree, reference)
    if name == EXPERIMENT or GROUPS[name] is None:
        return list(_free_keys(name, tree.content(name, choice)))
    content = tree.content(name, choice)
    return [
        _key(name, key, choice if key.name == "name" else content.get(key.name, key.default))
        for key in Scope(tree, {name: choice}).keys(name).values()
    ]


def packaged_file(reference: str, tree: Tree) -> Path:
    """The packaged file of a choice, as `model/bert`.

    Raises:
        ConfigError: There is no such group or choice.
    """
    name, choice, _ = _find(Tree(tree.root, None, tree.packaged), reference)
    return tree.packaged / name / f"{choice}.yaml"


def _group(tree: Tree, name: str) -> GroupInfo:
    selected = tree.defaults.get(name)
    choices = [
        ChoiceInfo(choice, description(path), choice == selected, _origin(tree, path), path)
        for choice, path in tree.choices(name).items()
    ]
    return GroupInfo(name, group_help(name), choices)


def _origin(tree: Tree, path: Path) -> str:
    if not tree.owned(path) or tree.project is None:
        return "packaged"
    shadowed = (tree.packaged / path.relative_to(tree.project)).is_file()
    return "project, over packaged" if shadowed else "project"


def _group_name(name: str) -> str:
    if name in GROUPS or name == EXPERIMENT:
        return name
    near = nearest(name, [*GROUPS, EXPERIMENT])
    raise ConfigError(
        f"there is no group {name!r}",
        hint=f"did you mean {near}?" if near else f"groups: {', '.join([*GROUPS, EXPERIMENT])}",
    )


def _find(tree: Tree, reference: str) -> tuple[str, str, Path]:
    """Group, choice and file of `model/bert` (`model=bert` will do)."""
    name, slash, choice = reference.replace("=", "/", 1).removesuffix(".yaml").partition("/")
    if not slash:
        raise ConfigError(
            f"{reference!r} names no choice", hint=f"write it as GROUP/NAME: {_example(tree, name)}"
        )
    name = _group_name(name)
    path = tree.choices(name).get(choice)
    if path is None:
        hint = choices_hint(name, choice, tree.choices(name)).replace(f"{name}=", f"{name}/")
        raise ConfigError(f"{name} has no choice {choice!r}", hint=hint)
    return name, choice, path


def _example(tree: Tree, word: str) -> str:
    for name in (*GROUPS, EXPERIMENT):
        if word == name or word in tree.choices(name):
            return f"{name}/{word if word != name else next(iter(tree.choices(name)), 'NAME')}"
    return "model/bert"


def _key(name: str, key: Key, value: Any) -> KeyInfo:
    path = f"{name}.{key.name}" if name else key.name
    return KeyInfo(path, type_name(key), allowed(key), value, key.help)


def _free_keys(name: str, content: dict[str, Any], prefix: str = "") -> Iterator[KeyInfo]:
    start = prefix or ("" if name == EXPERIMENT else f"{name}.")
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _free_keys(name, value, f"{start}{key}.")
        else:
            yield KeyInfo(f"{start}{key}", type(value).__name__, "", value, "")
