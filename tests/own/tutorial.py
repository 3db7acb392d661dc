"""The tutorial: its pages, and a shell in which a person types its commands."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import yaml
from own.shown import commands

REPOSITORY = Path(__file__).resolve().parents[2]
END = "the-end-of-it"


def pages():
    """The pages, in the order of the menu."""
    config = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text("utf-8"))
    entries = next(one["Tutorial"] for one in config["nav"] if "Tutorial" in one)
    return [REPOSITORY / "docs" / path for entry in entries for path in entry.values()]


def elsewhere(name, places):
    """A page in which other places stand, and the words of each command in its shell blocks.

    These need what not every machine has: tests of that type them, without the `mlops`.

    Args:
        places: What stands there, and what it is in the test.
    """
    text = (REPOSITORY / "docs" / "tutorial" / name).read_text("utf-8")
    for told, here in places.items():
        assert told in text, f"{name}: {told}"
        text = text.replace(told, here)
    return text, list(commands(text))


class Shell:
    """A shell that a person types in: what a command leaves behind, the next one finds."""

    def __init__(self, folder, **variables):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={**os.environ, "PATH": path, "COLUMNS": "100", **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def type(self, command):
        """Exit code and output of a command."""
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\ncode=$?; echo; echo {END} $code\n")
        self._process.stdin.flush()
        lines = list(itertools.takewhile(lambda line: not line.startswith(END), self._lines()))
        return self._code, "".join(lines)

    def _lines(self):
        for line in self._process.stdout:
            self._code = int(line.split()[-1]) if line.startswith(END) else -1
            yield line

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
