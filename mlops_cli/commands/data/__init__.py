"""`mlops data`: look into, check, version and split the data. One file per subcommand."""

import typer

app = typer.Typer(no_args_is_help=True, help="Look into, check, version and split the data.")
