"""GitHub's expressions, `${{ … }}`: from text to a tree. `evaluation` tells what a tree is worth.

The grammar is that of https://docs.github.com/actions/reference/evaluate-expressions-in-workflows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlops_cli.errors import ConfigError

STATUS = frozenset({"success", "failure", "always", "cancelled"})
"""Functions that ask how the job stands; a condition without one asks for success too."""
_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9a-fA-F]+|0o[0-7]+|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[!<>()\[\].,*]))"
)
_TEMPLATE = re.compile(r"\$\{\{((?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*)\}\}")
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
"""Operators of two sides, the loosest first."""
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Literal:
    """A value that is written out."""

    value: str | float | bool | None


@dataclass(frozen=True)
class Context:
    """What everything else is asked of, such as `github`."""

    name: str


@dataclass(frozen=True)
class Member:
    """A member of a value; by `.*`, all of them."""

    of: "Node"
    key: "Node | None"


@dataclass(frozen=True)
class Call:
    """A function of values; also `!` and the operators, under their signs."""

    name: str
    values: tuple["Node", ...]


Node = Literal | Context | Member | Call


class _Reader:
    """The tokens of an expression, one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Node:
        """The tree of all tokens."""
        tree = self._sides(0)
        if self._at < len(self._tokens):
            raise _refused(self._text, f"{self._tokens[self._at][1]!r} is not expected")
        return tree

    def _next(self, *signs: str) -> str | None:
        """Takes the next token where it is one of the signs."""
        if self._at < len(self._tokens) and self._tokens[self._at] in [("sign", s) for s in signs]:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _take(self, sign: str) -> None:
        if self._next(sign) is None:
            raise _refused(self._text, f"{sign!r} is missing")

    def _sides(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._negated()
        tree = self._sides(level + 1)
        while (sign := self._next(*_LEVELS[level])) is not None:
            tree = Call(sign, (tree, self._sides(level + 1)))
        return tree

    def _negated(self) -> Node:
        return Call("!", (self._negated(),)) if self._next("!") else self._members()

    def _members(self) -> Node:
        tree = self._single()
        while (sign := self._next(".", "[")) is not None:
            if self._next("*"):
                tree = Member(tree, None)
            elif sign == ".":
                kind, word = self._word()
                if kind != "name":
                    raise _refused(self._text, f"{word!r} is no name")
                tree = Member(tree, Literal(word))
            else:
                tree = Member(tree, self._sides(0))
            if sign == "[":
                self._take("]")
        return tree

    def _single(self) -> Node:
        if self._next("("):
            tree = self._sides(0)
            self._take(")")
            return tree
        kind, word = self._word()
        if kind == "number":
            return Literal(float(int(word, 0) if word[:2] in ("0x", "0o") else float(word)))
        if kind == "text":
            return Literal(word[1:-1].replace("''", "'"))
        if kind == "sign":
            raise _refused(self._text, f"{word!r} is not expected")
        if self._next("("):
            return Call(word.lower(), tuple(self._arguments()))
        return Literal(_WORDS[word.lower()]) if word.lower() in _WORDS else Context(word.lower())

    def _arguments(self) -> Iterator[Node]:
        if self._next(")"):
            return
        yield self._sides(0)
        while self._next(","):
            yield self._sides(0)
        self._take(")")

    def _word(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise _refused(self._text, "it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]


def parse(text: str) -> Node:
    """The tree of an expression, without its `${{` and `}}`.

    Raises:
        ConfigError: It is none.
    """
    return _Reader(text).whole()


def pieces(text: str) -> Iterator[str | Node]:
    """A text with expressions in it, piece by piece.

    Raises:
        ConfigError: One of them is none.
    """
    at = 0
    for found in _TEMPLATE.finditer(text):
        if found.start() > at:
            yield text[at : found.start()]
        yield parse(found[1])
        at = found.end()
    rest = text[at:]
    if "${{" in rest:
        raise _refused(rest.strip(), "no }} ends it")
    if rest:
        yield rest


def condition(text: str) -> Node | str:
    """The tree of an `if:`, whose `${{ }}` may be left out; a text where it is one.

    A text around an expression is true whatever the expression says, as it is for GitHub.
    """
    if "${{" not in text:
        return parse(text)
    found = list(pieces(text.strip()))
    return found[0] if len(found) == 1 else text


def asks_for_status(tree: Node | str) -> bool:
    """Whether a condition asks how the job stands."""
    if isinstance(tree, Call):
        return tree.name in STATUS or any(map(asks_for_status, tree.values))
    if isinstance(tree, Member):
        return asks_for_status(tree.of) or (tree.key is not None and asks_for_status(tree.key))
    return False


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _refused(text, f"{text[at:].strip()[:20]!r} is not understood")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _refused(text: str, why: str) -> ConfigError:
    hints: Sequence[str] = ("texts are in 'single quotes'",) if '"' in text else ()
    return ConfigError(f"the expression {text.strip()!r}: {why}", hint=" ".join(hints))
