"""Stage `runs delete`: runs, or only their checkpoints, out of the way and then gone.

What goes is renamed into `runs/.trash` first, so that a kill leaves a run whole or no run at all;
what a kill left in the trash goes with the next deletion. No link is followed: of a link only the
link itself goes.
"""

import contextlib
import dataclasses
import math
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlops_cli.errors import DataError, MlopsError, NotFoundError, UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.runs import details, listing
from mlops_cli.runs.index import Index
from mlops_cli.runs.names import Names, is_pipeline
from mlops_cli.schemas.runs import DeletePlan, Removal
from mlops_cli.tracking import finding, liveness, record
from mlops_cli.tracking.record import Run

_TRASH = ".trash"


def plan(
    root: Path,
    references: Sequence[str] = (),
    *,
    where: str = "",
    keep_best: int | None = None,
    by: str = "",
    pipeline: bool = False,
    checkpoints_only: bool = False,
) -> DeletePlan:
    """What a deletion would remove; nothing is touched.

    Args:
        root: The project.
        references: Runs by name, as `finding.find` takes them.
        where: Runs by condition, besides those by name.
        keep_best: Of all these, so many with the best metric stay.
        by: The metric; what the newest finished run monitored if empty.
        pipeline: A condition takes runs of `mlops repro` as well.
        checkpoints_only: The runs stay, their checkpoints go.

    Raises:
        UsageError: Nothing is named, or the condition can't be read.
        NotFoundError: There is no such run.
        MlopsError: A run that is named is being trained.
    """
    if not references and not where and keep_best is None:
        raise UsageError(
            "nothing says which runs to delete", hint="RUN, --where CONDITION or --keep-best N"
        )
    index = Index(root)
    names = Names(index)
    named = [_named(root, reference) for reference in references]
    for run in named:
        _refuse_running(run)
    chosen = dict.fromkeys(run.id for run in named)
    kept: dict[str, str] = {}
    if where or not references:
        for name in listing.select(index, names, where):
            if names.status(name) == "running":
                kept[name] = "it is being trained"
            elif is_pipeline(name) and not pipeline:
                kept[name] = "it belongs to mlops repro (--pipeline takes it too)"
            else:
                chosen.setdefault(name)
    metric = _metric(index, names, by) if keep_best is not None else ""
    if keep_best:
        best = listing.ordered(list(chosen), names, metric)[:keep_best]
        with_figure = [name for name in best if _figure(names, name, metric) is not None]
        kept |= dict.fromkeys(with_figure, f"one of the best {keep_best} by {metric}")
    removals = [
        removal
        for name in chosen
        if name not in kept
        and (removal := _removal(index, names, name, metric, checkpoints_only)) is not None
    ]
    return DeletePlan(
        removals=sorted(removals, key=lambda one: one.run),
        kept=kept,
        checkpoints_only=checkpoints_only,
        megabytes=round(sum(one.megabytes for one in removals), 3),
    )


def carry_out(root: Path, wanted: DeletePlan, reporter: Reporter) -> DeletePlan:
    """Does what a plan says.

    Raises:
        MlopsError: A run has begun to train since; those before it are gone.
    """
    runs = record.runs_folder(root)
    trash = runs / _TRASH
    with reporter.task("deleting", len(wanted.removals)) as bar:
        for removal in wanted.removals:
            run = Run(runs / removal.run)
            _refuse_running(run)
            doomed = run.checkpoints if wanted.checkpoints_only else run.path
            _throw(doomed, trash / f"{removal.run}-{secrets.token_hex(4)}")
            bar.advance()
    _empty(trash)
    return dataclasses.replace(wanted, done=True)


def _named(root: Path, reference: str) -> Run:
    """A run of this project, also one whose record is damaged.

    Raises:
        UsageError: It lies somewhere else.
    """
    runs = record.runs_folder(root)
    unfinished = Run(runs / reference)  # A kill may leave a folder before there is a record.
    if reference and Path(reference).name == reference and _is_remnant(unfinished):
        return unfinished
    run = finding.find(root, reference)
    if run.path.parent.resolve() == runs.resolve():
        return Run(runs / run.path.name)
    raise UsageError(
        f"{run.path} is no run of this project, whose runs lie in {runs}",
        hint=f"delete it there: cd {run.path.parent.parent}",
    )


def _is_remnant(run: Run) -> bool:
    hidden = run.id.startswith(".")
    return run.path.is_dir() and not hidden and not (run.path / "run.json").exists()


def _refuse_running(run: Run) -> None:
    with contextlib.suppress(DataError):  # Nobody trains what has no readable record.
        facts = run.read()
        if liveness.status(run, facts) == "running":
            raise MlopsError(
                f"run {run.id} is being trained by process {facts.get('pid')}",
                hint="wait for it, or stop that process first",
            )


def _metric(index: Index, names: Names, by: str) -> str:
    """The metric that tells the best.

    Raises:
        UsageError: It is no metric.
        NotFoundError: No run says which.
    """
    if by:
        if names.find(by).higher_is_better is None:
            raise UsageError(f"--by {by}: nobody can tell whether more of it is better")
        return by
    for name in listing.ordered(list(index.facts()), names, listing.NEWEST):
        facts = index.facts()[name] or {}
        if facts.get("status") == "finished" and facts.get("monitor"):
            return f"val/{facts['monitor']}"
    raise NotFoundError("no finished run says what is best", hint="--by val/mcc")


def _figure(names: Names, run: str, metric: str) -> float | None:
    value = names.value(run, names.find(metric)) if metric else None
    return float(value) if isinstance(value, int | float) and not math.isnan(value) else None


def _removal(
    index: Index, names: Names, name: str, metric: str, checkpoints_only: bool
) -> Removal | None:
    """What of a run goes; None where it has no checkpoints and only they are to go."""
    run = Run(index.folder / name)
    doomed = run.checkpoints if checkpoints_only else run.path
    if checkpoints_only and not any(_content(doomed)):
        return None
    return Removal(
        run=name,
        status=names.status(name),
        megabytes=0.0 if doomed.is_symlink() else details.megabytes(doomed),
        pipeline=is_pipeline(name),
        metric=_figure(names, name, metric),
    )


def _content(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from folder.iterdir()


def _throw(path: Path, place: Path) -> None:
    """Takes a folder out of the way in one step, and deletes it."""
    place.parent.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # Somebody else was quicker.
        path.rename(place)
        _remove(place)


def _empty(trash: Path) -> None:
    """Deletes what is in the trash, also what a kill left there."""
    for leftover in list(_content(trash)):
        _remove(leftover)
    with contextlib.suppress(OSError):  # Another deletion is using it.
        trash.rmdir()


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
