"""Commands that a page shows, and what it shows of their output."""

import re
import shlex
from dataclasses import dataclass
from itertools import takewhile

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"\d{8}-\d{6}-tiny-[0-9a-f]{4}")
_VARYING = [
    (re.compile(r"exit \d+"), ""),
    (_RUN, _RUN.pattern),
    (re.compile(r"(commit,|at) [0-9a-f]{8}"), "(commit,|at) [0-9a-f]{8}"),
    (re.compile(r"\d+(\.\d+)?(e-\d+)?"), r"\d+(\.\d+)?(e-\d+)?"),
    (re.compile(r" +"), r"\s+"),
]


def blocks(page, language):
    """The blocks of a language that a page has."""
    return [found["text"] for found in _BLOCK.finditer(page) if found["language"] == language]


def commands(page):
    """The words of each command of ours that shell blocks have, without `mlops`."""
    for text in blocks(page, "sh"):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["mlops"]:
                yield words[1:]


def options_are_there(words, mlops):
    """Looks whether the help of a command has the options of its words."""
    names = list(takewhile(lambda word: re.fullmatch("[a-z][a-z_-]*", word), words[:2]))
    asked = mlops(*names, "--help")
    if asked.exit_code:  # The second word was an argument.
        asked = mlops(names[0], "--help")
    assert asked.exit_code == 0
    for word in words:
        if word.startswith("-"):
            assert re.search(rf"(^|[\s,]){re.escape(word)}\b", asked.stdout), word


@dataclass
class Step:
    """One `$ ` line of a console block and the lines that it shows."""

    command: str
    shown: list[str]


def steps(page):
    """The steps of all console blocks of a page."""
    found = []
    for line in "".join(blocks(page, "console")).splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], []))
        elif line.strip():
            found[-1].shown.append(line)
    return found


def pattern(line):
    """What a shown line stands for: figures, runs, commits and widths differ among machines.

    An exit code does not.
    """
    text, expression = line.strip(), ""
    while text:
        kind = next(
            ((found, any_) for shape, any_ in _VARYING if (found := shape.match(text))), None
        )
        shown = text[: kind[0].end() if kind else 1]
        expression += (kind and kind[1]) or re.escape(shown)
        text = text[len(shown) :]
    return re.compile(rf"^\s*{expression}\s*$", re.MULTILINE)
