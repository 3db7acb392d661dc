"""Conditions such as `val/mcc > 0.4 and model=bert`: read into a tree, never evaluated as code.

condition  = alternative, {"or", alternative}
alternative = part, {"and", part}
part       = "not", part | "(", condition, ")" | name, operator, value
operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlops_cli.errors import UsageError

Lookup = Callable[[str], Any]
"""Gives the value that a name has in a run; None where the run has none."""

_TOKEN = re.compile(
    r"(?P<operator><=|>=|!=|!~|==|=|<|>|~)|(?P<bracket>[()])"
    r"|\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<word>[^\s()=<>!~\"']+)"
)
_WORDS = ("and", "or", "not")
_FOREIGN = {"&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", ":": "="}
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class _Token:
    """A piece of the text: its kind (operator, bracket, quoted or word) and where it begins."""

    kind: str
    text: str
    at: int


class Condition(Protocol):
    """A condition that a run fulfils or not."""

    def holds(self, value_of: Lookup) -> bool:
        """Whether it holds for a run."""

    def comparisons(self) -> Iterator["Comparison"]:
        """Every comparison in it, in order."""


@dataclass(frozen=True)
class Comparison:
    """A name held against a value.

    Attributes:
        name: The name.
        at: Where the name begins in the text.
        operator: One of = != < <= > >= ~ !~.
        value: What it is held against, as written.
        value_at: Where that begins.
        quoted: Whether it was written in quotes, and so is text.
    """

    name: str
    at: int
    operator: str
    value: str
    value_at: int
    quoted: bool

    @property
    def number(self) -> float | None:
        """The value as a number, if it is one."""
        return None if self.quoted else _number(self.value)

    def holds(self, value_of: Lookup) -> bool:
        """Whether it holds. A run without the value fulfils nothing but `!=` and `!~`."""
        found = value_of(self.name)
        if self.operator.endswith("~"):
            inside = found is not None and self.value.casefold() in shown(found).casefold()
            return inside is (self.operator == "~")
        if self.operator in ("=", "!="):
            return self._equals(found) is (self.operator == "=")
        if found is None:
            return False
        compare = _ORDER[self.operator]
        if self.number is not None and _is_number(found):
            return bool(compare(found, self.number))
        # Times are compared as text: ISO 8601 sorts as it is written.
        return not _is_number(found) and bool(compare(shown(found), self.value))

    def _equals(self, found: Any) -> bool:
        if found is None:
            return not self.quoted and self.value in ("null", "none", "None")
        if self.number is not None and _is_number(found):
            # What is shown is rounded; a figure copied from a table should be found again.
            return math.isclose(found, self.number, rel_tol=1e-9)
        return shown(found) == self.value

    def comparisons(self) -> Iterator["Comparison"]:
        """Itself."""
        yield self


@dataclass(frozen=True)
class _Not:
    part: Condition

    def holds(self, value_of: Lookup) -> bool:
        return not self.part.holds(value_of)

    def comparisons(self) -> Iterator[Comparison]:
        return self.part.comparisons()


@dataclass(frozen=True)
class _Several:
    parts: Sequence[Condition]
    all: bool

    def holds(self, value_of: Lookup) -> bool:
        found = (part.holds(value_of) for part in self.parts)
        return all(found) if self.all else any(found)

    def comparisons(self) -> Iterator[Comparison]:
        for part in self.parts:
            yield from part.comparisons()


def read(text: str) -> Condition:
    """The condition that `text` states.

    Raises:
        UsageError: It is none; the message points at the place.
    """
    return _Reader(text).condition()


def problem(text: str, at: int, what: str, hint: str = "") -> UsageError:
    """An error that points at a place of a condition."""
    return UsageError(f"--where: {what}\n  {text}\n  {' ' * at}^", hint=hint)


def shown(value: Any) -> str:
    """A value as conditions write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Reader:
    """Reads a condition from left to right, one piece ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def condition(self) -> Condition:
        """The whole text."""
        if not self._tokens:
            raise problem(self._text, 0, "the condition is empty", "such as: val/mcc > 0.4")
        found = self._several("or")
        rest = self._peek()
        if rest is not None:
            raise self._unexpected_rest(rest)
        return found

    def _several(self, word: str) -> Condition:
        parts = [self._several("and") if word == "or" else self._part()]
        while self._is_word(word):
            self._next += 1
            parts.append(self._several("and") if word == "or" else self._part())
        return parts[0] if len(parts) == 1 else _Several(parts, all=word == "and")

    def _part(self) -> Condition:
        token = self._take("a name such as val/mcc, or a bracket")
        if token.kind == "word" and token.text.lower() == "not":
            return _Not(self._part())
        if token.text == "(" and token.kind == "bracket":
            inner = self._several("or")
            closing = self._peek()
            if closing is None or closing.text != ")":
                raise problem(self._text, token.at, "this bracket is not closed", "add a )")
            self._next += 1
            return inner
        if token.kind != "word" or token.text.lower() in _WORDS:
            raise problem(self._text, token.at, f"a name is missing before {token.text!r}")
        return self._comparison(token)

    def _comparison(self, name: _Token) -> Comparison:
        sign = self._peek()
        if sign is None or sign.kind != "operator":
            raise self._no_operator(name, sign)
        self._next += 1
        value = self._take(f"a value after {sign.text}")
        bare_word = value.kind == "word" and value.text.lower() in _WORDS
        if value.kind not in ("word", "quoted") or bare_word:
            quote = f'the word itself is written "{value.text}"' if bare_word else ""
            raise problem(self._text, value.at, f"a value is missing after {sign.text}", quote)
        sign_text = "=" if sign.text == "==" else sign.text
        return Comparison(
            name.text, name.at, sign_text, value.text, value.at, value.kind == "quoted"
        )

    def _no_operator(self, name: _Token, found: _Token | None) -> UsageError:
        at = len(self._text.rstrip()) if found is None else found.at
        hint = f"{name.text} = VALUE, or with != < <= > >= ~ (contains)"
        if found is not None and found.text.lower() == "in":
            hint = f"{name.text}=A or {name.text}=B"
        elif found is not None and found.text.lower() in ("is", "eq", "like", "contains"):
            hint = f"{name.text} {'=' if found.text.lower() in ('is', 'eq') else '~'} VALUE"
        return problem(self._text, at, f"{name.text} is not compared with anything", hint)

    def _unexpected_rest(self, token: _Token) -> UsageError:
        if token.text == ")":
            return problem(self._text, token.at, "this bracket was not opened", "remove it")
        if token.text in _FOREIGN:
            hint = f"did you mean {_FOREIGN[token.text]}?"
        else:
            hint = "join comparisons with and, or; a value with spaces needs quotes"
        return problem(self._text, token.at, f"{token.text!r} is not expected here", hint)

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _is_word(self, word: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "word" and token.text.lower() == word

    def _take(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            raise problem(self._text, len(self._text.rstrip()), f"{wanted} is missing at the end")
        self._next += 1
        return token


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] in "\"'":
                raise problem(text, at, "this quote is not closed", f"add a {text[at]}")
            hint = f"did you mean {_FOREIGN[text[at]]}?" if text[at] in _FOREIGN else ""
            raise problem(text, at, f"{text[at]!r} is not expected here", hint)
        kind = str(match.lastgroup)
        kind = "quoted" if kind in ("single", "double") else kind
        yield _Token(kind, str(match.group(str(match.lastgroup))), at)
        at = match.end()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    # Nothing is above, below or equal to what is not a number.
    return None if math.isnan(number) else number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
