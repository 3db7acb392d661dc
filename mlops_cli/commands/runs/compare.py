"""`mlops runs compare`: several runs side by side."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.runs._options import Plot, one_picture, terminal_width
from mlops_cli.completion import complete_run
from mlops_cli.output import Output

NAME = "compare"
EPILOG = epilog(
    "mlops runs compare latest best",
    "mlops runs compare 20260102-0304 20260103-1012 best --plot curves.png",
    "mlops runs compare latest best --all --json",
)


def run(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...",
            help="Runs: ids, their beginnings, latest, best, best:METRIC, or folders.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ],
    all_: Annotated[bool, typer.Option("--all", help="Show also what is the same.")] = False,
    plot: Plot = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare runs: code, data, settings, metrics and curves.

    Only what differs is shown; --json tells everything. The best value of each metric is marked
    with a star.
    """
    from mlops_cli import project
    from mlops_cli.runs import comparing

    out = Output(json_mode=json, quiet=quiet)
    found = comparing.run(project.find_root(), references)
    if plot is not None:
        one_picture(plot, found.runs, found.curves, found.monitor, out)
    from mlops_cli.reports import run_details as report

    differing = sum(not row.same for row in found.settings)
    said = f"{differing} {'setting differs' if differing == 1 else 'settings differ'}"
    best = found.best.get(f"val/{found.monitor}")
    out.result(
        f"Compared {len(found.runs)} runs: {said}",
        found,
        lines=None
        if json or quiet
        else report.compared(found, everything=all_, width=terminal_width()),
        next_step=f"mlops runs show {found.runs[best or 0]}",
    )
