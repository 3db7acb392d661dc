"""The search itself, and what it found."""

import dataclasses
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli import launching
from mlops_cli.config.sweeps import Span
from mlops_cli.errors import DataError, Interrupted
from mlops_cli.launching import began
from mlops_cli.launching.work import work
from mlops_cli.reporting import Reporter
from mlops_cli.reports import tune_page
from mlops_cli.schemas.tune import Trial, TuneResult
from mlops_cli.tuning import Prepared, experiment, records, study, trials
from mlops_cli.tuning.study import Study
from mlops_cli.wording import counted


def run(prepared: Prepared, root: Path, reporter: Reporter, *, force: bool = False) -> TuneResult:
    """Makes the trials that the study still lacks, and writes the best as an experiment.

    Args:
        prepared: What is searched.
        root: The project.
        reporter: Told of progress.
        force: Replace an experiment file of the study's name.

    Raises:
        MlopsError: Every trial failed, or another process works on the study.
        DataError: The study's files are damaged.
        Interrupted: Ctrl-C; what ran is saved.
    """
    plan = prepared.plan
    with study.opened(root, plan) as opened:
        began.compare(
            opened.folder,
            f"study {plan.name}",
            configs.load(plan.fixed, root=root),
            (root / plan.folder, root),
            reporter,
            apart=[axis.key for axis in plan.axes],
        )
        errors = _make_trials(opened, prepared, root, reporter)
        trials.require_one(opened, errors)
        result = _result(opened)
    if result.best:
        written = experiment.write(result, plan, root, reporter, force=force)
        words = experiment.train_words(result, plan, written)
        result = dataclasses.replace(result, experiment=written, next_words=words)
    return dataclasses.replace(result, files=tune_page.write(result))


def show(reference: str, root: Path) -> TuneResult:
    """What a study has found so far.

    Raises:
        NotFoundError: There is no such study.
        MlopsError: Another process works on it.
    """
    with study.opened(root, records.find(root, reference)) as opened:
        return _result(opened)


def _make_trials(opened: Study, prepared: Prepared, root: Path, reporter: Reporter) -> list[str]:
    """Runs trials until there are enough; gives the errors of those that failed."""
    plan, config = prepared.plan, prepared.config
    before = opened.trials()
    if prepared.present is not None and plan.sampler != "grid" and not before:
        opened.enqueue(prepared.present)
    most = int(min(config.tune.trials, plan.size))
    begun = f", {len(before)} of them begun before" if before else ""
    reporter.info(f"study {plan.name}: {counted(most, 'trial')} by {plan.sampler}{begun}")
    launcher = launching.create(config.launcher, root)
    with reporter.board(f"study {plan.name}") as board:
        driver = trials.Trials(
            opened, root, launcher, board, config.trainer, most=most, timeout=config.tune.timeout
        )
        try:
            work(
                launcher,
                driver.upcoming,
                driver.ended,
                driver.tick,
                reporter,
                slots=config.launcher.jobs or launcher.slots,
                retries=config.launcher.retries,
            )
        except KeyboardInterrupt as stop:
            raise Interrupted(
                f"interrupted; study {plan.name} is saved",
                hint=f"mlops tune --resume {plan.name}",
            ) from stop
    return driver.errors


def _result(opened: Study) -> TuneResult:
    settled = opened.plan
    found = []
    for trial in opened.trials():
        began, ended = trial.datetime_start, trial.datetime_complete
        finished = trials.states(trial.state) == "finished"
        found.append(
            Trial(
                number=trial.number,
                run=str(trial.user_attrs[study.RUN]),
                state=trials.states(trial.state),
                settings=dict(trial.params),
                values=list(trial.values) if finished else [],
                reports=[value for _, value in sorted(trial.intermediate_values.items())],
                seconds=(ended - began).total_seconds() if began and ended else 0.0,
                error=str(trial.user_attrs.get(study.ERROR, "")),
            )
        )
    if not found:
        raise DataError(
            f"study {settled.name} has no trials yet", hint=f"mlops tune --resume {settled.name}"
        )
    return TuneResult(
        study=settled.name,
        path=opened.folder,
        objectives=list(settled.objectives),
        directions=list(settled.directions),
        sampler=settled.sampler,
        pruner=settled.pruner,
        trials=found,
        best=opened.best(),
        importance=opened.importance(),
        logarithmic=[axis.key for axis in settled.axes if isinstance(axis, Span) and axis.log],
    )
