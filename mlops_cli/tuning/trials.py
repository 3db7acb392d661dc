"""The trials of a study as jobs: what is tried next, what came of it, which is ended early."""

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from optuna.trial import Trial, TrialState

from mlops_cli import config as configs
from mlops_cli.config.grids import value_word
from mlops_cli.config.overrides import parse
from mlops_cli.errors import ConfigError, MlopsError
from mlops_cli.launching import Ended, Job, Launcher
from mlops_cli.launching.results import Outcome, belongs, outcome, validations
from mlops_cli.reporting import Board
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.tracking.record import Run, runs_folder
from mlops_cli.tuning.plan import SECONDS
from mlops_cli.tuning.study import RUN, Study
from mlops_cli.wording import counted

_HOPELESS = 3
"""So many failed trials before one that did not: the rest would fail as well."""


@dataclass
class _Live:
    """A trial under way."""

    trial: Trial
    words: list[str]
    reported: set[int] = field(default_factory=set)
    ended_early: bool = False


class Trials:
    """Hands out trials until there are enough.

    Args:
        study: Where they are recorded.
        root: The project.
        launcher: Ends the trials that are pruned.
        board: Shows them.
        trainer: Over how many machines and processes each is trained.
        most: Trials in all.
        timeout: Seconds after which none begins.
    """

    def __init__(
        self,
        study: Study,
        root: Path,
        launcher: Launcher,
        board: Board,
        trainer: TrainerConfig,
        *,
        most: int,
        timeout: float | None,
    ) -> None:
        self._study, self._root, self._launcher, self._board = study, root, launcher, board
        self._trainer, self._most = trainer, most
        self._until = math.inf if timeout is None else time.monotonic() + timeout
        self._live: dict[str, _Live] = {}
        self._left = study.taken_up()
        # What failed in an earlier call (a full disk, a missing file) gets another trial.
        self._failed_before = sum(trial.state == TrialState.FAIL for trial in study.trials())
        self._exhausted = False
        self.errors: list[str] = []

    def upcoming(self) -> Job | None:
        """The job of a trial that was left behind, else of a new one."""
        if self._left:
            trial = self._left.pop(0)
            return self._job(trial, str(trial.user_attrs[RUN]))
        while self._may_begin():
            name = self._study.plan.name
            number = len(self._study.trials())
            run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{name}-{number:03}"
            asked = self._study.ask(run)
            if asked is None:
                self._exhausted = True
                return None
            words = self._words(asked)
            try:
                configs.load([*self._study.plan.fixed, *words], root=self._root)
            except ConfigError as error:
                self._failed(asked, words, error.message)
                continue
            return self._job(asked, run)
        return None

    def _may_begin(self) -> bool:
        hopeless = len(self.errors) >= _HOPELESS and len(self.errors) == self._ended()
        late = time.monotonic() >= self._until
        enough = len(self._study.trials()) - self._failed_before >= self._most
        return not (self._exhausted or hopeless or late or enough)

    def ended(self, end: Ended) -> None:
        """Notes what a job left behind."""
        live = self._live.pop(end.id)
        trial, plan = live.trial, self._study.plan
        belongs(self._root, end.id, study=plan.name, trial=trial.number)
        found = outcome(self._root, end.id, self._log(end.id), end.exit_code)
        self._report(end.id, live)
        if found.status == "finished":
            self._finished(trial, live.words, end.id, found)
        elif live.ended_early:
            self._study.prune(trial)
            self._show(trial, live.words, "pruned")
        else:
            self._failed(trial, live.words, found.error)

    def tick(self) -> None:
        """Shows how far the trials are, and ends those that will not be among the best."""
        for run, live in self._live.items():
            self._report(run, live)
            judged = live.reported and self._study.plan.pruner != "none"
            if judged and not live.ended_early and live.trial.should_prune():
                live.ended_early = True
                self._launcher.cancel(run)
        best = self._study.best()
        said = f"{self._ended()} of {counted(self._most, 'trial')}"
        if best and len(self._study.plan.objectives) == 1:
            values = {trial.number: trial.values for trial in self._study.trials()}
            said += f", best {self._study.plan.objectives[0]} {values[best[0]][0]:.4f}"
        self._board.head(said)

    def _ended(self) -> int:
        ended = sum(trial.state.is_finished() for trial in self._study.trials())
        return ended - self._failed_before

    def _job(self, trial: Trial, run: str) -> Job:
        words = self._words(trial)
        frozen = next(t for t in self._study.trials() if t.number == trial.number)
        self._live[run] = _Live(trial, words, set(frozen.intermediate_values))
        self._show(trial, words, "running")
        plan = self._study.plan
        options = ["--run-id", run, "--json", *([] if plan.validate else ["--no-validate"])]
        return Job(
            id=run,
            words=("train", *plan.fixed, *words, *options),
            folder=(self._root / plan.folder).resolve(),
            log=self._log(run),
            nodes=self._trainer.nodes,
            processes=self._trainer.processes,
        )

    def _words(self, trial: Trial) -> list[str]:
        return [value_word(axis, trial.params[axis.key]) for axis in self._study.plan.axes]

    def _log(self, run: str) -> Path:
        return self._study.folder / "logs" / f"{run}.log"

    def _report(self, run: str, live: _Live) -> None:
        """Passes on the validations that are new; Optuna judges one objective alone."""
        plan = self._study.plan
        if plan.objectives[0] == SECONDS:
            return
        for epoch, value in validations(self._root, run, f"val/{plan.objectives[0]}"):
            if epoch not in live.reported and math.isfinite(value):
                live.reported.add(epoch)
                if len(plan.objectives) == 1:
                    live.trial.report(value, epoch)
                self._show(live.trial, live.words, "running", epoch=str(epoch), now=value)

    def _finished(self, trial: Trial, words: list[str], run: str, found: Outcome) -> None:
        plan = self._study.plan
        values = [
            found.seconds if name == SECONDS else found.metrics.get(f"val/{name}", math.nan)
            for name in plan.objectives
        ]
        for name, value in zip(plan.objectives, values, strict=True):
            if not math.isfinite(value):
                self._failed(trial, words, f"{name} is {value}")
                return
        # Only an unfinished run can be resumed, and a search makes many: this is most of a run.
        (Run(runs_folder(self._root) / run).checkpoints / "last.ckpt").unlink(missing_ok=True)
        self._study.finish(trial, values)
        self._show(trial, words, "finished", **dict(zip(plan.objectives, values, strict=True)))

    def _failed(self, trial: Trial, words: list[str], error: str) -> None:
        self.errors.append(error)
        self._study.fail(trial, error)
        self._show(trial, words, "failed", error=error)

    def _show(self, trial: Trial, words: list[str], state: str, **figures: float | str) -> None:
        settings = {word.key: word.choice for word in map(parse, words)}
        self._board.show(f"trial {trial.number}", state, **settings | figures)


def states(state: TrialState) -> str:
    """What we call a state of Optuna's."""
    return {
        TrialState.COMPLETE: "finished",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }.get(state, "running")


def require_one(study: Study, errors: list[str]) -> None:
    """Raises MlopsError where every trial failed, with the first error."""
    trials = study.trials()
    if trials and all(trial.state == TrialState.FAIL for trial in trials):
        first = errors[0] if errors else str(trials[0].user_attrs.get("error", "unknown"))
        many = f"all {len(trials)} trials" if len(trials) > 1 else "the one trial"
        raise MlopsError(
            f"{many} of study {study.plan.name} failed: {first}",
            hint=f"what the first said: {study.folder / 'logs'}",
        )
