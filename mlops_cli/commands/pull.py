"""`mlops pull`: fetch data and models from a remote."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, RemoteName, Targets, epilog
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "pull"
EPILOG = epilog(
    "mlops pull", "mlops pull data/reviews.csv", "mlops pull --remote lab", "mlops pull --json"
)


def run(
    targets: Targets = None,
    remote: RemoteName = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace changed files, too; the changes are lost.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch what DVC tracks from a remote, and check every byte.

    What came right is laid out in the project; versions of models that are in a stage come too.
    """
    from mlops_cli import project

    with extra("train", "mlops pull"):
        from mlops_cli.registry import holding
        from mlops_cli.versioning import pull
        from mlops_cli.versioning.transfer import files, megabytes
    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    staged = [] if targets else holding.held(root, staged=True)
    came = pull.run(root, out, targets=targets or [], remote=remote, force=force, beside=staged)
    headline = (
        f"Pulled {came.fetched} of {files(came.files)}, {megabytes(came.bytes)}, from {came.remote}"
        if came.fetched
        else f"Nothing to fetch: it is all here ({files(came.files)})"
    )
    signs = (("+", came.added), ("~", came.modified), ("-", came.deleted))
    lines = [f"  {sign} {path}" for sign, paths in signs for path in paths]
    if came.repaired:
        lines.append(f"  {came.repaired} of them were damaged in the cache before")
    out.result(headline, came, lines="\n".join(lines) or None, next_step="mlops train")
