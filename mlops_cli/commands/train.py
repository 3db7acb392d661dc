"""`mlops train`: train a model and record the run."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Overrides, Params, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "train"
EPILOG = epilog(
    "mlops train",
    "mlops train model=bert lr=3e-5 epochs=3",
    "mlops train data=file data.path=reviews.csv data.text=review data.label=stars",
    "mlops train --resume latest",
)


def run(
    overrides: Overrides = None,
    *,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on with an interrupted run from its last checkpoint.",
            autocompletion=complete_run,
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
    """Train a model, with everything needed to trace it and to make it again in runs/<id>/."""
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    if params is not None:
        with extra("train", "mlops train"):
            from mlops_cli.pipeline import train as stage
        result = stage.run(params, root, out, overrides or resume)
    elif resume is not None:
        with extra("train", "mlops train"):
            from mlops_cli.training import resume as resume_run

        result = resume_run.run(root, resume, overrides or [], out)
    else:
        loaded = config.load(overrides or [], root=root)
        with extra("train", "mlops train"):
            from mlops_cli import training
        result = training.run(loaded, root, overrides or [], out, validate=validate)
    out.result(
        f"Trained {result.model}: {result.summary} (run {result.run})",
        result,
        next_step="" if params else f"mlops evaluate {result.run}",
    )
