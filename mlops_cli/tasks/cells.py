"""Raw targets as they stand in a cell of a table."""

import json
import math
from collections.abc import Iterable


def names(raw: str, separator: str) -> list[str]:
    """The labels in a cell, each once, in their order: `a|b`, or a JSON list.

    Args:
        raw: The cell; an empty one has no labels.
        separator: What stands between labels.
    """
    if raw.lstrip().startswith("["):
        try:
            listed = json.loads(raw)
        except ValueError:
            listed = None
        if isinstance(listed, list):
            return _each_once([str(label) for label in listed])
    return _each_once(raw.split(separator))


def _each_once(labels: Iterable[str]) -> list[str]:
    stripped = dict.fromkeys(label.strip() for label in labels)
    return [label for label in stripped if label]


def number(raw: str) -> float | None:
    """The finite number in a cell; None where there is none."""
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
