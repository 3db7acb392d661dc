"""How long work tells of itself without knowing who listens (a terminal, CI, nobody)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

QUIET = "MLOPS_QUIET"
"""Environment variable that silences the commands that a quiet command runs."""


class Task(Protocol):
    """One piece of long work that is under way."""

    def advance(self, steps: int = 1, **figures: float | str) -> None:
        """Moves on by `steps`, with the newest figures to show beside the bar."""


class Board(Protocol):
    """A table of many jobs, some of which are under way."""

    def show(self, row: str, state: str, **cells: float | str) -> None:
        """Sets the state and the cells of a row; one that is not there yet is added."""

    def head(self, text: str) -> None:
        """Sets the line above the table: how far all of it is."""


class Reporter(Protocol):
    """What a stage may say while it runs. `output.Output` implements it."""

    def info(self, message: str) -> None:
        """Says one line a person wants to read once (a guess made, a file written)."""

    def warn(self, message: str) -> None:
        """Says one line that may need an action."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Task]:
        """Shows progress of `total` steps (None: unknown) while the context lasts."""
        ...

    @contextmanager
    def board(self, title: str) -> Iterator[Board]:
        """Shows a table of jobs while the context lasts."""
        ...


class _SilentTask:
    def advance(self, steps: int = 1, **figures: float | str) -> None:
        """Says nothing."""


class _SilentBoard:
    def show(self, row: str, state: str, **cells: float | str) -> None:
        """Says nothing."""

    def head(self, text: str) -> None:
        """Says nothing."""


class SilentReporter:
    """Says nothing: for library use and tests."""

    def info(self, message: str) -> None:
        """Says nothing."""

    def warn(self, message: str) -> None:
        """Says nothing."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Task]:
        """Shows nothing."""
        yield _SilentTask()

    @contextmanager
    def board(self, title: str) -> Iterator[Board]:
        """Shows nothing."""
        yield _SilentBoard()
