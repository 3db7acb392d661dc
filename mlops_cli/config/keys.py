"""The keys of the config tree, read off the schemas: groups, shortcuts, types, limits."""

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from mlops_cli.schemas import data, launcher, model, target, tracker
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.option import Limits

NO_LIMITS = Limits()


@dataclass(frozen=True)
class Key:
    """One setting of a group, or one shortcut.

    Attributes:
        name: The last part of the key, as typed.
        kind: Its type annotation.
        default: What it is when no file and nobody sets it.
        help: One line for people.
        limits: The values it takes, beyond its type.
        file: It names a file or folder.
    """

    name: str
    kind: Any
    default: Any
    help: str
    limits: Limits
    file: bool = False

    @property
    def free(self) -> bool:
        """Whether keys of the user's own may lie below it."""
        return str(self.kind).startswith("dict")


def keys_of(schema: type) -> dict[str, Key]:
    """The keys of a config dataclass, by name, in order."""
    hints = get_type_hints(schema)
    keys = {}
    for field in dataclasses.fields(schema):
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        limits = field.metadata.get("limits", NO_LIMITS)
        help_text = field.metadata.get("help", "")
        file = field.metadata.get("file", False)
        keys[field.name] = Key(field.name, hints[field.name], default, help_text, limits, file)
    return keys


_ROOT = keys_of(Config)

GATES = _ROOT["gates"]
"""The one group without a schema: metric names and conditions."""

GROUPS: dict[str, type | None] = {
    name: None if key.free else key.kind
    for name, key in _ROOT.items()
    if key.free or dataclasses.is_dataclass(key.kind)
}
"""Every group and the schema that all its choices share; None: its keys are free."""

SHORTCUTS: dict[str, Key] = {name: key for name, key in _ROOT.items() if name not in GROUPS}
"""The settings that are typed without a group."""

FOLLOWING: dict[str, dict[str, str]] = {
    "data": {
        "inputs": "${task.inputs}",
        "targets": "${task.targets}",
        "separator": "${task.separator}",
    },
    "trainer": {"monitor": "${task.monitor}"},
}
"""Settings that follow the task where no file and nobody sets them."""

EXPERIMENT = "experiment"
"""The group whose files set anything, anywhere."""

_SCHEMAS: dict[str, Mapping[str, type]] = {
    "data": data.SCHEMAS,
    "model": model.SCHEMAS,
    "tracker": tracker.SCHEMAS,
    "launcher": launcher.SCHEMAS,
    "target": target.SCHEMAS,
}


def schema_for(group: str, content: Mapping[str, Any], choice: str = "") -> type | None:
    """The schema of a choice: by its `module`, else its `name`, else what all choices share.

    Args:
        group: Name of the group.
        content: The choice's settings.
        choice: Its file's name, which is its `name` unless it says otherwise.
    """
    module = content.get("module") or content.get("name") or choice
    return _SCHEMAS.get(group, {}).get(str(module), GROUPS[group])


def group_keys(group: str, content: Mapping[str, Any], choice: str = "") -> dict[str, Key]:
    """The keys of a choice; none for a group whose keys are free."""
    schema = schema_for(group, content, choice)
    return keys_of(schema) if schema else {}


def schemas_of(group: str) -> Mapping[str, type]:
    """The special schemas of a group, by module."""
    return _SCHEMAS.get(group, {})


def group_help(group: str) -> str:
    """What a group is about, in a few words."""
    if group == EXPERIMENT:
        return "Settings of any group that belong together."
    schema = GROUPS[group]
    if schema is None:
        return GATES.help
    text = (sys.modules[schema.__module__].__doc__ or "").strip().partition(": ")[2]
    return text[:1].upper() + text[1:]
