"""The one text form of a cell, whatever the format it was stored in."""

import json
import math
from typing import Any


def text_of(value: Any) -> str | None:
    """A cell as text, None when it is missing.

    Numbers, booleans and texts that mean the same look the same: `1`, `1.0` and `"1"` are all
    `1`, as a label column is a float in one file and an int in the next.
    """
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _text_of_float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace") or None
    nested = isinstance(value, dict | list | tuple)
    return json.dumps(value, ensure_ascii=False, default=str) if nested else str(value)


def _text_of_float(value: float) -> str | None:
    if math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
