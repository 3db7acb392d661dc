"""`mlops models promote`: a version goes into a stage, past its gates."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Overrides, Quiet, epilog
from mlops_cli.commands.models._options import Message, Reference, Stage
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "promote"
EPILOG = epilog(
    "mlops models promote reviews production",
    "mlops models promote reviews@staging production --message 'passed the trial'",
    "mlops models promote reviews@v1.2.0 production registry.max_metric_loss=0.01",
    "mlops models promote reviews@v2.0.0 production --force --message 'new labels, as agreed'",
)


def run(
    reference: Reference,
    stage: Stage,
    overrides: Overrides = None,
    *,
    message: Message = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Though a gate fails; with a message, which the log keeps."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put a version into a stage, if its bytes, signature, parity and figures pass the gates.

    Its monitored metric may not be worse than that of the version now in the stage, by more than
    registry.max_metric_loss, when both answer the same rows.
    """
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import placing
    from mlops_cli.reports import registry as report

    out = Output(json_mode=json, quiet=quiet)
    done = placing.promote(
        project.find_root(), reference, stage, overrides or [], out, message=message, force=force
    )
    out.result(
        report.placed(done), done, lines=report.checks(done), next_step=report.after_placing(done)
    )
