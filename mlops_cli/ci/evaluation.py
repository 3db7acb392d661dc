"""What GitHub's expressions are worth here: as GitHub reckons, and `Unknown` where only it knows.

Comparison, truth and text are those of GitHub: texts are equal whatever their case, and values of
two kinds are compared as numbers. What depends on something unknown is unknown, unless the other
side settles it: `false && unknown` is false.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.ci import expressions
from mlops_cli.ci.expressions import STATUS, Context, Literal, Member, Node, pieces
from mlops_cli.errors import ConfigError
from mlops_cli.files import sha256

CONTEXTS = (
    "github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix",
    "needs", "inputs",
)  # fmt: skip
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "<": float.__lt__,
    "<=": float.__le__,
    ">": float.__gt__,
    ">=": float.__ge__,
}


@dataclass(frozen=True)
class Unknown:
    """A value that only GitHub knows.

    Attributes:
        name: How expressions call it.
    """

    name: str


class Open(dict[str, Any]):
    """Members of which not all are known here: another one is `Unknown`, not null."""

    def __init__(self, name: str, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self.name = name


@dataclass
class Scope:
    """What an expression is asked in.

    Attributes:
        contexts: The values that it may name.
        status: How the job stands: `success`, `failure` or `cancelled`; None where none is asked.
        folder: What `hashFiles` looks into.
        missed: Gets what is unknown, and was taken as empty.
    """

    contexts: Mapping[str, Any]
    status: str | None = None
    folder: Path | None = None
    missed: list[str] = field(default_factory=list)

    def value(self, tree: Node) -> Any:
        """What a tree is worth.

        Raises:
            ConfigError: It names a context or a function that there is not.
        """
        if isinstance(tree, Literal):
            return tree.value
        if isinstance(tree, Context):
            if tree.name not in CONTEXTS:
                raise ConfigError(
                    f"there is no {tree.name!r} that an expression could ask",
                    hint="there are " + ", ".join(CONTEXTS),
                )
            return self.contexts.get(tree.name, {})
        if isinstance(tree, Member):
            return self._member(tree)
        if tree.name in ("&&", "||"):
            return self._either(tree.name, *tree.values)
        if tree.name in STATUS:
            return self._status(tree.name)
        values = [self.value(one) for one in tree.values]
        unknown = next((one for one in values if isinstance(one, Unknown)), None)
        return unknown or self._called(tree.name, values)

    def text(self, template: object) -> str:
        """A text with the expressions in it filled in; what is unknown is left empty and noted."""
        if not isinstance(template, str):
            return text_of(template)
        return "".join(
            one if isinstance(one, str) else self._filled(self.value(one))
            for one in pieces(template)
        )

    def whole(self, template: object) -> Any:
        """A value that may be written as one expression."""
        if not isinstance(template, str) or "${{" not in template:
            return template
        found = list(pieces(template.strip()))
        if len(found) == 1 and not isinstance(found[0], str):
            return self.value(found[0])
        return self.text(template)

    def _filled(self, value: Any) -> str:
        if isinstance(value, Unknown):
            self.missed.append(value.name)
            return ""
        return text_of(value)

    def _member(self, tree: Member) -> Any:
        of = self.value(tree.of)
        if isinstance(of, Unknown):
            key = tree.key.value if isinstance(tree.key, Literal) else "*"
            return Unknown(f"{of.name}.{key}")
        if tree.key is None:
            found = list(of.values()) if isinstance(of, Mapping) else of
            return _Many(found) if isinstance(found, list) else None
        key = self.value(tree.key)
        if isinstance(of, _Many):
            return _Many(one for one in (_asked(value, key) for value in of) if one is not None)
        return key if isinstance(key, Unknown) else _asked(of, key)

    def _either(self, sign: str, first: Node, second: Node) -> Any:
        left = self.value(first)
        if not isinstance(left, Unknown):
            return self.value(second) if truth(left) == (sign == "&&") else left
        right = self.value(second)
        settled = not isinstance(right, Unknown) and truth(right) == (sign == "||")
        return right if settled else left

    def _status(self, name: str) -> bool:
        if self.status is None:
            raise ConfigError(f"{name}() is for conditions: if: {name}()")
        return name in ("always", self.status)

    def _called(self, name: str, values: Sequence[Any]) -> Any:
        if name == "hashfiles":
            return _hash(self.folder, [text_of(one) for one in values])
        called = _FUNCTIONS.get(name)
        if called is None:
            raise ConfigError(
                f"there is no function {name!r} of expressions",
                hint="there are " + ", ".join([*filter(str.isalpha, _FUNCTIONS), "hashfiles"]),
            )
        try:
            return called(*values)
        except (TypeError, IndexError) as error:
            raise ConfigError(f"{name}() does not take these {len(values)} values") from error
        except json.JSONDecodeError as error:
            raise ConfigError(f"fromJSON() is given no JSON: {error}") from error


class _Many(list[Any]):
    """What `.*` picked out: a member is asked of each."""


def holds(scope: Scope, condition: str | bool | None) -> bool | Unknown:
    """Whether an `if:` holds; without a question of its own, it asks for success.

    Raises:
        ConfigError: It can't be read.
    """
    if condition is None or condition == "":
        return scope.status == "success"
    tree = expressions.condition(text_of(condition))
    if not expressions.asks_for_status(tree) and scope.status != "success":
        return False
    value = scope.text(tree) if isinstance(tree, str) else scope.value(tree)
    return value if isinstance(value, Unknown) else truth(value)


def truth(value: Any) -> bool:
    """Whether a value counts as true; what is unknown does not."""
    if isinstance(value, float | int):
        return not math.isnan(value) and value != 0
    return value is not None and value != "" and not isinstance(value, Unknown)


def text_of(value: Any) -> str:
    """A value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}"
    if isinstance(value, str):
        return value
    return "Object" if isinstance(value, Mapping) else "Array"


def _asked(of: Any, key: Any) -> Any:
    """A member of a value; null where it has none of that name."""
    if isinstance(of, list):
        at = _number(key)
        return of[int(at)] if 0 <= at < len(of) else None
    if not isinstance(of, Mapping):
        return None
    name = text_of(key)
    if name in of:
        return of[name]
    alike = [one for one in of if one.lower() == name.lower()]
    if alike:
        return of[alike[0]]
    return Unknown(f"{of.name}.{name}") if isinstance(of, Open) else None


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return math.nan


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(type(value))
    return "number" if isinstance(value, int | float) else str(type(value))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Mapping | list) or isinstance(right, Mapping | list):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if _kind(left) == _kind(right):
        return bool(left == right)
    return _number(left) == _number(right)


def _compared(sign: str) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            both = (left.lower() > right.lower()) - (left.lower() < right.lower())
            return _ORDER[sign](float(both), 0.0)
        return _ORDER[sign](_number(left), _number(right))

    return compare


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_equal(one, what) for one in where)
    return text_of(what).lower() in text_of(where).lower()


def _format(template: Any, *values: Any) -> str:
    def fill(found: re.Match[str]) -> str:
        return found[0][0] if found[1] is None else text_of(values[int(found[1])])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", fill, text_of(template))


def _join(values: Any, sign: Any = ",") -> str:
    return text_of(sign).join(map(text_of, values if isinstance(values, list) else [values]))


def _hash(folder: Path | None, patterns: Sequence[str]) -> str:
    """SHA-256 over those of the files, as the runner's; empty where there are none."""
    if folder is None:
        return ""
    total, found = hashlib.sha256(), sorted(set(_files(folder, patterns)))
    for file in found:
        total.update(bytes.fromhex(sha256(file)))
    return total.hexdigest() if found else ""


def _files(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        whole = f"{pattern}/*" if pattern.endswith("**") else pattern
        yield from (one for one in folder.glob(whole.lstrip("/")) if one.is_file())


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "!": lambda value: not truth(value),
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    **{sign: _compared(sign) for sign in _ORDER},
    "contains": _contains,
    "startswith": lambda text, start: text_of(text).lower().startswith(text_of(start).lower()),
    "endswith": lambda text, end: text_of(text).lower().endswith(text_of(end).lower()),
    "format": _format,
    "join": _join,
    "tojson": lambda value: json.dumps(value, indent=2),
    "fromjson": lambda text: json.loads(text_of(text)),
}
