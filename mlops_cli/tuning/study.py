"""The study on disk, `studies/<name>/`, and all that is Optuna's.

- study.json: the plan
- began.json: the settings and data it began with, see `launching.began`
- experiment.sha256: of the experiment as it was written last
- journal.log: Optuna's journal of trials, to which lines are only added
- logs/<run>.log: what each job said
- report.html and pictures, made at the end
- lock: held by the process that works on it
"""

import itertools
import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from mlops_cli.errors import ConfigError
from mlops_cli.files import write_json
from mlops_cli.lock import alone
from mlops_cli.tuning import samplers
from mlops_cli.tuning.plan import Plan
from mlops_cli.tuning.records import damaged, find, studies_folder

RUN, ERROR, SAME = "run", "error", "same_as"
"""Attributes of ours: the trial's run, why it failed, the trial it repeats."""

_SETTLED = ("fixed", "axes", "objectives", "directions")
_FEWEST_FOR_IMPORTANCE = 4
_BEST = 0.25
"""The share of the trials that importance sets apart; Optuna's own, 0.1, suits hundreds of them."""
_MOST_REPEATS = 50


@contextmanager
def opened(root: Path, plan: Plan) -> Iterator["Study"]:
    """The study, new or gone on with, held by this process alone.

    Raises:
        ConfigError: There is a study of this name, with another space or other objectives.
        DataError: Its files can't be read.
        MlopsError: Another process works on it.
    """
    folder = studies_folder(root) / plan.name
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, f"study {plan.name}"):
        if (folder / "study.json").exists():
            _compare(find(root, plan.name), plan)
        else:
            write_json(folder / "study.json", plan.to_json())
        yield Study(folder, plan)


def _compare(known: Plan, plan: Plan) -> None:
    """Refuses to go on with a study as if it were another one."""
    for name in _SETTLED:
        if getattr(known, name) != getattr(plan, name):
            what = {"axes": "search space", "fixed": "settings"}.get(name, name)
            raise ConfigError(
                f"study {plan.name} is there already, with another {what}".replace(
                    "another settings", "other settings"
                ),
                hint=f"mlops tune --resume {plan.name}, or another --name",
            )


class Study:
    """An Optuna study and its plan.

    Args:
        folder: Where it is recorded.
        plan: What it is asked to do.

    Raises:
        DataError: The journal is damaged.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        optuna.logging.set_verbosity(logging.ERROR)
        warnings.filterwarnings("ignore", module="optuna")
        journal = folder / "journal.log"
        _cut_torn_line(journal)
        with suppress(FileNotFoundError):
            (folder / "journal.log.lock").unlink()  # of a process that was killed: `lock` is ours
        try:
            self._study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(journal))),
                study_name=plan.name,
                directions=[StudyDirection[word.upper()] for word in plan.directions],
                pruner=samplers.pruner(plan),
                load_if_exists=True,
            )
            self.trials()
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            raise damaged(plan.name, journal.name) from error
        self._space = {axis.key: samplers.distribution(axis) for axis in plan.axes}

    def trials(self) -> list[FrozenTrial]:
        """Every trial that has a run, in order."""
        found = self._study.get_trials(deepcopy=False)
        return [trial for trial in found if RUN in trial.user_attrs]

    def enqueue(self, params: dict[str, Any]) -> None:
        """Lets these values be tried next."""
        self._study.enqueue_trial(params)

    def ask(self, run: str) -> optuna.trial.Trial | None:
        """A new trial for the run; None where the space has nothing new.

        Points of a space without fractions come up again: they are given the value that is known,
        which the sampler learns from, and another is asked for.
        """
        for _ in range(_MOST_REPEATS):
            tried = self._study.get_trials(deepcopy=False)
            if self.plan.sampler == "grid":
                point = self._next_of_grid(tried)
                if point is None:
                    return None
                self._study.enqueue_trial(point)
            # Its randomness depends on the trial's number alone: a study that was killed goes on
            # with the points it would have tried.
            self._study.sampler = samplers.sampler(self.plan, len(tried))
            trial = self._study.ask(self._space)
            same = next((old for old in self.trials() if old.params == trial.params), None)
            if same is None:
                trial.set_user_attr(RUN, run)
                return trial
            trial.set_user_attr(SAME, same.number)
            done = same.state == TrialState.COMPLETE
            self._tell(trial, same.values if done else None, None if done else TrialState.FAIL)
        return None

    def taken_up(self) -> list[optuna.trial.Trial]:
        """The trials that were running when the study was left; what never began is dropped."""
        found = []
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            live = optuna.trial.Trial(self._study, trial._trial_id)
            if RUN in trial.user_attrs:
                found.append(live)
            else:
                self._tell(live, None, TrialState.FAIL)
        return found

    def finish(self, trial: optuna.trial.Trial, values: list[float]) -> None:
        """Notes the objectives of a trial."""
        self._tell(trial, values, None)

    def prune(self, trial: optuna.trial.Trial) -> None:
        """Notes that a trial was ended early."""
        self._tell(trial, None, TrialState.PRUNED)

    def fail(self, trial: optuna.trial.Trial, error: str) -> None:
        """Notes that a trial failed."""
        trial.set_user_attr(ERROR, error)
        self._tell(trial, None, TrialState.FAIL)

    def best(self) -> list[int]:
        """Numbers of the best trials: one, or the Pareto front."""
        if not any(trial.state == TrialState.COMPLETE for trial in self.trials()):
            return []
        if len(self.plan.objectives) == 1:
            return [self._study.best_trial.number]
        runs = {trial.number for trial in self.trials()}
        return sorted(t.number for t in self._study.best_trials if t.number in runs)

    def importance(self) -> dict[str, dict[str, float]]:
        """Of each objective, what each setting explains of it, the largest first (PED-ANOVA)."""
        complete = [trial for trial in self.trials() if trial.state == TrialState.COMPLETE]
        found = {}
        goals = zip(self.plan.objectives, self.plan.directions, strict=True)
        for place, (objective, direction) in enumerate(goals):
            scores = {trial.values[place] for trial in complete}
            if len(complete) >= _FEWEST_FOR_IMPORTANCE and len(scores) > 1:
                # Of a target of one's own, PED-ANOVA takes less to be better.
                sign = 1.0 if direction == "minimize" else -1.0
                found[objective] = get_param_importances(
                    self._study,
                    evaluator=PedAnovaImportanceEvaluator(target_quantile=_BEST),
                    target=partial(_value, place, sign),
                )
        return found

    def _tell(
        self, trial: optuna.trial.Trial, values: list[float] | None, state: TrialState | None
    ) -> None:
        self._study.sampler = samplers.sampler(self.plan, trial.number)
        self._study.tell(trial, values, state)

    def _next_of_grid(self, tried: list[FrozenTrial]) -> dict[str, Any] | None:
        """The next point that was not tried, in an order shuffled by the seed."""
        points = [
            dict(zip(self._space, values, strict=True))
            for values in itertools.product(*map(samplers.values, self._space.values()))
        ]
        random.Random(self.plan.seed).shuffle(points)
        known = [trial.params for trial in tried]
        return next((point for point in points if point not in known), None)


def _value(place: int, sign: float, trial: FrozenTrial) -> float:
    return sign * float(trial.values[place])


def _cut_torn_line(journal: Path) -> None:
    """Drops a last line that a kill or a full disk left without its end."""
    if not journal.exists():
        return
    content = journal.read_bytes()
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as stream:
            stream.truncate(content.rfind(b"\n") + 1)
