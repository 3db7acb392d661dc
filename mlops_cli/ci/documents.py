"""YAML as GitHub reads it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML as GitHub reads it: `on` is a name, a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [one for one in pairs if one[0].rpartition(":")[2] not in ("bool", "timestamp")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read(file: Path, shown: str) -> Mapping[str, Any]:
    """A file that holds names with values.

    Args:
        file: The file.
        shown: Its path, as people see it.

    Raises:
        ConfigError: It holds something else.
    """
    try:
        content = yaml.load(file.read_text("utf-8"), _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{shown}{line} is no YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown} is no YAML text in UTF-8") from error
    return mapping(content, shown)


def mapping(content: Any, place: str) -> Mapping[str, Any]:
    """Names with their values; none for nothing.

    Raises:
        ConfigError: It is something else.
    """
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{place} must be names with values, and is {content!r}")
    return {str(name): value for name, value in content.items()}
