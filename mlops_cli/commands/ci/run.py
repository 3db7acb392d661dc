"""`mlops ci run`: play a workflow before it is pushed."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_workflow
from mlops_cli.output import Output

NAME = "run"
EPILOG = epilog(
    "mlops ci run",
    "mlops ci run train --event workflow_dispatch --input 'settings=model=bert lr=3e-5'",
    "mlops ci run ci --job test --uncommitted",
    "mlops ci run release --input model=reviews",
    "mlops ci run ci --event pull_request --install --json",
)


def _many(option: str, metavar: str, said: str) -> object:
    return typer.Option(option, metavar=metavar, help=said, show_default=False)


def run(
    workflow: Annotated[
        str,
        typer.Argument(
            metavar="WORKFLOW",
            help="Its file, or its name.",
            autocompletion=complete_workflow,
            show_default="the only one, or ci",
        ),
    ] = "",
    *,
    job: Annotated[
        list[str] | None,
        _many("--job", "NAME", "Only this job and what it needs; may be repeated."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="EVENT",
            help="What is to have happened: push, pull_request, workflow_dispatch, schedule, …",
            show_default="the first that it answers to; where inputs are typed, a dispatch",
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            metavar="TAG", help="The tag that is to have been pushed.", show_default=False
        ),
    ] = None,
    input_: Annotated[
        list[str] | None,
        _many("--input", "NAME=VALUE", "An input of a workflow_dispatch; may be repeated."),
    ] = None,
    matrix: Annotated[
        list[str] | None,
        _many("--matrix", "NAME=VALUE", "Only combinations of a matrix that have this value."),
    ] = None,
    payload: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="The event as GitHub sends it.", show_default=False),
    ] = None,
    env: Annotated[
        list[str] | None,
        _many("--env", "NAME[=VALUE]", "A variable that the steps get; may be repeated."),
    ] = None,
    uncommitted: Annotated[
        bool, typer.Option("--uncommitted", help="Play what is not committed, too.")
    ] = False,
    install: Annotated[
        bool,
        typer.Option(
            "--install",
            help="Install what steps install, into an environment that ends with the play.",
        ),
    ] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Do what is held back otherwise: pushes, logins.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the clones, to look into.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play a workflow of GitHub here, in a clean clone of what is committed.

    Scripts run as on a runner, with its variables and files; composite actions of the repository
    are played. A clean clone stands for actions/checkout, this Python for actions/setup-python;
    other actions are skipped. So is what depends on something that only GitHub knows.

    A git push goes to a stand-in of the remote. Commands that publish (mlops push, docker push,
    gh, aws, …) or install into this environment are told and not done. Secrets are those that the
    environment has under their names; they are struck out of what is shown.

    The exit code is that of the first step that failed.
    """
    from mlops_cli import ci, project
    from mlops_cli.reports import ci as report
    from mlops_cli.schemas.ci import CiWishes

    out = Output(json_mode=json, quiet=quiet)
    wishes = CiWishes(
        workflow=workflow,
        jobs=job or (),
        event=event,
        tag=tag,
        inputs=input_ or (),
        matrix=matrix or (),
        payload=payload,
        variables=env or (),
        uncommitted=uncommitted,
        install=install,
        publish=publish,
        keep=keep,
    )
    played = ci.run(project.find_root(), wishes, out)
    if played.outcome == "success":
        step = report.next_step(played)
        lines = None if json else report.played(played)
        out.result(report.headline(played), played, lines=lines, next_step=step)
    elif json:
        out.result(report.headline(played), played)
    elif not quiet:
        out.data(report.text(played))
    ci.require(played)
