"""`mlops models register`: a bundle becomes a version."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import Message
from mlops_cli.completion import complete_model, complete_run
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "register"
EPILOG = epilog(
    "mlops models register",
    "mlops models register best --name reviews --message 'more data'",
    "mlops models register latest --bump major",
    "mlops models register pipeline/bundle --version v2.0.0 --json",
)


def run(
    bundle: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|DIR",
            help="A run with a bundle, or the folder of one.",
            autocompletion=complete_run,
            show_default="the newest bundle",
        ),
    ] = None,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name of the model.",
            autocompletion=complete_model,
            show_default="the project's folder",
        ),
    ] = None,
    bump: Annotated[
        str | None,
        typer.Option(
            metavar="major|minor|patch",
            help="Which number of the version goes up.",
            show_default="minor; v1.0.0 is the first",
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="V", help="The version itself, such as v2.0.0.", show_default=False),
    ] = None,
    message: Message = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a bundle a version of a model: a tag of git, its record, its bytes under DVC.

    Your branch, index and files stay as they are: what is written goes to the branch
    mlops-registry.
    """
    from mlops_cli import bundle_lookup, project

    with extra("train", "mlops models"):
        from mlops_cli.registry import names, registering
    from mlops_cli.versioning.transfer import files, megabytes

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    folder = bundle_lookup.called(root, bundle)
    done = registering.run(root, folder, registering.Wanted(name, bump, version, message), out)
    size = f"{files(done.files)}, {megabytes(done.bytes)}"
    said = f"Registered {done.model} {done.version}"
    if not done.changed:
        said = f"{done.model} {done.version} is this very bundle, registered already"
    following = f"mlops models promote {done.model}@{done.version} staging"
    if done.deprecated:
        following = f"mlops models history {done.model}"
    elif done.unsigned:
        following = f"mlops models sign {done.model}@{done.version} --key FILE"
    out.result(
        f"{said} (run {done.run}; {size})",
        done,
        lines=f"to share it: {names.pushing(done.remote)}",
        next_step=following,
    )
