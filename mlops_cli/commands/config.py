"""`mlops config`: show, list, check and own the config tree."""

import typer

from mlops_cli.commands._options import Json, Overrides, Quiet, epilog
from mlops_cli.output import Output

app = typer.Typer(no_args_is_help=True, help="Show, list, check and own the config tree.")


@app.command(epilog=epilog("mlops config show", "mlops config show model=bert lr=3e-5"))
def show(overrides: Overrides = None, json: Json = False, quiet: Quiet = False) -> None:
    """Show the composed config."""
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    loaded = config.load(overrides or [], root=project.find_root())
    if json:
        out.result("", loaded)
    else:
        out.data(config.to_yaml(loaded))
