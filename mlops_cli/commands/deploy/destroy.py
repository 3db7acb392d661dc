"""`mlops deploy destroy`: a deployment is taken down."""

import sys
from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.deploy._options import Message, Settings, Target, only_settings
from mlops_cli.errors import Interrupted, UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "destroy"
EPILOG = epilog(
    "mlops deploy destroy compose",
    "mlops deploy destroy kubernetes target.deployment=reviews --yes --message 'moved'",
)


def run(
    target: Target,
    words: Settings = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    message: Message = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take a deployment down, after a question; image, record and files stay."""
    from mlops_cli import project

    with extra("train", "mlops deploy"):
        from mlops_cli import deployment
    from mlops_cli.reports import deploy as report

    out = Output(json_mode=json, quiet=quiet)
    wanted = deployment.Wanted(target, overrides=only_settings(words), message=message)
    root = project.find_root()
    if not yes:
        found = deployment.found(root, wanted)
        question = f"Take {found.called} down from {found.where}?"
        if not sys.stdin.isatty() or json:
            raise UsageError(f"{question} There is nobody to ask", hint="say so: --yes")
        if not typer.confirm(question, err=True):
            raise Interrupted("nothing was taken down")
    done = deployment.destroy(root, wanted, out)
    out.result(report.destroyed(done), done, lines="\n".join(done.removed))
