"""Commands that a page shows, and what it shows of their output."""

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"\d{8}-\d{6}-tiny-[0-9a-f]{4}")
_VARYING = [
    (_RUN, _RUN.pattern),
    (re.compile(r"(commit,|at) [0-9a-f]{8}"), "(commit,|at) [0-9a-f]{8}"),
    (re.compile(r"\d+(\.\d+)?(e-\d+)?"), r"\d+(\.\d+)?(e-\d+)?"),
    (re.compile(r" +"), r"\s+"),
]


def blocks(page, language):
    """The blocks of a language that a page has."""
    return [found["text"] for found in _BLOCK.finditer(page) if found["language"] == language]


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
    """What a shown line stands for: figures, runs, commits and widths differ among machines."""
    text, expression = line.strip(), ""
    while text:
        kind = next(
            ((found, any_) for shape, any_ in _VARYING if (found := shape.match(text))), None
        )
        expression += kind[1] if kind else re.escape(text[0])
        text = text[kind[0].end() if kind else 1 :]
    return re.compile(rf"^\s*{expression}\s*$", re.MULTILINE)
