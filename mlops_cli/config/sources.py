"""Where each value of a config comes from: a file and its line, the command line, the schema."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.config.overrides import parse
from mlops_cli.config.tree import Tree
from mlops_cli.config.yaml_file import YamlFile

COMMAND_LINE = "command line"
SCHEMA = "schema default"


@dataclass(frozen=True)
class Source:
    """One value and its origin.

    Attributes:
        key: The full key, as it would be typed.
        value: What it is.
        origin: `file:line`, `command line` or `schema default`.
        refers_to: The interpolation that gave the value, or nothing.
    """

    key: str
    value: Any
    origin: str
    refers_to: str = ""


def sources(
    tree: Tree, files: Sequence[tuple[Path, str]], words: Sequence[str], content: Mapping[str, Any]
) -> list[Source]:
    """The origin of each value in `content`.

    Args:
        tree: Where the files are.
        files: The files merged, in order, each with the key its content lies below.
        words: What was typed.
        content: The composed config as a plain mapping.
    """
    origins: dict[str, tuple[str, str]] = {}
    for path, package in files:
        file = tree.read(path)
        for key, origin in _settings(file, package):
            origins[key] = origin
    for word in words:
        override = parse(word)
        if not override.chooses and override.prefix != "~":
            value = override.value or ""
            origins[override.key] = COMMAND_LINE, value if "${" in value else ""
    return [Source(key, value, *_origin(key, origins, tree)) for key, value in _leaves(content, "")]


def _origin(key: str, origins: Mapping[str, tuple[str, str]], tree: Tree) -> tuple[str, str]:
    while key not in origins and "." in key:
        key = key.rpartition(".")[0]
    return origins.get(key, (SCHEMA, ""))


def _settings(file: YamlFile, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The full key of each value in a file, with its place and interpolation."""
    content = file.content if isinstance(file.content, Mapping) else {}
    for key, value in _leaves({k: v for k, v in content.items() if k != "defaults"}, ""):
        full = f"{package}.{key}" if package else key
        refers = value if isinstance(value, str) and "${" in value else ""
        yield full, (file.where(tuple(key.split("."))), refers)


def _leaves(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        full = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{full}.")
        else:
            yield full, value
