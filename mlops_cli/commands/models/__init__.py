"""`mlops models`: versions of models, and which of them is in production."""

import typer

from mlops_cli.commands.models import (
    card,
    deprecate,
    diff,
    history,
    promote,
    register,
    rollback,
    show,
    sign,
    verify,
)
from mlops_cli.commands.models import list as list_

app = typer.Typer(no_args_is_help=True, help="Versions of models, and which is in production.")
for command in (
    list_,
    register,
    sign,
    promote,
    rollback,
    show,
    card,
    history,
    diff,
    verify,
    deprecate,
):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)
