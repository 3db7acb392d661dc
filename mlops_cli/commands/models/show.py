"""`mlops models show`: everything that is known of a version."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import Reference
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "show"
EPILOG = epilog(
    "mlops models show reviews",
    "mlops models show reviews@production --lineage",
    "mlops models show reviews@v1.2.0 --json",
)


def run(
    reference: Reference,
    *,
    lineage: Annotated[
        bool, typer.Option("--lineage", help="Where it comes from and is used, as a tree.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show a version: where it comes from, how good it is, which stages it is in."""
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import reading
    from mlops_cli.reports import version as report

    out = Output(json_mode=json, quiet=quiet)
    found = reading.show(project.find_root(), reference)
    out.result(
        report.headline(found),
        found,
        lines=report.tree(found) if lineage else report.details(found),
        next_step=report.after_show(found),
    )
