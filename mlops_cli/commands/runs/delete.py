"""`mlops runs delete`: remove runs, or only their checkpoints."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.runs.list import Where
from mlops_cli.completion import complete_column, complete_run
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.runs import DeletePlan

NAME = "delete"
EPILOG = epilog(
    "mlops runs delete 20260102-0304",
    "mlops runs delete --where 'status=failed or status=killed'",
    "mlops runs delete --where 'model=tiny' --keep-best 3 --yes",
    "mlops runs delete --keep-best 5 --by val/loss --checkpoints-only",
)


def run(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="Runs: ids, their beginnings, latest.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    *,
    where: Where = "",
    keep_best: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="Keep so many with the best metric.", show_default=False
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="METRIC",
            help="The metric of --keep-best.",
            autocompletion=complete_column,
            show_default="what the newest run monitored",
        ),
    ] = "",
    checkpoints_only: Annotated[
        bool,
        typer.Option("--checkpoints-only", help="Keep record and model, drop the checkpoints."),
    ] = False,
    pipeline: Annotated[
        bool, typer.Option("--pipeline", help="Let --where take runs of mlops repro as well.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete runs, after showing what goes and asking.

    Runs that are being trained stay. Without its checkpoints an unfinished run can't be resumed; a
    finished one keeps its model.
    """
    from mlops_cli import project
    from mlops_cli.runs import deleting

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    plan = deleting.plan(
        root,
        references or [],
        where=where,
        keep_best=keep_best,
        by=by,
        pipeline=pipeline,
        checkpoints_only=checkpoints_only,
    )
    if plan.removals:
        _confirm(plan, out, yes=yes)
        plan = deleting.carry_out(root, plan, out)
    count = len(plan.removals)
    runs = f"{count} {'run' if count == 1 else 'runs'}"
    what = f"the checkpoints of {runs}" if plan.checkpoints_only else runs
    out.result(
        f"Deleted {what}, {plan.megabytes:.1f} MB" if count else "Nothing to delete",
        plan,
        lines=_kept(plan) or None,
        next_step="mlops runs list",
    )


def _confirm(plan: "DeletePlan", out: Output, *, yes: bool) -> None:
    """Shows what goes, and asks.

    Raises:
        UsageError: Nobody can be asked.
        Interrupted: The answer is no.
    """
    from mlops_cli.errors import Interrupted, UsageError

    for removal in plan.removals if not yes else ():
        kind = ", of the pipeline" if removal.pipeline else ""
        metric = f", {removal.metric:.4g}" if removal.metric is not None else ""
        lost = plan.checkpoints_only and removal.status != "finished"
        resume = "; can't be resumed then" if lost else ""
        out.info(
            f"  {removal.run}  {removal.status}{kind}{metric}, {removal.megabytes:.1f} MB{resume}"
        )
    if yes:
        return
    count = len(plan.removals)
    if not sys.stdin.isatty() or out.quiet:
        raise UsageError(
            f"deleting {count} {'run' if count == 1 else 'runs'} ({plan.megabytes:.1f} MB) needs a "
            "yes, and nobody can be asked",
            hint="--yes deletes them",
        )
    what = "the checkpoints of " if plan.checkpoints_only else ""
    question = f"Delete {what}{count} {'run' if count == 1 else 'runs'}, {plan.megabytes:.1f} MB?"
    if not typer.confirm(question, err=True):
        raise Interrupted("nothing was deleted")


def _kept(plan: "DeletePlan") -> str:
    """Runs that match and stay, by reason."""
    by_reason: dict[str, list[str]] = {}
    for run, reason in plan.kept.items():
        by_reason.setdefault(reason, []).append(run)
    return "\n".join(
        f"kept {runs[0]}" + (f" and {len(runs) - 1} more" if len(runs) > 1 else "") + f": {reason}"
        for reason, runs in by_reason.items()
    )
