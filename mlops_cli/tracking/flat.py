"""A nested config as pairs of dotted key and plain value."""

from collections.abc import Mapping
from typing import Any


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value under its dotted key; lists and empty mappings as text."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = str(value) if isinstance(value, list | Mapping) else value
    return found
