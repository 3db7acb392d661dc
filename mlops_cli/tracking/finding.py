"""The ways to name a run: an id, its beginning, a path, `latest`, `best`."""

import re
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.tracking.record import Run, runs_folder

_STAMPED = re.compile(r"\d{8}-\d{6}-")
"""What the ids begin with that don't come from a pipeline."""


def all_runs(root: Path) -> list[Run]:
    """The project's runs, oldest first."""
    runs = [Run(path.parent) for path in runs_folder(root).glob("*/run.json")]
    return sorted(runs, key=lambda run: (_began(run), run.id))


def _began(run: Run) -> str:
    """The second the run began in: what its id begins with, else what it recorded."""
    if _STAMPED.match(run.id):
        return run.id[: len("20260101-000000")]
    with suppress(DataError):
        return re.sub(r"[-:]", "", str(run.read().get("started", ""))[:19]).replace("T", "-")
    return ""


def find(root: Path, reference: str) -> Run:
    """The run that `reference` names.

    Args:
        root: The project.
        reference: A run id or the unique beginning of one, the path of a run folder, `latest`,
            `best` (by the metric the run was asked to monitor) or `best:METRIC`.

    Raises:
        NotFoundError: There is no such run, or several.
    """
    if (Path(reference) / "run.json").is_file():
        return Run(Path(reference).resolve())
    runs = all_runs(root)
    if not runs:
        raise NotFoundError(
            f"no runs in {runs_folder(root)}", hint="train a model first: mlops train"
        )
    if reference == "latest":
        return _latest(runs)
    if reference == "best" or reference.startswith("best:"):
        return _best(runs, reference.partition(":")[2])
    matches = [run for run in runs if run.id == reference] or [
        run for run in runs if reference and run.id.startswith(reference)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise NotFoundError(
            f"{reference!r} begins the ids of {len(matches)} runs",
            hint=f"the newest of them is {matches[-1].id}",
        )
    near = get_close_matches(
        reference, [run.id for run in runs] + ["latest", "best"], n=1, cutoff=0.5
    )
    raise NotFoundError(
        f"no run {reference!r} in {runs_folder(root)}",
        hint=f"did you mean {near[0]}?" if near else f"the newest run is {runs[-1].id}",
    )


def without_model(run: Run, command: str) -> NotFoundError:
    """The error for a run that has no model: what to do depends on how far it got.

    Args:
        run: The run.
        command: What was asked for, such as `evaluate`.
    """
    status = run.read().get("status", "unknown")
    if status == "finished":
        return NotFoundError(
            f"run {run.id} is finished, and its weights are gone: no model in {run.model}",
            hint=f"make it again: mlops runs rerun {run.id}; or take another: mlops {command} best",
        )
    return NotFoundError(
        f"run {run.id} has no model (its status is {status})",
        hint=f"go on with it: mlops train --resume {run.id}; or take another: mlops {command} best",
    )


def _latest(runs: list[Run]) -> Run:
    """The run that began last; ids tell only the second it began in."""
    second = _began(runs[-1])
    rivals = [run for run in runs if _began(run) == second]
    return (
        max(rivals, key=lambda run: str(run.read().get("started", ""))) if rivals[1:] else runs[-1]
    )


def _best(runs: list[Run], metric: str) -> Run:
    """The finished run with the best `metric` on validation; empty: what the newest monitored.

    A run whose record is damaged is no candidate.
    """
    if metric and metric not in HIGHER_IS_BETTER:
        near = get_close_matches(metric, HIGHER_IS_BETTER, n=1)
        raise NotFoundError(
            f"no metric {metric!r}",
            hint=f"did you mean best:{near[0]}?"
            if near
            else f"metrics: {', '.join(HIGHER_IS_BETTER)}",
        )
    finished = []
    for run in runs:
        with suppress(DataError):
            if (facts := run.read()).get("status") == "finished":
                finished.append((run, facts))
    wanted = metric or (finished[-1][1]["monitor"] if finished else "")
    scored = [
        (value if HIGHER_IS_BETTER[wanted] else -value, run.id, run)
        for run, facts in finished
        if (value := facts["metrics"].get(f"val/{wanted}")) is not None
    ]
    if not scored:
        raise NotFoundError("no finished run to choose the best from", hint="mlops train")
    return max(scored)[2]
