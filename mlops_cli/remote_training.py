"""Stage `train launcher=…`: one training where a launcher runs it, watched from here."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli import launching
from mlops_cli.config.overrides import parse
from mlops_cli.errors import Interrupted, TrainingError
from mlops_cli.launching import Ended, Job
from mlops_cli.launching.results import Outcome, outcome, validations
from mlops_cli.launching.work import work
from mlops_cli.reporting import Reporter, Task
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult, summary
from mlops_cli.tracking import finding, record
from mlops_cli.tracking.record import Run


def run(
    config: Config,
    root: Path,
    overrides: Sequence[str],
    reporter: Reporter,
    *,
    validate: bool = True,
) -> TrainResult:
    """Sends one training to a launcher and waits for it.

    Args:
        config: The resolved config.
        root: The project, which the machines of the launcher see under the same path.
        overrides: What was typed.
        reporter: Told of progress.
        validate: Let the job check its data.

    Raises:
        TrainingError: It failed, or was lost too often.
        Interrupted: Ctrl-C; the run is saved.
    """
    run_id = record.new_id(config.model.name)
    words = [word for word in overrides if not _of_launcher(word)]
    options = ["--run-id", run_id, *([] if validate else ["--no-validate"])]
    return _send([*words, *options], run_id, config, root, reporter)


def resume(root: Path, reference: str, overrides: Sequence[str], reporter: Reporter) -> TrainResult:
    """Sends the rest of a training to a launcher and waits for it; see `training.resume`.

    Args:
        root: The project.
        reference: What names the run; see `finding.find`.
        overrides: What was typed: the launcher, and what may change on a resume.
        reporter: Told of progress.
    """
    found = finding.find(root, reference)
    config = configs.from_yaml(found.config_text(), root=root)
    shape = [word for word in overrides if not _of_launcher(word)]
    asked = configs.load(overrides, root=root)
    config = dataclasses.replace(config, launcher=asked.launcher)
    if shape:
        config = dataclasses.replace(config, trainer=asked.trainer)
    return _send(["--resume", found.id, *shape], found.id, config, root, reporter)


def is_wanted(config: Config) -> bool:
    """Whether a training is to be sent away."""
    return (config.launcher.module or config.launcher.name) != "local"


def names_launcher(overrides: Sequence[str]) -> bool:
    """Whether a launcher was typed."""
    return any(_of_launcher(word) for word in overrides)


def _of_launcher(word: str) -> bool:
    return parse(word).group == "launcher"


def _send(
    words: Sequence[str], run_id: str, config: Config, root: Path, reporter: Reporter
) -> TrainResult:
    """Starts `mlops train` with these words elsewhere, and waits for its run."""
    settings = config.launcher
    job = Job(
        id=run_id,
        words=("train", *words, "--json"),
        folder=Path.cwd(),
        log=record.runs_folder(root) / ".jobs" / f"{run_id}.log",
        nodes=config.trainer.nodes,
        processes=config.trainer.processes,
    )
    again = f"mlops train --resume {run_id} launcher={settings.name}"
    submitted = f"run {run_id} on {settings.name}; its log is {job.log}"
    with reporter.task(f"training on {settings.name}", config.epochs) as bar:
        watch = _Watch(job, root, config, bar, lambda: reporter.info(submitted))
        try:
            work(
                launching.create(settings, root),
                watch.upcoming,
                watch.ended,
                watch.tick,
                reporter,
                slots=1,
                retries=settings.retries,
            )
        except KeyboardInterrupt as stop:
            raise Interrupted(f"interrupted; run {run_id} is saved", hint=again) from stop
    return _result(watch.outcome, Run(record.runs_folder(root) / run_id), config, again)


class _Watch:
    """Hands out the one job, says once that it is on its way, and shows how far its run is."""

    def __init__(
        self, job: Job, root: Path, config: Config, bar: Task, submitted: Callable[[], None]
    ) -> None:
        self._waiting: list[Job] = [job]
        self._unsaid: list[Callable[[], None]] = [submitted]
        self._job, self._root, self._bar = job, root, bar
        self._metric = f"val/{config.trainer.monitor}"
        self._shown = 0
        self.outcome = Outcome("absent")

    def upcoming(self) -> Job | None:
        """The job, the first time."""
        return self._waiting.pop() if self._waiting else None

    def ended(self, end: Ended) -> None:
        """Takes down how it ended."""
        self.tick()
        self.outcome = outcome(self._root, self._job.id, self._job.log, end.exit_code)

    def tick(self) -> None:
        """Shows the epochs that were validated since the last look."""
        # The first look comes after the job was submitted, which may have failed.
        while self._unsaid:
            self._unsaid.pop()()
        for epoch, value in validations(self._root, self._job.id, self._metric):
            if epoch > self._shown:
                self._bar.advance(epoch - self._shown, **{self._metric: value})
                self._shown = epoch


def _result(outcome: Outcome, run: Run, config: Config, again: str) -> TrainResult:
    """What the finished run says; TrainingError where it is not finished."""
    if outcome.status != "finished":
        raise TrainingError(
            f"run {run.id} did not finish: {outcome.error or outcome.status}", hint=again
        )
    facts = run.read()
    name = "samples_per_second"
    speeds = [float(line[name]) for line in run.metrics() if name in line]
    monitor = outcome.monitor or config.trainer.monitor
    return TrainResult(
        run=run.id,
        path=run.path,
        model=config.model.name,
        metrics=outcome.metrics,
        epochs=float(facts.get("epochs") or 0),
        seconds=outcome.seconds,
        samples_per_second=speeds[-1] if speeds else 0.0,
        summary=summary(outcome.metrics, monitor),
    )
