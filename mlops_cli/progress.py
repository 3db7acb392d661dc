"""The progress bars and the live tables of a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

_COLOURS = {"running": "cyan", "finished": "green", "failed": "red", "pruned": "yellow"}


class Bar:
    """One bar; implements `reporting.Task`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._figures: dict[str, float | str] = {}

    def advance(self, steps: int = 1, **figures: float | str) -> None:
        """Moves on by `steps`; the figures stand beside the bar."""
        self._figures |= figures
        shown = " ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self._figures.items()
        )
        self._progress.update(self._task, advance=steps, figures=shown)


class Bars:
    """The bars under way, one below the other, on stderr; each is gone when its work is done."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", style="cyan"),
            console=console,
            transient=True,
        )
        self._open = 0

    @contextmanager
    def bar(self, description: str, total: int | None) -> Iterator[Bar]:
        """A bar with count, time left and the newest figures, while the context lasts."""
        if self._open == 0:
            self._progress.start()
        self._open += 1
        task = self._progress.add_task(description, total=total, figures="")
        try:
            yield Bar(self._progress, task)
        finally:
            self._open -= 1
            self._progress.remove_task(task)
            if self._open == 0:
                self._progress.stop()


class LiveTable:
    """Jobs, one a row; implements `reporting.Board`.

    Those that run are always to be seen, of the others the latest that fit.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title, self._head = console, title, ""
        self._rows: dict[str, tuple[str, dict[str, float | str]]] = {}

    def show(self, row: str, state: str, **cells: float | str) -> None:
        """Sets the state and the cells of a row."""
        before = self._rows.pop(row, ("", {}))
        self._rows[row] = (state, before[1] | cells)

    def head(self, text: str) -> None:
        """Sets the line above the table."""
        self._head = text

    def __rich__(self) -> Table:
        """The table as it is now; asked for some times a second."""
        room = max(3, self._console.height - 5)
        rows = dict(self._rows)  # at once: another thread draws
        seen = sorted(rows, key=lambda row: rows[row][0] == "running")[-room:]
        columns = list(dict.fromkeys(name for row in seen for name in rows[row][1]))
        title = Text.assemble((self._title, "bold"), "  ", self._head)
        table = Table(box=None, pad_edge=False, header_style="dim", title=title)
        table.title_justify = "left"
        for name in ("", "", *columns):
            table.add_column(name, no_wrap=True)
        for row in seen:
            state, cells = rows[row]
            shown = [cells.get(name, "") for name in columns]
            texts = [f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in shown]
            table.add_row(row, Text(state, style=_COLOURS.get(state, "")), *map(Text, texts))
        return table


@contextmanager
def live_table(console: Console, title: str) -> Iterator[LiveTable]:
    """A table on stderr that follows its jobs, and is gone when the work is done."""
    table = LiveTable(console, title)
    with Live(table, console=console, transient=True, refresh_per_second=4):
        yield table
