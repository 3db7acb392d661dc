"""Options that the commands of the registry share."""

from typing import Annotated

import typer

from mlops_cli.completion import complete_model, complete_stage, complete_version

Message = Annotated[
    str | None,
    typer.Option("--message", "-m", metavar="WHY", help="The reason, for tag and audit log."),
]
_VERSION = typer.Argument(
    metavar="NAME[@VERSION|@STAGE]",
    help="A version: NAME@v1.2.0, NAME@production, or NAME for the highest in use.",
    autocompletion=complete_version,
    show_default=False,
)
Reference = Annotated[str, _VERSION]
OptionalReference = Annotated[str | None, _VERSION]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A model.", autocompletion=complete_model, show_default=False
    ),
]
Stage = Annotated[
    str,
    typer.Argument(
        metavar="STAGE",
        help="A stage, such as staging or production: see registry.stages.",
        autocompletion=complete_stage,
    ),
]
