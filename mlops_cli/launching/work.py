"""The loop that keeps a launcher busy until every job has ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlops_cli.launching import Ended, Job, Launcher
from mlops_cli.reporting import Reporter

_WAIT_SECONDS = 0.5


def work(
    launcher: Launcher,
    upcoming: Callable[[], Job | None],
    ended: Callable[[Ended], None],
    tick: Callable[[], None],
    reporter: Reporter,
    *,
    slots: int,
    retries: int,
) -> None:
    """Runs jobs until `upcoming` has no more and the last has ended.

    Args:
        launcher: Where they run. Ctrl-C, or any error, cancels what runs there.
        upcoming: The next job, asked for when there is room; None: none for now.
        ended: Told of each job that ended by its own doing, or was lost too often.
        tick: Called about twice a second.
        reporter: Told of lost jobs.
        slots: Jobs at once.
        retries: How often a lost job is started again.
    """
    running: dict[str, Job] = {}
    lost: dict[str, int] = {}
    with _closing(launcher):
        while True:
            while len(running) < slots and (job := upcoming()) is not None:
                running[job.id] = job
                launcher.submit(job)
            if not running:
                return
            for end in launcher.wait(_WAIT_SECONDS):
                job = running.pop(end.id)
                lost[end.id] = lost.get(end.id, 0) + (end.exit_code is None)
                if end.exit_code is None and lost[end.id] <= retries:
                    reporter.warn(f"{end.id} was lost with its machine: started again")
                    running[job.id] = job
                    launcher.submit(job)
                else:
                    ended(end)
            tick()


@contextmanager
def _closing(launcher: Launcher) -> Iterator[None]:
    try:
        yield
    finally:
        launcher.close()
