"""The only printer: results on stdout for people or as JSON, everything else on stderr."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlops_cli.errors import MlopsError
from mlops_cli.schemas.results import plain

_PLAIN_SECONDS = 5.0
"""Where stderr is no terminal, long work says one line this often."""


class _PlainTask:
    """Progress as plain lines, for CI logs."""

    def __init__(self, description: str, total: int | None) -> None:
        self._description, self._total = description, total
        self._done, self._said = 0, time.monotonic()

    def advance(self, steps: int = 1, **figures: float | str) -> None:
        self._done += steps
        finished = self._total is not None and self._done >= self._total
        if not finished and time.monotonic() - self._said < _PLAIN_SECONDS:
            return
        self._said = time.monotonic()
        share = f"{self._done}/{self._total}" if self._total else str(self._done)
        sys.stderr.write(f"{self._description} {share} {_figures(figures)}".rstrip() + "\n")
        sys.stderr.flush()


class _SilentTask:
    def advance(self, steps: int = 1, **figures: float | str) -> None:
        """Shows nothing."""


class Output:
    """What a command says. Implements `reporting.Reporter`.

    Args:
        json_mode: Print the result as one JSON object and no decoration.
        quiet: Say nothing but the result's essence, warnings and errors.
    """

    def __init__(self, *, json_mode: bool = False, quiet: bool = False) -> None:
        self.json_mode = json_mode
        self.quiet = quiet

    def info(self, message: str) -> None:
        """One line on stderr, unless quiet."""
        if not self.quiet:
            _stderr(message, style="dim")

    def warn(self, message: str) -> None:
        """One line on stderr, always."""
        _stderr(f"warning: {message}", style="yellow")

    def error(self, error: MlopsError) -> None:
        """The error on stderr: a sentence and a hint, or an object in JSON mode."""
        if self.json_mode:
            fields = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
            sys.stderr.write(json.dumps(fields, ensure_ascii=False) + "\n")
            return
        _stderr(f"error: {error.message}", style="bold red")
        if error.hint:
            _stderr(f"hint: {error.hint}", style="cyan")

    def result(self, title: str, result: Any, *, next_step: str = "", lines: Any = None) -> None:
        """The result of a command on stdout.

        Args:
            title: One sentence that says what was done.
            result: A dataclass (or mapping) with everything a program may want.
            next_step: The command a person types next.
            lines: What to show a person below the title: a string or a rich renderable.
        """
        if self.json_mode:
            sys.stdout.write(json.dumps(plain(result), ensure_ascii=False) + "\n")
            return
        if self.quiet:
            return
        from rich.console import Console

        console = Console(highlight=False)
        console.print(f"[bold green]✓[/] {_escape(title)}")
        if lines is not None:
            console.print(lines)
        if next_step:
            console.print(f"[dim]next:[/] [bold]{_escape(next_step)}[/]", soft_wrap=True)

    def data(self, text: str) -> None:
        """Payload on stdout, as it is (quiet mode does not silence it)."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Any]:
        """A progress bar on a terminal, plain lines elsewhere, nothing when quiet."""
        if self.quiet:
            yield _SilentTask()
        elif sys.stderr.isatty():
            from mlops_cli.progress import bar

            with bar(description, total) as task:
                yield task
        else:
            yield _PlainTask(description, total)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _figures(figures: dict[str, float | str]) -> str:
    shown = (f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())
    return " ".join(shown)


def _stderr(message: str, *, style: str) -> None:
    if not sys.stderr.isatty():
        sys.stderr.write(message + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False).print(Text(message, style=style), soft_wrap=True)
