"""The only printer: results on stdout for people or as JSON, everything else on stderr."""

import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlops_cli import place as places
from mlops_cli.errors import MissingDependencyError, MlopsError
from mlops_cli.reporting import QUIET, Board, SilentReporter, Task
from mlops_cli.schemas.plain import plain

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.progress import Bars

_PLAIN_SECONDS = 5.0
"""Where stderr is no terminal, long work says one line this often."""

_CONTROLS = dict.fromkeys(map(ord, "\a\b\v\f\r"))
"""What would move the cursor where a log is shown; Rich leaves it out on a terminal."""


class _PlainTask:
    """Progress as plain lines, for CI logs."""

    def __init__(self, description: str, total: int | None) -> None:
        self._description, self._total = description, total
        self._done, self._said = 0, time.monotonic()
        self._figures: dict[str, float | str] = {}

    def advance(self, steps: int = 1, **figures: float | str) -> None:
        self._done += steps
        self._figures |= figures
        finished = self._total is not None and self._done - steps < self._total <= self._done
        if not finished and time.monotonic() - self._said < _PLAIN_SECONDS:
            return
        self._said = time.monotonic()
        share = f"{self._done}/{self._total}" if self._total else str(self._done)
        sys.stderr.write(f"{self._description} {share} {_shown(self._figures)}".rstrip() + "\n")
        sys.stderr.flush()


class _PlainBoard:
    """A table of jobs as plain lines, one for each change of a state, for CI logs."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}

    def show(self, row: str, state: str, **cells: float | str) -> None:
        if self._states.get(row) != state:
            self._states[row] = state
            sys.stderr.write(f"{row} {state} {_shown(cells)}".rstrip() + "\n")
            sys.stderr.flush()

    def head(self, text: str) -> None:
        """The lines of the jobs say it all."""


def reopen_closed_streams() -> None:
    """Gives what is printed somewhere to go where our caller closed it, as `>&-` does."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # For the rest of the process, as the streams that Python opens.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


class Output:
    """What a command says. Implements `reporting.Reporter`.

    Args:
        json_mode: Print the result as one JSON object and no decoration.
        quiet: Say nothing but payload, warnings and errors.
    """

    def __init__(self, *, json_mode: bool = False, quiet: bool = False) -> None:
        self.json_mode = json_mode
        # Of several processes that train together, one talks.
        self._follows = not places.here().leads
        self.quiet = quiet or self._follows or QUIET in os.environ
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that can't show a character must not end the work.
                stream.reconfigure(errors="backslashreplace")

    def info(self, message: str) -> None:
        """One line on stderr, unless quiet."""
        if not self.quiet:
            self._say(message, style="dim")

    def warn(self, message: str) -> None:
        """One line on stderr, always."""
        if not self._follows:
            self._say(f"warning: {message}", style="yellow")

    def error(self, error: MlopsError) -> None:
        """The error on stderr: a sentence and a hint, or an object in JSON mode."""
        if self._follows and not isinstance(error, MissingDependencyError):
            return  # The one that talks says it; what is not installed may be missing here only.
        if self.json_mode:
            fields = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
            sys.stderr.write(json.dumps(fields, ensure_ascii=False) + "\n")
            return
        self._say(f"error: {error.message}", style="bold red")
        if error.hint:
            self._say(f"hint: {error.hint}", style="cyan")

    def result(
        self,
        title: str,
        result: Any,
        *,
        next_step: str = "",
        lines: Any = None,
        failed: bool = False,
    ) -> None:
        """The result of a command on stdout.

        Args:
            title: One sentence that says what was done.
            result: A dataclass (or mapping) with everything a program may want.
            next_step: The command a person types next.
            lines: What to show a person below the title: plain text or a rich renderable.
            failed: The work was done, and what it found is not good.
        """
        if self.json_mode and not self._follows:
            _write(json.dumps(plain(result), ensure_ascii=False) + "\n")
            return
        if self.quiet:
            return
        mark, style = ("✗", "bold red") if failed else ("✓", "bold green")
        if not _coloured(sys.stdout) and (lines is None or isinstance(lines, str)):
            said = [f"{mark} {title}", lines, f"next: {next_step}" if next_step else None]
            _write("".join(f"{line}\n" for line in said if line is not None).translate(_CONTROLS))
            return
        # Takes as long to import as a short command does its work.
        from rich.console import Console
        from rich.text import Text

        console = Console(highlight=False)
        console.print(Text.assemble((f"{mark} ", style), title), soft_wrap=True)
        if isinstance(lines, str):
            console.print(Text(lines), soft_wrap=True)
        elif lines is not None:
            console.print(lines)
        if next_step:
            console.print(Text.assemble(("next: ", "dim"), (next_step, "bold")), soft_wrap=True)

    def data(self, text: str, *, language: str = "") -> None:
        """Payload on stdout, as it is (quiet mode does not silence it).

        Args:
            text: The payload.
            language: What to highlight it as on a terminal, such as `yaml`.
        """
        if language and sys.stdout.isatty():
            from rich.console import Console
            from rich.syntax import Syntax

            Console().print(
                Syntax(text.rstrip(), language, theme="ansi_dark", background_color="default")
            )
            return
        _write(text if text.endswith("\n") else text + "\n")

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Task]:
        """A progress bar on a terminal, plain lines elsewhere, nothing when quiet."""
        if self.quiet:
            with SilentReporter().task(description, total) as silence:
                yield silence
        elif sys.stderr.isatty():
            with self._bars.bar(description, total) as bar:
                yield bar
        else:
            yield _PlainTask(description, total)

    @contextmanager
    def board(self, title: str) -> Iterator[Board]:
        """A live table on a terminal, plain lines elsewhere, nothing when quiet."""
        if self.quiet:
            with SilentReporter().board(title) as silence:
                yield silence
        elif sys.stderr.isatty():
            from mlops_cli.progress import live_table

            with live_table(self._console, title) as board:
                yield board
        else:
            yield _PlainBoard()

    @cached_property
    def _console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    @cached_property
    def _bars(self) -> "Bars":
        from mlops_cli.progress import Bars

        return Bars(self._console)

    def _say(self, message: str, *, style: str) -> None:
        if not _coloured(sys.stderr):
            sys.stderr.write(message + "\n")
            return
        from rich.text import Text

        self._console.print(Text(message, style=style), soft_wrap=True)


def _coloured(stream: TextIO) -> bool:
    """Whether Rich is to write there: on a terminal, and where a CI log shows colours."""
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _write(text: str) -> None:
    """Text on stdout, at once: a server's address is read while it runs."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _shown(figures: dict[str, float | str]) -> str:
    shown = (f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())
    return " ".join(shown)
