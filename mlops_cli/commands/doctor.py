"""`mlops doctor`: what commands will need, looked at before they do."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.output import Output

NAME = "doctor"
EPILOG = epilog(
    "mlops doctor",
    "mlops doctor --fix",
    "mlops doctor --offline --strict",
    "mlops doctor --json",
)


def run(
    *,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Mend what takes no choice: git init, dvc init, hooks, permissions of secrets.",
        ),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask neither the DVC remote nor Docker.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too (for CI).")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look at packages, machine, git, DVC, config, remote, credentials and Docker.

    Each thing that is wrong comes with its remedy. The exit code is that of the commands which
    would fail because of it. Credentials are told as there or not, never shown.
    """
    from mlops_cli import doctor, project
    from mlops_cli.reports import doctor as report

    out = Output(json_mode=json, quiet=quiet)
    result = doctor.run(project.find_root(), out, fix=fix, offline=offline)
    out.result(
        report.headline(result),
        result,
        lines=report.findings(result),
        next_step="" if result.errors else report.next_step(result),
        failed=bool(result.errors or (strict and result.warnings)),
    )
    doctor.require(result, strict=strict)
