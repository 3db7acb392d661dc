"""`mlops models diff`: two versions side by side."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import Reference
from mlops_cli.completion import complete_version
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "diff"
EPILOG = epilog(
    "mlops models diff reviews@production reviews@staging",
    "mlops models diff reviews@v1.0.0 v1.1.0 --json",
)


def run(
    before: Reference,
    after: Annotated[
        str,
        typer.Argument(
            metavar="[NAME@]VERSION|STAGE",
            help="The other version.",
            autocompletion=complete_version,
            show_default=False,
        ),
    ],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what two versions differ in: metrics, config, data, signature, code, environment."""
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import comparing
    from mlops_cli.reports import registry as report

    out = Output(json_mode=json, quiet=quiet)
    found = comparing.run(project.find_root(), before, after)
    out.result(
        report.compared(found),
        found,
        lines=report.changes(found) if found.changes else None,
        next_step=f"mlops models show {found.after} --lineage",
    )
