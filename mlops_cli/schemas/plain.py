"""Results as what JSON knows."""

from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """Dataclasses, paths and tuples as JSON types; NaN and infinities as null."""
    if value is None or isinstance(value, str):
        return value
    if names := _shown(value.__class__):
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return str(value) if isinstance(value, Path) else value


@cache
def _shown(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that JSON shows; a server asks for them with each answer."""
    if not is_dataclass(kind):
        return ()
    return tuple(part.name for part in fields(kind) if part.metadata.get("plain", True))
