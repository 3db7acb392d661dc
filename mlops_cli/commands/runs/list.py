"""`mlops runs list`: the project's runs, filtered and sorted."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.runs._options import terminal_width
from mlops_cli.completion import complete_column, complete_columns, complete_condition
from mlops_cli.errors import UsageError
from mlops_cli.output import Output

NAME = "list"
EPILOG = epilog(
    "mlops runs list",
    "mlops runs list --where 'val/mcc > 0.4 and model=bert' --sort val/mcc",
    "mlops runs list --where 'status=killed or (lr < 1e-4 and not data ~ cola)'",
    "mlops runs list --columns lr,seed,val/mcc,test/mcc,git.commit --all",
)
_USUAL = 20

Where = Annotated[
    str,
    typer.Option(
        metavar="CONDITION",
        help="Only runs that fulfil it: names of metrics (val/mcc), settings (lr, "
        "trainer.weight_decay) and facts (status, model, git.commit) with = != < <= > >= "
        "~ (contains), and, or, not, brackets.",
        autocompletion=complete_condition,
        show_default=False,
    ),
]


def run(
    *,
    where: Where = "",
    sort: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Sort by it: metrics best first, times newest first; -NAME turns it round.",
            autocompletion=complete_column,
            show_default="started",
        ),
    ] = "",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="What to show of each run; may be repeated.",
            autocompletion=complete_columns,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Show so many.",
            show_default=f"{_USUAL}; all with --json",
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show every run that matches.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List runs: which, how they ended, what they reached.

    The best value on show of each metric is marked with a star. A run whose process is gone is
    shown as killed, one whose record can't be read as damaged.
    """
    from mlops_cli import project
    from mlops_cli.runs import listing

    out = Output(json_mode=json, quiet=quiet)
    if limit is not None and all_:
        raise UsageError("--limit and --all don't go together", hint="give one of them")
    if limit is None and not (all_ or json):
        limit = _USUAL
    found = listing.run(
        project.find_root(),
        where=where,
        sort=sort,
        columns=",".join(columns or []).split(","),
        limit=limit,
    )
    from mlops_cli.reports import runs as report

    if found.unrecorded:
        out.warn(f"not listed for want of a run.json below runs: {', '.join(found.unrecorded)}")
    out.result(
        report.headline(found),
        found,
        lines=None if json or not found.runs else report.table(found, width=terminal_width()),
        next_step=report.next_step(found),
    )
