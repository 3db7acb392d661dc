"""`mlops deploy TARGET`: a version to where it answers. `to` can be left out."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog, share_of
from mlops_cli.commands.deploy._options import Canary, Message, Target, Words, model_and_settings
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "to"
EPILOG = epilog(
    "mlops deploy compose",
    "mlops deploy compose reviews@production target.port=9000",
    "mlops deploy compose reviews@staging --canary 10%",
    "mlops deploy kubernetes reviews@v1.2.0 --plan",
    "mlops deploy aws_lambda reviews@production target.region=eu-central-1",
    "mlops deploy to huggingface reviews target.repository=team/reviews",
)


def run(
    target: Target,
    words: Words = None,
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Write the files that describe it, and change nothing.")
    ] = False,
    canary: Canary = None,
    message: Message = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Deploy a version: `to` can be left out, as in mlops deploy compose.

    It is looked at before it is let in, proven to be what answers then, and recorded in the audit
    log. Where it fails, what was there before is put back.
    """
    from mlops_cli import project

    with extra("train", "mlops deploy"):
        from mlops_cli import deployment
    from mlops_cli.reports import deploy as report

    out = Output(json_mode=json, quiet=quiet)
    reference, overrides = model_and_settings(words)
    share = share_of(canary) if canary is not None else None
    wanted = deployment.Wanted(target, reference, overrides, share, message)
    root: Path = project.find_root()
    if plan:
        planned = deployment.plan(root, wanted, out)
        out.result(
            report.planned(planned),
            planned,
            lines=report.files(planned, root),
            next_step=shlex.join(["mlops", "deploy", target, *(words or ())]),
        )
        return
    done = deployment.run(root, wanted, out)
    out.result(
        report.deployed(done), done, lines=report.facts(done), next_step=report.after_deploy(done)
    )
