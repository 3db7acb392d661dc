"""What is wrong with the settings of one group in a YAML file, with file and line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_cli.config.keys import SHORTCUTS, Key
from mlops_cli.config.scope import Scope, module_problem
from mlops_cli.config.suggest import nearest, nearest_key
from mlops_cli.config.tree import Tree
from mlops_cli.config.values import MisfitError, fit, is_text, shown, value_hint
from mlops_cli.config.yaml_file import YamlFile
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.gates import parse_gate


@dataclass(frozen=True)
class Section:
    """The part of a file that sets the keys of one group.

    Attributes:
        tree: The whole tree.
        file: The file.
        group: The group.
        choice: The choice that the keys belong to.
        keys: The keys there are.
        prefix: Where in the file the part lies: nowhere special in a file of the group itself.
    """

    tree: Tree
    file: YamlFile
    group: str
    choice: str
    keys: Mapping[str, Key]
    prefix: tuple[str, ...] = ()

    def problems(self, content: Mapping[Any, Any]) -> Iterator[ConfigError]:
        """What is wrong with the part's content."""
        for name, value in content.items():
            if name == "defaults" and not self.prefix:
                continue
            path = (*self.prefix, str(name))
            if self.group == "gates":
                yield from _gate_problems(self.file, path, value)
            elif name not in self.keys:
                yield self._unknown(path)
            else:
                yield from value_problems(
                    self.file, path, f"{self.group}.{name}", self.keys[name], value
                )
            if name == "module" and isinstance(value, str):
                yield from self._module_problems(path, value)

    def _module_problems(self, path: tuple[str, ...], module: str) -> Iterator[ConfigError]:
        problem = module_problem(self.group, module, self.tree.root)
        if problem is not None:
            yield ConfigError(f"{self.file.where(path)}: {problem.message}", hint=problem.hint)

    def _unknown(self, path: tuple[str, ...]) -> ConfigError:
        name, label = path[-1], f"{self.group}={self.choice}"
        message = f"{self.file.where(path)}: {self.group}.{name} is not a key of {label}"
        return ConfigError(message, hint=self._hint(name, label))

    def _hint(self, name: str, label: str) -> str:
        near = nearest(name, self.keys, cutoff=0.7)
        if near:
            return f"did you mean {near}?"
        other = Scope(self.tree, {self.group: self.choice}).choice_with(self.group, name)
        if other:
            return f"it is a key of {self.group}={other}"
        everything = [*SHORTCUTS, *(f"{self.group}.{key}" for key in self.keys)]
        found = nearest_key(f"{self.group}.{name}", everything)
        if found in SHORTCUTS:
            return f"did you mean {found}, without {self.group}?"
        return f"did you mean {found}?" if found else f"keys of {label}: {', '.join(self.keys)}"


def value_problems(
    file: YamlFile, path: tuple[str, ...], name: str, key: Key, value: Any
) -> Iterator[ConfigError]:
    """What is wrong with the value of a key that exists."""
    # An interpolation and Hydra's "to be given" mark are judged when they are resolved.
    if isinstance(value, str) and ("${" in value or value == "???"):
        return
    try:
        fit(key, value)
    except MisfitError as error:
        hint = value_hint(name, key, value, sign=": ")
        if is_text(key) and isinstance(value, bool):
            hint = "YAML reads a bare yes, no, on, off, true or false as a truth value: quote it"
        yield ConfigError(f"{file.where(path)}: {name} {error}", hint=hint)


def _gate_problems(file: YamlFile, path: tuple[str, ...], value: Any) -> Iterator[ConfigError]:
    metric = path[-1]
    if isinstance(value, str) and "${" in value:
        return
    if not isinstance(value, str):
        number = value if isinstance(value, int | float) else 0.5
        yield ConfigError(
            f"{file.where(path)}: gates.{metric} must be a condition, not {shown(value)}",
            hint=f'did you mean {metric}: ">= {number}"?',
        )
        return
    try:
        parse_gate(metric, value)
    except ConfigError as error:
        hint = re.sub(r"gates\.(\w+)='(.+?)'", r'\1: "\2"', error.hint)
        yield ConfigError(f"{file.where(path)}: {error.message}", hint=hint)
