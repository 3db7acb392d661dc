"""Stage `train -m`: a grid of runs, each in a process of its own."""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli import launching
from mlops_cli.config import grids
from mlops_cli.config.overrides import parse
from mlops_cli.errors import Interrupted, MlopsError, UsageError
from mlops_cli.launching import Ended, Job, began
from mlops_cli.launching.results import Outcome, belongs, outcome, validations
from mlops_cli.launching.work import work
from mlops_cli.lock import alone
from mlops_cli.reporting import Board, Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.sweep import SweepGroup, SweepResult, SweepRun
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.sweeping import record
from mlops_cli.sweeping.record import Planned, Sweep
from mlops_cli.wording import counted

OURS = ("launcher", "tune")
"""Groups that say how many runs are made, and mean nothing to a single one."""


def run(
    words: Sequence[str],
    root: Path,
    reporter: Reporter,
    *,
    jobs: int | None = None,
    validate: bool = True,
) -> SweepResult:
    """Trains every combination of the words' values.

    Args:
        words: `KEY=VALUE` words; those with several values span the grid.
        root: The project.
        reporter: Told of progress.
        jobs: Runs at once; None: what the launcher says.
        validate: Let each job check its data.

    Raises:
        ConfigError: A word or a combination is wrong; nothing was started.
        Interrupted: Ctrl-C; what ran is saved.
    """
    grid = grids.grid(words, root)
    config = configs.load([*grid.fixed, *grid.points[0]], root=root)
    sweep = record.create(root, grid.fixed, grid.points, validate=validate)
    return _work(sweep, config, root, reporter, jobs)


def resume(
    reference: str,
    words: Sequence[str],
    root: Path,
    reporter: Reporter,
    *,
    jobs: int | None = None,
) -> SweepResult:
    """Goes on with a sweep: finished runs stay, interrupted ones go on, failed ones try again.

    Args:
        reference: The sweep's id, its beginning, or `latest`.
        words: Nothing; settings are the sweep's own.
        root: The project.
        reporter: Told of progress.
        jobs: Runs at once.

    Raises:
        UsageError: Settings were given.
        NotFoundError: There is no such sweep.
    """
    if words:
        raise UsageError(
            f"--resume keeps the sweep's own settings, so {words[0]} can't be changed",
            hint=f"mlops train -m {' '.join(words)} starts a new sweep",
        )
    sweep = record.find(root, reference)
    config = configs.load([*sweep.fixed, *sweep.runs[0].words], root=root)
    return _work(sweep, config, root, reporter, jobs)


def _work(
    sweep: Sweep, config: Config, root: Path, reporter: Reporter, jobs: int | None
) -> SweepResult:
    """Runs what has not finished, and tells what came out."""
    settings = dataclasses.replace(config.launcher, jobs=jobs or config.launcher.jobs)
    with alone(sweep.path, f"sweep {sweep.id}"), reporter.board(f"sweep {sweep.id}") as board:
        places = (root / sweep.folder, root)
        began.compare(sweep.path, f"sweep {sweep.id}", config, places, reporter)
        driver = _Driver(sweep, root, config.trainer, board)
        reporter.info(f"sweep {sweep.id}: {driver.describe()}")
        launcher = launching.create(settings, root)
        try:
            work(
                launcher,
                driver.upcoming,
                driver.ended,
                driver.tick,
                reporter,
                slots=settings.jobs or launcher.slots,
                retries=settings.retries,
            )
        except KeyboardInterrupt as stop:
            raise Interrupted(
                f"interrupted; sweep {sweep.id} is saved",
                hint=f"mlops train -m --resume {sweep.id}",
            ) from stop
    return _result(sweep, root, driver)


class _Driver:
    """Hands out the runs that are still to be made, and keeps the table."""

    def __init__(self, sweep: Sweep, root: Path, trainer: TrainerConfig, board: Board) -> None:
        self._sweep, self._root, self._board = sweep, root, board
        self._trainer, self.monitor = trainer, trainer.monitor
        self.outcomes = {run.run: self._look(run) for run in sweep.runs}
        self._waiting = [run for run in sweep.runs if self.outcomes[run.run].status != "finished"]
        self._running: dict[str, Planned] = {}
        for run, found in self.outcomes.items():
            # Its driver may have been killed before the run ended.
            if found.status == "finished":
                belongs(root, run, sweep=sweep.id)

    def describe(self) -> str:
        """How much there is to do."""
        runs, done = len(self._sweep.runs), len(self._sweep.runs) - len(self._waiting)
        return counted(runs, "run") + (f", {done} of them finished before" if done else "")

    def upcoming(self) -> Job | None:
        """The next run's job."""
        if not self._waiting:
            return None
        planned = self._waiting.pop(0)
        self._running[planned.run] = planned
        self._board.show(_row(planned), "running", **_shown(planned))
        words = [word for word in self._sweep.fixed if parse(word).group not in OURS]
        return Job(
            id=planned.run,
            words=(
                "train",
                *words,
                *planned.words,
                "--run-id",
                planned.run,
                "--json",
                *(() if self._sweep.validate else ("--no-validate",)),
            ),
            folder=(self._root / self._sweep.folder).resolve(),
            log=self._sweep.log(planned.run),
            nodes=self._trainer.nodes,
            processes=self._trainer.processes,
        )

    def ended(self, end: Ended) -> None:
        """Takes down how a job ended."""
        planned = self._running.pop(end.id)
        belongs(self._root, end.id, sweep=self._sweep.id)
        found = self._look(planned, end.exit_code)
        self.outcomes[end.id] = found
        score = found.metrics.get(f"val/{found.monitor}")
        figures: dict[str, float | str] = {} if score is None else {found.monitor: score}
        if found.error:
            figures["error"] = found.error
        self._board.show(_row(planned), found.status, **_shown(planned), **figures)

    def tick(self) -> None:
        """Shows how far the runs are."""
        done = sum(found.status == "finished" for found in self.outcomes.values())
        self._board.head(f"{done} of {len(self._sweep.runs)} finished")
        for planned in self._running.values():
            known = list(validations(self._root, planned.run, f"val/{self.monitor}"))
            if known:
                epoch, value = known[-1]
                figures: dict[str, float | str] = {self.monitor: value, "epoch": str(epoch)}
                self._board.show(_row(planned), "running", **_shown(planned), **figures)

    def _look(self, planned: Planned, exit_code: int | None = 0) -> Outcome:
        return outcome(self._root, planned.run, self._sweep.log(planned.run), exit_code)


def _row(planned: Planned) -> str:
    return planned.run.rpartition("-")[2]


def _shown(planned: Planned) -> dict[str, float | str]:
    return dict(_settings(planned.words))


def _settings(words: Sequence[str]) -> dict[str, str]:
    """What the words set, by key."""
    return {word.key: word.choice for word in map(parse, words)}


def _result(sweep: Sweep, root: Path, driver: _Driver) -> SweepResult:
    monitor = next((out.monitor for out in driver.outcomes.values() if out.monitor), driver.monitor)
    runs = [
        SweepRun(
            run=planned.run,
            settings=_settings(planned.words),
            status=found.status,
            score=found.metrics.get(f"val/{monitor}"),
            metrics=found.metrics,
            seconds=found.seconds,
            error=found.error,
        )
        for planned in sweep.runs
        for found in (driver.outcomes[planned.run],)
    ]
    sign = -1 if HIGHER_IS_BETTER.get(monitor, True) else 1
    runs.sort(key=lambda run: _order(run.score, sign))
    failed = [run for run in runs if run.status != "finished"]
    if len(failed) == len(runs):
        many = f"all {len(runs)} runs" if len(runs) > 1 else "the one run"
        raise MlopsError(
            f"{many} of sweep {sweep.id} failed: {failed[0].error}",
            hint=f"what it said: {sweep.log(failed[0].run)}",
        )
    return SweepResult(
        sweep=sweep.id,
        path=sweep.path,
        monitor=monitor,
        runs=runs,
        groups=sorted(_groups(runs), key=lambda group: sign * group.mean),
        failed=len(failed),
    )


def _order(score: float | None, sign: int) -> tuple[bool, float]:
    """Sorts the best first, and what has no score last."""
    known = score is not None and not math.isnan(score)
    return (not known, sign * score if known and score is not None else 0.0)


def _groups(runs: Sequence[SweepRun]) -> list[SweepGroup]:
    """Runs that differ by their seed alone, put together; none where no seed is swept."""
    if not any("seed" in run.settings for run in runs):
        return []
    scores: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for run in runs:
        if run.score is not None:
            rest = tuple(item for item in run.settings.items() if item[0] != "seed")
            scores.setdefault(rest, []).append(run.score)
    return [
        SweepGroup(
            settings=dict(rest),
            runs=len(found),
            mean=statistics.fmean(found),
            std=statistics.stdev(found) if len(found) > 1 else None,
        )
        for rest, found in scores.items()
    ]


def require_all(result: SweepResult) -> None:
    """Raises MlopsError where a run failed, with the first error."""
    if result.failed:
        first = next(run for run in result.runs if run.status != "finished")
        raise MlopsError(
            f"{result.failed} of {len(result.runs)} runs failed; {first.run}: {first.error}",
            hint=f"mlops train -m --resume {result.sweep} tries them again",
        )
