"""`mlops runs sync`: trackers get what they missed."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.errors import MlopsError
from mlops_cli.extras import extra
from mlops_cli.output import Output
from mlops_cli.wording import counted

NAME = "sync"
EPILOG = epilog(
    "mlops runs sync",
    "mlops runs sync latest",
    "mlops runs sync 20260102-0304 --tracker mlflow",
)


def run(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="Runs: ids, their beginnings, latest, best; all by default.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    *,
    tracker: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Only this tracker; one that a run was trained without gets all of it.",
            show_default="those of each run",
        ),
    ] = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send trackers what they missed of runs.

    Metrics, evaluations and bundles go from the record of the run into the tracker's own run.
    Nothing is sent twice. A tracker that can't be reached ends the command with exit code 1.
    """
    from mlops_cli import project

    out = Output(json_mode=json, quiet=quiet)
    with extra("train", "mlops runs sync"):
        from mlops_cli.runs import sync
    result = sync.run(project.find_root(), references or [], out, tracker=tracker)
    done = [sent for sent in result.sent if not sent.trouble]
    lines = [
        f"{sent.run}  {sent.tracker}: {counted(sent.lines, 'line')} of metrics"
        + "".join(f", {name}" for name in sent.attachments)
        + (f"  {sent.url}" if sent.url else "")
        for sent in done
    ]
    lines += [
        f"{name} is being trained: its trackers are told as it goes" for name in result.running
    ]
    count = len(done)
    out.result(
        f"Sent {count} {'tracker' if count == 1 else 'trackers'} what they lacked"
        if count
        else "Nothing to send"
        if not result.sent
        else "Nothing could be sent",
        result,
        lines="\n".join(lines) or None,
    )
    failed = [sent for sent in result.sent if sent.trouble]
    if failed:
        raise MlopsError(
            f"{failed[0].tracker} still lacks some of run {failed[0].run}: {failed[0].trouble}",
            hint="mlops runs sync, when it can be reached",
        )
