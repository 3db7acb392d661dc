"""`KEY=VALUE` words as what a YAML file says that sets the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli import project
from mlops_cli.config.anchors import from_root
from mlops_cli.config.choice_lists import is_list, members
from mlops_cli.config.override_checks import find_key
from mlops_cli.config.overrides import choices_in, for_hydra, parse, settings_in
from mlops_cli.config.scope import Scope
from mlops_cli.config.tree import open_tree


@dataclass(frozen=True)
class Settings:
    """What the words set.

    Attributes:
        choices: The choice of each group, or the list of them.
        content: The keys, nested.
    """

    choices: dict[str, str | list[str]]
    content: dict[str, Any]


def settings(words: Sequence[str], root: Path, folder: str) -> Settings:
    """What the words set; of two that set the same, the last counts.

    Args:
        words: Words that have been checked.
        root: The project.
        folder: Where they were typed, as seen from the root: files are named from the root.

    Raises:
        ConfigError: A value can't be read.
    """
    from mlops_cli.config.compose import value_of

    parsed = [parse(word) for word in words]
    tree = open_tree(root)
    scope = Scope(tree, tree.selection(choices_in(parsed)), settings_in(parsed))
    content: dict[str, Any] = {}
    for word in parsed:
        if word.chooses or word.prefix == "~":
            continue
        key = find_key(word, scope)
        value = value_of(for_hydra(word, key, experiment_listed=True))
        if key is not None and key.file and isinstance(value, str) and value:
            typed = root / folder / project.from_home(value)
            value = from_root(typed, root) if typed.exists() else value
        _put(content, word.key.split("."), value)
    choices = {
        group: members(choice) if is_list(choice) else choice
        for group, choice in choices_in(parsed).items()
    }
    return Settings(choices, content)


def not_for_files(words: Sequence[str]) -> list[str]:
    """The words that no file can say: those that remove a key."""
    return [word for word in words if parse(word).prefix == "~"]


def _put(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
    content[path[-1]] = value
