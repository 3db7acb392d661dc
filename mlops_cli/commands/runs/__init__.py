"""`mlops runs`: find, compare, make again and remove recorded runs. One file per subcommand."""

import typer

from mlops_cli.commands.runs import compare, delete, rerun, resume, show, sync
from mlops_cli.commands.runs import list as list_

app = typer.Typer(no_args_is_help=True, help="Find, compare, make again and remove recorded runs.")
for command in (list_, show, compare, rerun, resume, delete, sync):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)
