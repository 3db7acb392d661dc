"""`mlops models rollback`: the version before the one that is in a stage comes back."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import Message, Name, Stage
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "rollback"
EPILOG = epilog(
    "mlops models rollback reviews",
    "mlops models rollback reviews staging --message 'answers too slowly'",
)


def run(
    name: Name,
    stage: Stage = "production",
    *,
    message: Message = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put the version before back into a stage, once its bytes are verified.

    Typed again, it goes one version further back.
    """
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import placing
    from mlops_cli.reports import registry as report

    out = Output(json_mode=json, quiet=quiet)
    done = placing.rollback(project.find_root(), name, stage, out, message=message)
    out.result(
        report.placed(done, back=True),
        done,
        lines=report.checks(done),
        next_step=report.after_placing(done),
    )
