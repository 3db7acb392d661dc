"""The progress bars of a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
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
