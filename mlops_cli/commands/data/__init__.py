"""`mlops data`: look into, check, version and split the data. One file per subcommand."""

import typer

from mlops_cli.commands.data import add, diff, drift, label_errors, split, stats, validate

app = typer.Typer(no_args_is_help=True, help="Look into, check, version and split the data.")
for command in (add, stats, diff, drift, label_errors, split, validate):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)
