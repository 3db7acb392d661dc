"""`mlops audit`: the log of what happened to models."""

import typer

from mlops_cli.commands.audit import verify

app = typer.Typer(no_args_is_help=True, help="The log of what happened to models.")
for command in (verify,):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)


@app.callback()
def group() -> None:
    """The log of what happened to models."""
