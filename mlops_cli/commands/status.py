"""`mlops status`: what is changed, what is not pushed, what is missing."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, RemoteName, epilog
from mlops_cli.errors import UnreachableError, UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.remotes import StatusResult

NAME = "status"
EPILOG = epilog("mlops status", "mlops status --remote lab", "mlops status --local --json")
_MOST = 10


def run(
    remote: RemoteName = None,
    local: Annotated[bool, typer.Option("--local", help="Ask no remote.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell what is changed, what is not pushed, what is missing.

    The project is compared with its .dvc files and dvc.lock, with DVC's cache and with a remote.
    """
    from mlops_cli import project

    if local and remote is not None:
        raise UsageError("--local asks no remote, and --remote names one", hint="leave one out")
    with extra("train", "mlops status"):
        from mlops_cli.registry import holding
        from mlops_cli.versioning import status
        from mlops_cli.versioning.transfer import files
    root = project.find_root()
    registered = [] if local else holding.held(root)
    try:
        found = status.run(root, remote=remote, local=local, beside=registered)
    except UnreachableError as error:
        raise UnreachableError(
            error.message, hint=f"{error.hint}; mlops status --local asks no remote"
        ) from error
    beside = f" and in {found.remote}" if found.remote else ""
    out = Output(json_mode=json, quiet=quiet)
    out.result(
        f"Everything is in order here{beside} ({files(found.files)})"
        if found.in_order
        else f"Not everything is in order ({files(found.files)} tracked)",
        found,
        lines=_lines(found) or None,
        next_step=found.next_step,
    )


def _lines(found: "StatusResult") -> str:
    groups = (
        ("changed here, and not held by DVC", found.changed),
        ("not in the project's folder", found.absent),
        ("pipeline stages out of date", found.stages),
        ("damaged in the cache", found.damaged),
        (f"not pushed to {found.remote}", found.unpushed or []),
        ("not in the cache", found.uncached),
        ("in neither the cache nor the remote", found.missing),
    )
    lines = []
    for title, names in groups:
        if names:
            lines += [f"{title}:", *(f"  {name}" for name in names[:_MOST])]
            lines += [f"  and {len(names) - _MOST} more"] if len(names) > _MOST else []
    return "\n".join(lines)
