"""`mlops runs show`: everything that is recorded of one run."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.runs._options import Plot, one_picture, terminal_width
from mlops_cli.completion import complete_run
from mlops_cli.output import Output

NAME = "show"
EPILOG = epilog(
    "mlops runs show",
    "mlops runs show best:mcc --plot curves.svg",
    "mlops runs show 20260102-0304 --json",
)


def run(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run: id, its beginning, latest, best, best:METRIC, or its folder.",
            autocompletion=complete_run,
        ),
    ] = "latest",
    plot: Plot = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show a run: facts, settings, metrics, curves, files.

    The last line says how to go on with it.
    """
    from mlops_cli import project
    from mlops_cli.runs import details

    out = Output(json_mode=json, quiet=quiet)
    found = details.run(project.find_root(), reference)
    if plot is not None:
        curves = {name: [points] for name, points in found.curves.items()}
        monitor = str(found.facts.get("monitor", ""))
        one_picture(plot, [found.run], curves, monitor, out)
    from mlops_cli.reports import run_details as report

    out.result(
        report.headline(found),
        found,
        lines=None if json or quiet else report.shown(found, width=terminal_width()),
        next_step=report.next_step(found),
    )
