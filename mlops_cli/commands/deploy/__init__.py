"""`mlops deploy`: a model to where it answers, and back."""

from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

from mlops_cli.commands.deploy import check, destroy, rollback, status, to
from mlops_cli.completion import targets
from mlops_cli.errors import UsageError


class _Targets(TyperGroup):
    """A word that names no command names a target: `mlops deploy compose`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is named, and the words that follow its name."""
        named = bool(args) and not args[0].startswith("-")
        if named and self.get_command(ctx, args[0]) is None:
            self._refuse_mistyped(ctx, args[0])
            args = [to.NAME, *args]
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The commands, and the targets."""
        command = self.get_command(ctx, to.NAME)
        assert command is not None
        target = next(one for one in command.params if one.name == "target")
        found = super().shell_complete(ctx, incomplete)
        return [*found, *target.shell_complete(ctx, incomplete)]

    def _refuse_mistyped(self, ctx: Any, word: str) -> None:
        near = get_close_matches(word, self.list_commands(ctx), n=1, cutoff=0.75)
        if near and word not in targets():
            raise UsageError(
                f"there is no target and no command {word!r}",
                hint=f"did you mean mlops deploy {near[0]}?",
            )


app = typer.Typer(
    cls=_Targets,
    no_args_is_help=True,
    help="Deploy a model, and go back: mlops deploy TARGET [MODEL@STAGE]. Targets: compose, "
    "kubernetes, aws_lambda, huggingface.",
)
for command in (to, check, status, rollback, destroy):
    app.command(name=command.NAME, epilog=command.EPILOG)(command.run)
