"""The config tree on disk: the project's `configs/` over the packaged one. Knows no Hydra."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops_cli.config.choice_lists import is_list, listed, members, several
from mlops_cli.config.keys import EXPERIMENT
from mlops_cli.config.yaml_file import YamlFile
from mlops_cli.project import packaged_configs

_ENTRY = re.compile(r"(?P<words>(?:(?:override|optional)\s+)*)/?(?P<group>[^@\s]+)(?:@\S+)?")

MOST_NESTED = 8
"""A file that builds on itself would never end."""


@dataclass(frozen=True)
class Entry:
    """One line of a defaults list: a group and its choice, or another file."""

    group: str
    choice: str | None
    override: bool


@dataclass(frozen=True)
class Tree:
    """The folders that YAML files are looked up in.

    Attributes:
        root: The project.
        project: Its `configs/`, or None when it has no `config.yaml` of its own.
        packaged: What ships with `mlops`.
    """

    root: Path
    project: Path | None
    packaged: Path
    _files: dict[Path, YamlFile] = field(default_factory=dict, compare=False, repr=False)

    @property
    def folders(self) -> list[Path]:
        """Where files are looked for; the first hit counts."""
        return [self.packaged] if self.project is None else [self.project, self.packaged]

    def choices(self, group: str) -> dict[str, Path]:
        """The choices of a group by name, sorted, each with the file that counts."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in (folder / group).rglob("*.yaml"):
                name = path.relative_to(folder / group).with_suffix("").as_posix()
                found.setdefault(name, path)
        return dict(sorted(found.items()))

    def find(self, name: str) -> Path | None:
        """The file `name` (without ending, such as `model/bert`) that counts, if there is one."""
        candidates = (folder / f"{name}.yaml" for folder in self.folders)
        return next((path for path in candidates if path.is_file()), None)

    def owned(self, path: Path) -> bool:
        """Whether a file belongs to the project."""
        return self.project is not None and path.is_relative_to(self.project)

    def shown(self, path: Path) -> str:
        """A file's path as a person would type it."""
        if self.owned(path):
            return path.relative_to(self.root).as_posix()
        return f"packaged configs/{path.relative_to(self.packaged).as_posix()}"

    def read(self, path: Path) -> YamlFile:
        """The parsed file. Raises ConfigError when it isn't YAML."""
        if path not in self._files:
            self._files[path] = YamlFile.read(path, self.shown(path))
        return self._files[path]

    @cached_property
    def defaults(self) -> dict[str, str]:
        """The choice of each group as the root files leave it."""
        return self._collect("config", depth=0)

    def selection(self, choices: Mapping[str, str]) -> dict[str, str]:
        """The choice of each group, given the ones that the command line makes."""
        selected = dict(self.defaults)
        experiment = choices.get(EXPERIMENT)
        if experiment:
            selected |= self.experiment_choices(experiment)
        return {**selected, **choices}

    def experiment_choices(self, name: str) -> dict[str, str]:
        """The choices that an experiment makes (an experiment may build on another)."""
        return self._collect(f"{EXPERIMENT}/{name}", depth=0)

    def content(self, group: str, choice: str, depth: int = 0) -> dict[str, Any]:
        """The settings of a choice, over those of the choices it builds on."""
        if is_list(choice):
            contents = [(part, self.content(group, part, depth + 1)) for part in members(choice)]
            laid = {key: value for _, own in contents for key, value in own.items()}
            return laid | several(contents)
        name = f"{group}/{choice}"
        path = self.find(name) if choice else None
        if path is None or depth > MOST_NESTED:
            return {}
        own = self.read(path).content
        merged: dict[str, Any] = {}
        for below in included(name, own):
            inner_group, _, inner_choice = below.partition("/")
            if inner_group == group:
                merged |= self.content(group, inner_choice, depth + 1)
        if isinstance(own, Mapping):
            merged |= {str(key): value for key, value in own.items() if key != "defaults"}
        return merged

    def _collect(self, name: str, depth: int) -> dict[str, str]:
        """The choices of a file's defaults list and of the files it builds on."""
        path = self.find(name)
        if path is None or depth > MOST_NESTED:
            return {}
        own = self.read(path).content
        collected: dict[str, str] = {}
        for below in included(name, own):
            collected |= self._collect(below, depth + 1)
        collected |= {
            entry.group: entry.choice for entry in entries(own) if entry.group and entry.choice
        }
        if "/" not in name and EXPERIMENT in collected:
            collected = {**self.experiment_choices(collected[EXPERIMENT]), **collected}
        return collected


def open_tree(root: Path) -> Tree:
    """The tree of the project at `root`."""
    own = root / "configs"
    packaged = packaged_configs()
    is_project = (own / "config.yaml").is_file() and own.resolve() != packaged.resolve()
    return Tree(root, own if is_project else None, packaged)


def entries(content: Any) -> list[Entry]:
    """The entries of a file's defaults list that are well formed."""
    listed = content.get("defaults") if isinstance(content, Mapping) else None
    found = []
    for item in listed if isinstance(listed, Sequence) else []:
        parts = ("", item, False) if isinstance(item, str) else split_entry(item)
        if parts is not None:
            found.append(Entry(*parts))
    return found


def included(name: str, content: Any) -> list[str]:
    """The files (as `find` takes them) that the file `name` builds on by its defaults list."""
    items = [entry.choice for entry in entries(content) if not entry.group and entry.choice]
    return [full_name(name, item) for item in items if item != "_self_"]


def full_name(name: str, item: str) -> str:
    """The file that `item` in the defaults list of the file `name` stands for."""
    folder = name.rpartition("/")[0]
    return item[1:] if item.startswith("/") else f"{folder}/{item}" if folder else item


def split_entry(item: Any) -> tuple[str, str | None, bool] | None:
    """Group, choice and whether it overrides, of `override model: bert`; None: can't be read."""
    if not isinstance(item, Mapping) or len(item) != 1:
        return None
    key, choice = next(iter(item.items()))
    match = _ENTRY.fullmatch(str(key).strip())
    if match is not None and isinstance(choice, list) and all(isinstance(c, str) for c in choice):
        choice = listed(choice)
    if match is None or not isinstance(choice, str | int | None):
        return None
    name = None if choice is None else str(choice)
    return match["group"], name, "override" in (match["words"] or "")


def description(path: Path) -> str:
    """What a file is: its first comment line, up to the command that uses it."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if not line.startswith("#"):
                return ""
            text = line.lstrip("# ").strip()
            if text and not text.startswith("@package"):
                return text.partition(": mlops ")[0]
    return ""
