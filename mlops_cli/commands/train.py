"""`mlops train`: train a model and record the run."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import (
    Json,
    Overrides,
    Params,
    Quiet,
    epilog,
    refuse_beside_params,
)
from mlops_cli.completion import complete_run
from mlops_cli.errors import UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.config import Config
    from mlops_cli.schemas.results import TrainResult

NAME = "train"
EPILOG = epilog(
    "mlops train",
    "mlops train model=bert lr=3e-5 epochs=3",
    "mlops train data=file data.path=reviews.csv data.text=review data.label=stars",
    "mlops train --resume latest",
    "mlops train -m lr=1e-4,3e-4 seed='range(3)' --jobs 2",
)


def run(
    overrides: Overrides = None,
    *,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on with an interrupted run from its last checkpoint; with -m, with a sweep.",
            autocompletion=complete_run,
        ),
    ] = None,
    multirun: Annotated[
        bool,
        typer.Option("--multirun", "-m", help="Train every combination of the values."),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="With -m: runs at once.", show_default="launcher.jobs"
        ),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The id of the run; one that is there and not finished is gone on with.",
            show_default=False,
        ),
    ] = None,
    validate: Annotated[
        bool,
        typer.Option("--validate/--no-validate", help="Check the data first; exit 6 on an error."),
    ] = True,
    params: Params = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model, and record what it takes to make it again.

    The record is the run's folder, runs/<id>/.
    """
    from mlops_cli import config, project, remote_training

    out = Output(json_mode=json, quiet=quiet)
    given = {
        "--resume": resume,
        "--run-id": run_id,
        "--no-validate": not validate,
        "--multirun": multirun,
        "--jobs": jobs,
    }
    if params is not None:
        refuse_beside_params({"KEY=VALUE": overrides, **given})
    else:
        _refuse_ignored(given)
    root = project.find_root()
    if params is not None:
        with extra("train", "mlops train"):
            from mlops_cli.pipeline import train as stage
        result = stage.run(params, root, out)
    elif multirun:
        _sweep(overrides or [], root, out, resume=resume, jobs=jobs, validate=validate)
        return
    elif resume is not None and remote_training.names_launcher(overrides or []):
        result = remote_training.resume(root, resume, overrides or [], out)
    elif resume is not None:
        with extra("train", "mlops train"):
            from mlops_cli.training import resume as resume_run

        result = resume_run.run(root, resume, overrides or [], out)
    else:
        from mlops_cli.schemas.data import other_task

        loaded = config.load(overrides or [], root=root)
        if (problem := other_task(loaded.data)) is not None:
            raise problem
        if run_id is None and remote_training.is_wanted(loaded):
            result = remote_training.run(loaded, root, overrides or [], out, validate=validate)
        else:
            result = _here(loaded, root, overrides or [], out, run_id=run_id, validate=validate)
    out.result(
        f"Trained {result.model}: {result.summary} (run {result.run})",
        result,
        next_step="" if params else f"mlops evaluate {result.run}",
    )


def _refuse_ignored(given: Mapping[str, object]) -> None:
    """Refuses an option, of those that were given, that others would have ignored."""
    multirun, resume = given["--multirun"], given["--resume"]
    if multirun and given["--run-id"]:
        raise UsageError(
            "--multirun and --run-id don't go together",
            hint="leave out --run-id: every run of a sweep gets an id of its own",
        )
    # What is gone on with has settled these.
    typed = [name for name in ("--run-id", "--no-validate") if given[name]]
    if resume is not None and typed:
        raise UsageError(
            f"--resume and {typed[0]} don't go together",
            hint=f"mlops train {'-m ' if multirun else ''}--resume {resume}",
        )
    if given["--jobs"] is not None and not multirun:
        raise UsageError(
            "--jobs is for several runs, and without --multirun there is one",
            hint="add -m to train every combination of the values, or leave out --jobs",
        )


def _here(
    config: "Config",
    root: Path,
    words: list[str],
    out: Output,
    *,
    run_id: str | None,
    validate: bool,
) -> "TrainResult":
    with extra("train", "mlops train"):
        from mlops_cli import training
        from mlops_cli.training import job
    if run_id is None:
        return training.run(config, root, words, out, validate=validate)
    return job.run(config, root, words, out, run_id=run_id, validate=validate)


def _sweep(
    words: list[str],
    root: Path,
    out: Output,
    *,
    resume: str | None,
    jobs: int | None,
    validate: bool,
) -> None:
    from mlops_cli import sweeping
    from mlops_cli.reports import sweep as report

    if resume is not None:
        result = sweeping.resume(resume, words, root, out, jobs=jobs)
    else:
        result = sweeping.run(words, root, out, jobs=jobs, validate=validate)
    out.result(
        report.headline(result),
        result,
        lines=report.sweep(result),
        next_step=f"mlops evaluate {result.runs[0].run}",
    )
    sweeping.require_all(result)
