"""`mlops deploy status`: what is deployed where, by the record and by the targets themselves."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.deploy._options import OptionalTarget, Settings, only_settings
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "status"
EPILOG = epilog(
    "mlops deploy status",
    "mlops deploy status compose --json",
    "mlops deploy status kubernetes --strict",
    "MLOPS_ADMIN_KEY=... mlops deploy status compose",
)


def run(
    target: OptionalTarget = None,
    words: Settings = None,
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail unless each runs, and is as recorded.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what is deployed where: what was recorded, and what the target itself says."""
    from mlops_cli import project

    with extra("train", "mlops deploy"):
        from mlops_cli import deployment
        from mlops_cli.deployment import standing
    from mlops_cli.reports import deploy as report

    out = Output(json_mode=json, quiet=quiet)
    wanted = deployment.Wanted(target, overrides=only_settings(words)) if target else None
    found = standing.run(project.find_root(), wanted)
    out.result(
        report.counted(found),
        found,
        lines=report.standings(found),
        next_step=report.after_status(found),
    )
    if strict:
        standing.require(found)
