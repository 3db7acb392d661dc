"""`mlops update`: merge a newer template into the project."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.errors import MlopsError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.scaffold import UpdateResult

NAME = "update"
EPILOG = epilog("pip install -U mlops-cli && mlops update", "mlops update --check")


def run(
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say what would change; exit 1 if anything would."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Merge what is new in the template; your edits are kept.

    The changes are left uncommitted. Where you and the template changed the same lines, the file
    gets conflict markers and the exit code is 1.
    """
    from mlops_cli import project

    with extra("train", "mlops update"):
        from mlops_cli.scaffold import update
    out = Output(json_mode=json, quiet=quiet)
    result = update.run(project.find_root(), out, check=check)
    out.result(_title(result), result, lines=_lines(result), next_step=_next(result))
    _refuse_silence(result)


def _title(result: "UpdateResult") -> str:
    if result.up_to_date:
        done = "Nothing but the record changed" if result.written else "Nothing to do"
        return f"{done}: the project has what template {result.after} gives"
    verb = "Updated" if result.written else "Would update"
    return f"{verb} from template {result.before} to {result.after}"


def _lines(result: "UpdateResult") -> str | None:
    """The files, each with what happens to it."""
    marks = (("new", result.added), ("changed", result.changed), ("deleted", result.deleted))
    rows = [
        f"  {'conflict' if name in result.conflicts else mark:<9}{name}"
        for mark, names in marks
        for name in names
    ]
    shown = {*result.added, *result.changed, *result.deleted}
    rows += [f"  {'conflict':<9}{name}" for name in result.conflicts if name not in shown]
    rows += [f"  {'kept':<9}{name}: {reason}" for name, reason in result.kept.items()]
    return "\n".join(rows) or None


def _next(result: "UpdateResult") -> str:
    if not result.written:
        return "" if result.up_to_date else "mlops update"
    return "" if result.conflicts else "git diff, then git add --all && git commit"


def _refuse_silence(result: "UpdateResult") -> None:
    """A state that needs someone ends with exit code 1, after it was shown."""
    if not result.written and not result.up_to_date:
        raise MlopsError("the template has changes for this project", hint="mlops update")
    if result.conflicts:
        raise MlopsError(
            f"conflicts in {', '.join(result.conflicts)}",
            hint="edit what <<<<<<< and >>>>>>> mark, then git add --all && git commit",
        )
