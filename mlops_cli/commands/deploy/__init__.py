"""`mlops deploy`: a model to where it answers, and back."""

from typing import Any

import typer

from mlops_cli.commands.deploy import check, destroy, rollback, status, to
from mlops_cli.completion import Group


class _Targets(Group):
    """A word that names no command names a target: `mlops deploy compose`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is named, and the words that follow its name."""
        named = bool(args) and not args[0].startswith("-")
        if named and self.get_command(ctx, args[0]) is None:
            args = [to.NAME, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Targets,
    no_args_is_help=True,
    help="Deploy a model, and go back: mlops deploy TARGET [MODEL@STAGE]. Targets: compose, "
    "kubernetes, huggingface.",
)
for command in (to, check, status, rollback, destroy):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)
