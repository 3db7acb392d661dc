"""`mlops remote`: where the project's data goes besides this machine."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_remote
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.remotes import Remote

app = typer.Typer(no_args_is_help=True, help="Add, list, remove and check DVC's remotes.")

_NAME = typer.Argument(metavar="NAME", help="Name of the remote.", show_default=False)
_KNOWN = typer.Argument(
    metavar="NAME",
    help="Name of the remote.",
    autocompletion=complete_remote,
    show_default=False,
)


@app.command(
    epilog=epilog(
        "mlops remote add storage s3://bucket/reviews --default",
        "mlops remote add ceph s3://bucket endpointurl=https://s3.example.org profile=team",
        "mlops remote add ceph s3://bucket access_key_id=- secret_access_key=-",
        "mlops remote add lab ssh://host/srv/reviews user=ada keyfile=~/.ssh/id_ed25519",
        "mlops remote add disk /mnt/backup/reviews",
    )
)
def add(
    name: Annotated[str, _NAME],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="A folder, or s3://, ssh://, gs://, azure://, webdav(s):// or http(s)://.",
            show_default=False,
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE...",
            help="DVC's settings of such a remote. A secret as KEY=- is asked for, or read "
            "from stdin; it goes to .dvc/config.local, which git ignores.",
            show_default=False,
        ),
    ] = None,
    *,
    default: Annotated[
        bool, typer.Option("--default", "-d", help="Let push and pull use it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a remote of this name.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add a remote. Secrets are best left to the environment: AWS_ACCESS_KEY_ID and the like."""
    from mlops_cli import project

    with extra("train", "mlops remote"):
        from mlops_cli.versioning import remotes
    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    answers = {key: _secret(key) for key in remotes.secrets_to_ask(url, words or [])}
    added = remotes.add(
        root, name, url, words or [], out, answers=answers, default=default, force=force
    )
    verb = "Replaced" if added.replaced else "Added"
    out.result(
        f"{verb} the remote {added.remote.name}: {added.remote.url}",
        added,
        lines=_lines(added.remote),
        next_step=f"mlops remote check {added.remote.name}",
    )


@app.command("list", epilog=epilog("mlops remote list", "mlops remote list --json"))
def list_(json: Json = False, quiet: Quiet = False) -> None:
    """List the remotes, without their secrets."""
    from mlops_cli import project

    with extra("train", "mlops remote"):
        from mlops_cli.versioning import remotes
    out = Output(json_mode=json, quiet=quiet)
    found = remotes.list_all(project.find_root())
    first = next((remote.name for remote in found if remote.default), "")
    out.result(
        f"{len(found)} {'remote' if len(found) == 1 else 'remotes'}",
        {"remotes": found},
        lines="\n".join(f"{remote.name}: {remote.url}\n{_lines(remote)}" for remote in found)
        or None,
        next_step=f"mlops remote check {first}".rstrip()
        if found
        else "mlops remote add storage URL --default",
    )


@app.command(epilog=epilog("mlops remote remove lab"))
def remove(name: Annotated[str, _KNOWN], json: Json = False, quiet: Quiet = False) -> None:
    """Forget a remote. The data in it stays where it is."""
    from mlops_cli import project

    with extra("train", "mlops remote"):
        from mlops_cli.versioning import remotes
    removed = remotes.remove(project.find_root(), name)
    Output(json_mode=json, quiet=quiet).result(
        f"Removed the remote {removed.remote.name}; the data in {removed.remote.url} stays",
        removed,
        next_step="mlops remote list",
    )


@app.command(
    epilog=epilog(
        "mlops remote check", "mlops remote check storage", "mlops remote check web --read-only"
    )
)
def check(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Name of the remote.",
            autocompletion=complete_remote,
            show_default="the default",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Do not try to write a small file.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Reach a remote, or tell what is missing for it.

    That is a package, a credential or a permission.
    """
    from mlops_cli import project

    with extra("train", "mlops remote"):
        from mlops_cli.versioning import connection
    checked = connection.check(project.find_root(), name, writing=not read_only)
    can = "can be read and written" if checked.writable else "can be read"
    Output(json_mode=json, quiet=quiet).result(
        f"{checked.remote.name} ({checked.remote.url}) {can}, in {checked.seconds:.1f} s",
        checked,
        next_step="mlops push" if checked.writable else "mlops pull",
    )


def _secret(key: str) -> str:
    """Asks for a secret on a terminal; elsewhere, the next line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt(key, hide_input=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        from mlops_cli.errors import UsageError

        raise UsageError(f"stdin holds no value for {key}", hint="one line for each KEY=-")
    return line


def _lines(remote: "Remote") -> str:
    """What a person wants to see of a remote."""
    rows = [("kind", remote.kind), ("default", "yes" if remote.default else "no")]
    rows += sorted(remote.settings.items())
    rows += [(secret, "set, and not shown") for secret in remote.secrets]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)
