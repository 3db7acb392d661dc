"""Values of config keys: converted to the schema's type, or what is wrong with them."""

import math
import re
import types
from typing import Any, Union, get_args, get_origin

from mlops_cli.config.keys import Key
from mlops_cli.config.suggest import nearest

_INTEGER = re.compile(r"[+-]?\d[\d_]*")
_WORDS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


class MisfitError(Exception):
    """A value does not fit its key. Its text goes on from the key's name: "must be …"."""


def fit(key: Key, value: Any) -> Any:
    """Converts `value` to the key's type and checks its limits.

    Raises:
        MisfitError: It does not fit.
    """
    kind, optional = _unwrap(key.kind)
    if value is None:
        if optional:
            return None
        raise MisfitError(f"must be {_expected(key)}, not null")
    container = get_origin(kind) or kind
    fitted = _convert(container, get_args(kind), value)
    if fitted is None:
        raise MisfitError(f"must be {_expected(key)}, not {shown(value)}")
    problem = _limit_problem(key, fitted)
    if problem:
        raise MisfitError(f"{problem}, not {shown(value)}")
    return fitted


def value_hint(path: str, key: Key, value: object, *, sign: str = "=") -> str:
    """What to give instead: the nearest value, else what the key is and takes."""
    choices = key.limits.choices
    near = nearest(str(value), choices) if choices else None
    if near:
        return f"did you mean {path}{sign}{near}?"
    limits = "" if choices else allowed(key)
    kind = " ".join(part for part in (type_name(key), limits) if part)
    return f"{path}: {key.help.rstrip('.')} ({kind}; default {shown(key.default)})"


def shown(value: Any) -> str:
    """A value as a person typed it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def type_name(key: Key) -> str:
    """The type of a key in a word or two."""
    kind, optional = _unwrap(key.kind)
    name = {"bool": "true/false", "int": "whole number", "float": "number", "str": "text"}
    base = getattr(get_origin(kind) or kind, "__name__", str(kind))
    return name.get(base, {"dict": "mapping"}.get(base, base)) + (" or null" if optional else "")


def is_text(key: Key) -> bool:
    """Whether the key takes any text."""
    return _unwrap(key.kind)[0] is str


def is_flag(key: Key) -> bool:
    """Whether the key takes true or false."""
    return _unwrap(key.kind)[0] is bool


def is_list(key: Key) -> bool:
    """Whether the key takes a list."""
    return get_origin(_unwrap(key.kind)[0]) is list


def is_optional(key: Key) -> bool:
    """Whether the key takes null."""
    return _unwrap(key.kind)[1]


def allowed(key: Key) -> str:
    """The limits of a key in words; empty without any."""
    limits = key.limits
    if limits.choices is not None:
        return ", ".join(limits.choices)
    parts = [
        f"{sign} {bound:.12g}"
        for sign, bound in (
            (">=", limits.minimum),
            (">", limits.above),
            ("<=", limits.maximum),
            ("<", limits.below),
        )
        if bound is not None
    ]
    return " and ".join(parts)


def _unwrap(kind: Any) -> tuple[Any, bool]:
    """`X | None` as X and True, anything else as it is and False."""
    if get_origin(kind) in (Union, types.UnionType):
        arguments = [argument for argument in get_args(kind) if argument is not type(None)]
        return arguments[0], True
    return kind, False


def _expected(key: Key) -> str:
    kind, optional = _unwrap(key.kind)
    if key.limits.choices is not None:
        words = f"one of {', '.join(key.limits.choices)}"
    else:
        words = _EXPECTED[get_origin(kind) or kind]
    return f"{words} or null" if optional else words


def _limit_problem(key: Key, value: Any) -> str | None:
    if isinstance(value, float) and math.isinf(value):
        return "must be a finite number"
    if isinstance(value, float) and math.isnan(value):
        return "must be a number"
    return key.limits.problem(value)


def _convert(kind: Any, arguments: tuple[Any, ...], value: Any) -> Any:
    """The value as `kind`, or None where it can't be."""
    if kind is dict:
        return _mapping(arguments, value)
    return _CONVERTERS[kind](value)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _WORDS.get(str(value).lower())


def _integer(value: Any) -> int | None:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    """Numbers are text too: a column may be called 0. `true` and `no` are not: YAML ate them."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


def _mapping(arguments: tuple[Any, ...], value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    if arguments and arguments[1] is str:
        return {str(name): str(item) for name, item in value.items()}
    return {str(name): item for name, item in value.items()}


def _list(value: Any) -> list[str] | None:
    items = [_text(item) for item in value] if isinstance(value, list) else [None]
    return None if None in items else [item for item in items if item is not None]


_CONVERTERS = {bool: _flag, int: _integer, float: _number, str: _text, list: _list}
