"""The config file of added data: `configs/data/NAME.yaml`, as a person would write it."""

import json
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def text(title: str, command: str, settings: Mapping[str, Any]) -> str:
    """The file: a comment with the command that uses it, then one setting a line.

    Args:
        title: What the data is, and the command: `Reviews: mlops train data=reviews`.
        command: The command that made the file.
        settings: Plain values, lists of texts, and mappings of them.
    """
    lines = [f"# {_one_line(title)}", made_by(command)]
    for key, value in settings.items():
        if isinstance(value, Mapping):
            lines.append(f"{key}:")
            lines += [f"  {name}: {scalar(inner)}" for name, inner in value.items()]
        else:
            lines.append(f"{key}: {scalar(value)}")
    return "\n".join(lines) + "\n"


def made_by(command: str) -> str:
    """The line that tells the command that made the file."""
    return f"# Made by: {_one_line(command)}"


def scalar(value: Any) -> str:
    """A value in YAML, in which OmegaConf finds nothing to interpolate."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_quoted(item) for item in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    simple = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if simple else _quoted(value)


def _quoted(value: str) -> str:
    """A text in double quotes; characters that YAML does not allow are escaped."""
    shown = json.dumps(value.replace("${", "\\${"), ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found.group()):04x}", shown
    )


def _one_line(comment: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in comment).split())
