"""`mlops models verify`: whether the bytes of versions are those that were registered."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import OptionalReference
from mlops_cli.errors import UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "verify"
EPILOG = epilog(
    "mlops models verify reviews@production",
    "mlops models verify reviews --all",
    "mlops models verify --all --json",
)


def run(
    reference: OptionalReference = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Every version, of one model or of all.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read every byte of a version and compare it with its record; what is not here is pulled."""
    from mlops_cli import project

    if reference is None and not every:
        raise UsageError("which version?", hint="mlops models verify NAME, or --all")
    with extra("train", "mlops models"):
        from mlops_cli.registry import verifying
    from mlops_cli.reports import registry as report

    out = Output(json_mode=json, quiet=quiet)
    found = verifying.run(project.find_root(), reference, out, every=every)
    if all(one.sound for one in found.versions):
        out.result(
            report.whole(found), found, lines=report.verified(found), next_step="mlops audit verify"
        )
    elif not json:
        out.info(report.plain(found))
    verifying.require(found)
