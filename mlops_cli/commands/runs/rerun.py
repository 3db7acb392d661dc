"""`mlops runs rerun`: make a run again from its record."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.runs import RerunResult

NAME = "rerun"
EPILOG = epilog(
    "mlops runs rerun best",
    "mlops runs rerun 20260102-0304 --tolerance 1e-5",
    "mlops runs rerun latest --json",
)

_SHOWN = 8
"""So many differences of the environments are shown."""


def run(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run: id, its beginning, latest, best, best:METRIC, or its folder.",
            autocompletion=complete_run,
        ),
    ] = "latest",
    tolerance: Annotated[
        float,
        typer.Option(
            metavar="SIZE", min=0, help="Largest difference of a weight that passes as well."
        ),
    ] = 0.0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a run again, and compare the weights.

    The run's commit, with the uncommitted changes that it kept, is checked out into a temporary
    git worktree, its data laid out by DVC, and the recorded settings are trained as a new run.
    Data that differs ends it before (exit 5). Weights that differ by more than the tolerance are
    a failed gate (exit 6); the new run is kept.
    """
    from mlops_cli import project

    out = Output(json_mode=json, quiet=quiet)
    with extra("train", "mlops runs rerun"):
        from mlops_cli.runs import rerunning
    result = rerunning.run(project.find_root(), reference, out, tolerance=tolerance)
    out.result(
        _headline(result),
        result,
        lines=_lines(result),
        next_step=f"mlops runs compare {result.original} {result.run}",
    )
    rerunning.require_same(result)


def _headline(result: "RerunResult") -> str:
    said = {
        "same": "the same weights, bit for bit",
        "close": f"weights within {result.tolerance:g}",
        "different": "other weights",
        "unknown": "the original has no weights to compare with",
    }[result.verdict]
    return f"Made {result.original} again as {result.run}: {said}"


def _lines(result: "RerunResult") -> str:
    from mlops_cli.reports.run_details import difference_lines

    rows = [("code", ", ".join(result.code))]
    if result.weights is not None and not result.weights.same:
        apart = result.weights.max_difference
        rows.append(("tensors", f"{result.weights.differing} of {result.weights.tensors} differ"))
        if apart is not None:
            rows.append(("furthest", f"{apart:.3g} in {result.weights.tensor}"))
    elif result.weights is not None:
        hashes = [both[0] for both in result.weights.sha256.values() if both[0]]
        rows.append(("sha256", ", ".join(hashes[:3])))
    rows += difference_lines(result.metrics)
    shown = result.environment[:_SHOWN]
    rows += [("environment", f"{name}: {said}") for name, said in difference_lines(shown)]
    if more := len(result.environment) - len(shown):
        rows.append(("environment", f"and {more} more differences: --json has them all"))
    rows += [("perhaps", reason) for reason in result.reasons]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {said}" for name, said in rows)
