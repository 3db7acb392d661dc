"""The measurements in a run's record, numbered from 0, for those who send them elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_NOT_FIGURES = ("step", "epoch", "time")


@dataclass(frozen=True)
class Line:
    """One line of `metrics.jsonl` or `system.jsonl`.

    Attributes:
        number: Its place in the file, from 0. A resumed run writes the lines after its checkpoint
            anew, the same ones in the same order: the number names a line for good.
        step: Optimiser steps done; 0 for what is not measured by steps.
        time: When it was written, in seconds since 1970.
        metrics: The figures that are numbers.
    """

    number: int
    step: int
    time: float
    metrics: dict[str, float]


class Tail:
    """Reads the whole lines of a file that is still being written.

    Args:
        path: The file; it need not be there yet.
        skip: Lines at the beginning that are of no interest any more.
    """

    def __init__(self, path: Path, *, skip: int = 0) -> None:
        self._path, self._skip = path, skip
        self._offset, self._number = 0, 0

    def new(self) -> list[Line]:
        """The lines that were written since the last call."""
        return [line for line in self._read() if line.number >= self._skip]

    def _read(self) -> Iterator[Line]:
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(self._offset)
            for raw in stream:
                if not raw.endswith(b"\n"):
                    return
                self._offset += len(raw)
                line = _parsed(raw, self._number)
                if line is not None:
                    self._number += 1
                    yield line


def count(path: Path) -> int:
    """How many lines the file has."""
    return len(Tail(path).new())


def _parsed(raw: bytes, number: int) -> Line | None:
    """A line; None for one that was cut off by a kill."""
    try:
        content: dict[str, Any] = json.loads(raw)
        written = datetime.fromisoformat(content["time"]).timestamp()
        step = int(content.get("step", 0))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    figures = {
        name: float(value)
        for name, value in content.items()
        if name not in _NOT_FIGURES
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    }
    return Line(number, step, written, figures)
