"""Settings that name files: a run keeps them as seen from the project's root."""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_cli import project
from mlops_cli.config.keys import GROUPS, group_keys
from mlops_cli.schemas.config import Config


def seen_from_root(config: Config, root: Path) -> Config:
    """The config with every file it names relative to `root`, or absolute outside of it.

    What is typed below the root is then found from anywhere in the project, also after the
    project was moved. A name under which nothing is found stays as it is.
    """
    groups: dict[str, Any] = {}
    for group, content, name in _named_files(dataclasses.asdict(config)):
        there = project.locate(content[name])
        if there.exists():
            before = groups.get(group, getattr(config, group))
            groups[group] = dataclasses.replace(before, **{name: from_root(there, root)})
    return dataclasses.replace(config, **groups)


def from_root(path: Path, root: Path) -> str:
    """A file's path relative to `root`, or absolute outside of it."""
    there = _absolute(path)
    return there.relative_to(root).as_posix() if there.is_relative_to(root) else str(there)


def seen_from_here(recorded: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The recorded settings with every file that the current folder would hide made absolute.

    Args:
        recorded: A run's settings, as `seen_from_root` left them.
        root: The project.
    """
    found = dict(recorded)
    for group, content, name in _named_files(recorded):
        there = root / content[name]
        if there.exists() and not there.samefile(project.locate(content[name])):
            found[group] = {**found[group], name: str(there)}
    return found


def _named_files(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Each setting that names a file: its group, the group's settings and the key."""
    for group in GROUPS:
        given = content.get(group)
        if isinstance(given, Mapping):
            for key in group_keys(group, given).values():
                if key.file and isinstance(given.get(key.name), str) and given[key.name]:
                    yield group, given, key.name


def _absolute(path: Path) -> Path:
    """The path without links on the way to it; it may be a link itself, as DVC makes them."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows the last link too
    return whole.parent.resolve() / whole.name
