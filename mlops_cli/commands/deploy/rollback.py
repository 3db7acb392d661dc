"""`mlops deploy rollback`: what was deployed before answers again."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.deploy._options import Message, Settings, Target, only_settings
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "rollback"
EPILOG = epilog(
    "mlops deploy rollback compose",
    "mlops deploy rollback compose --message 'slow under load'",
    "mlops deploy rollback kubernetes target.deployment=reviews",
)


def run(
    target: Target,
    words: Settings = None,
    *,
    message: Message = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """End the trial of a canary; without one, deploy again what was there before.

    Of several in a row, each goes one deployment further back.
    """
    from mlops_cli import project

    with extra("train", "mlops deploy"):
        from mlops_cli import deployment
    from mlops_cli.reports import deploy as report

    out = Output(json_mode=json, quiet=quiet)
    wanted = deployment.Wanted(target, overrides=only_settings(words), message=message)
    done = deployment.rollback(project.find_root(), wanted, out)
    out.result(
        report.deployed(done), done, lines=report.facts(done), next_step="mlops deploy status"
    )
