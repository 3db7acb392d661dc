"""`mlops ci`: the workflows of this project, played here. One file per subcommand."""

import typer

from mlops_cli.commands.ci import list as list_
from mlops_cli.commands.ci import run as run_

app = typer.Typer(no_args_is_help=True, help="Play the workflows of GitHub on this machine.")
for command in (run_, list_):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)
