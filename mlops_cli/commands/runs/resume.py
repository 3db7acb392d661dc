"""`mlops runs resume`: an interrupted run goes on, as with `mlops train --resume`."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "resume"
EPILOG = epilog("mlops runs resume latest", "mlops runs resume 20260102-0304")


def run(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run: id, its beginning, latest, or the path of its folder.",
            autocompletion=complete_run,
        ),
    ] = "latest",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on with an interrupted run from its last checkpoint.

    The same as mlops train --resume RUN: the run's own settings and data, and in the end the
    weights that it would have had without the interruption.
    """
    from mlops_cli import project

    out = Output(json_mode=json, quiet=quiet)
    with extra("train", "mlops runs resume"):
        from mlops_cli.training import resume
    result = resume.run(project.find_root(), reference, [], out)
    out.result(
        f"Trained {result.model}: {result.summary} (run {result.run})",
        result,
        next_step=f"mlops evaluate {result.run}",
    )
