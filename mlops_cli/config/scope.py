"""Which choice of each group is in force, and so which keys there are."""

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.config.keys import (
    EXPERIMENT,
    GROUPS,
    SHORTCUTS,
    Key,
    group_keys,
    keys_of,
    schemas_of,
)
from mlops_cli.config.suggest import nearest
from mlops_cli.config.tree import Tree
from mlops_cli.errors import ConfigError

_ROOMS = {
    "data": "data",
    "model": "models",
    "task": "tasks",
    "tracker": "tracking",
    "launcher": "launching",
}
"""The folder in `mlops_cli` that holds a group's modules."""


@dataclass
class Scope:
    """The choices in force.

    Attributes:
        tree: Where the files are.
        chosen: The choice of each group.
        settings: What has been set below each group besides its file, such as `model.module`.
    """

    tree: Tree
    chosen: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def keys(self, group: str) -> dict[str, Key]:
        """The keys of the group's choice."""
        choice = self.chosen.get(group, "")
        content = {**self.tree.content(group, choice), **self.settings.get(group, {})}
        return group_keys(group, content, choice)

    def module(self, group: str) -> str:
        """What `GROUP.module` is set to; empty where the choice's name is its module."""
        content = self.tree.content(group, self.chosen.get(group, ""))
        module = {**content, **self.settings.get(group, {})}.get("module")
        return "" if module in (None, "null") else str(module)

    def all_keys(self) -> Iterator[str]:
        """Every full key that may be typed: groups, shortcuts and dotted ones."""
        yield from SHORTCUTS
        yield from GROUPS
        yield EXPERIMENT
        for group in GROUPS:
            for name in self.keys(group):
                yield f"{group}.{name}"

    def label(self, group: str) -> str:
        """`group=choice`, as a person would type it."""
        return f"{group}={self.chosen[group]}" if group in self.chosen else group

    def choice_with(self, group: str, name: str) -> str | None:
        """A choice of the group, other than the present one, that has the key `name`."""
        schemas = schemas_of(group)
        modules = [module for module, schema in schemas.items() if name in keys_of(schema)]
        found = []
        for choice in self.tree.choices(group):
            content = self.tree.content(group, choice)
            module = content.get("module") or content.get("name") or choice
            if module in modules:
                # Schemas stand in the order of how common they are; and the choice called like
                # its family is the general one: model=pretrained.
                found.append((modules.index(module), choice not in modules, choice))
        return min(found)[2] if found else None


def module_problem(group: str, module: str, root: Path) -> ConfigError | None:
    """What is wrong with the module a choice names, without importing it."""
    room = _ROOMS.get(group)
    if room is None or not module:
        return None
    if "." in module:
        return None if _importable(module, root) else _missing(group, module, root)
    folder = Path(__file__).parent.parent / room
    if module in schemas_of(group) or (folder / f"{module}.py").is_file():
        return None
    if (folder / module / "__init__.py").is_file() or (group, module) == ("tracker", "none"):
        return None
    files = {path.stem for path in folder.glob("[a-z]*.py")}
    near = nearest(module, schemas_of(group)) or nearest(module, files)
    known = ", ".join(schemas_of(group) or sorted(files))
    return ConfigError(
        f"there is no {group} module {module!r}",
        hint=f"did you mean {near}?" if near else f"modules: {known}, or a dotted one of your own",
    )


def _importable(module: str, root: Path) -> bool:
    """Whether a dotted module lies in the project or in an installed package."""
    relative = Path(*module.split("."))
    if (root / relative).with_suffix(".py").is_file() or (root / relative).is_dir():
        return True
    # Only the first name: looking up a deeper one would run the package's code.
    top = module.partition(".")[0]
    return not (root / top).is_dir() and importlib.util.find_spec(top) is not None


def _missing(group: str, module: str, root: Path) -> ConfigError:
    path = root / f"{module.replace('.', '/')}.py"
    return ConfigError(
        f"there is no module {module!r} for {group}",
        hint=f"write {path.relative_to(root)} in the project, or install the package that has it",
    )
