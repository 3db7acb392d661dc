"""The pipeline run by DVC: each stage that is out of date, and no other."""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from dvc.dependency.base import DependencyDoesNotExistError
from dvc.exceptions import ReproductionError
from dvc.lock import Lock, LockError
from dvc.repo import Repo
from dvc.stage import PipelineStage, Stage
from dvc.stage.exceptions import StageCmdFailedError

from mlops_cli.errors import (
    ConfigError,
    DataError,
    GateError,
    Interrupted,
    MissingDependencyError,
    MlopsError,
    NotFoundError,
    UsageError,
)
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.pipeline import StageOutcome
from mlops_cli.versioning import lock_file
from mlops_cli.versioning.changes import Plan, name_of, steps_of
from mlops_cli.versioning.repository import dvc_folder, one_line, opened

GOES_ON = "mlops repro goes on from here"
_KINDS: dict[int, type[MlopsError]] = {
    kind.exit_code: kind
    for kind in (UsageError, ConfigError, MissingDependencyError, DataError, GateError)
}
"""What a stage's exit code stands for."""


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keeps every other `mlops repro` out of the project while the context lasts.

    Raises:
        NotFoundError: There is no DVC project.
        MlopsError: Another one is at work.
    """
    folder = dvc_folder(root) / "tmp"
    folder.mkdir(exist_ok=True)
    lock = Lock(str(folder / "mlops-repro.lock"))
    try:
        lock.lock()
    except LockError as error:
        raise MlopsError(
            "another mlops repro is at work in this project", hint="wait for it, or stop it"
        ) from error
    try:
        yield
    finally:
        lock.unlock()


def reproduce(
    root: Path,
    plan: Plan,
    target: str | None,
    reporter: Reporter,
    *,
    force: bool,
    environment: Mapping[str, str],
) -> list[StageOutcome]:
    """Runs what is out of date, each stage after those it reads from.

    Args:
        root: The project; `dvc.yaml` and `params.yaml` are up to date.
        plan: What `explain` found.
        target: The last stage to bring up to date; None for all.
        reporter: Told which stage runs.
        force: Run every stage.
        environment: Variables for the stages' commands.

    Raises:
        Interrupted: We were told to stop; the stage that was running was, too.
        MlopsError: A stage failed, of the class that its exit code stands for; or DVC refuses.
    """
    outcomes = []
    with opened(root, locked=False) as repo, _undisturbed(environment):
        restored = _watch_restoring(repo)
        steps, graph = steps_of(repo, root, target)
        moved: dict[str, str] = {}
        for stage in steps:
            name = name_of(stage, root)
            upstream = [name_of(other, root) for other in graph.successors(stage)]
            why = [
                *plan.why.get(name, []),
                *(f"{other} {moved[other]}" for other in upstream if other in moved),
                *(["forced"] if force else []),
            ]
            # A .dvc file: data that was changed by hand is held anew.
            data = not isinstance(stage, PipelineStage)
            if why and not data:
                reporter.info(f"stage {name}: {stage.cmd}")
            began = time.monotonic()
            if why:
                lock_file.keep(root)
            if why and _run(repo, stage, name, force=force and not data):
                status = "restored" if stage.addressing in restored else "ran"
                seconds = round(time.monotonic() - began, 2)
                outcomes.append(StageOutcome(name, status, seconds, why))
                if not data:
                    moved[name] = status
            elif not data:
                outcomes.append(StageOutcome(name, "unchanged"))
    return outcomes


def _watch_restoring(repo: Repo) -> list[str]:
    """Addresses of the stages of which DVC restores, from now on, what an earlier run made."""
    restored: list[str] = []
    restore = repo.stage_cache.restore

    def watched(stage: Stage, **options: Any) -> None:
        restore(stage, **options)
        restored.append(stage.addressing)

    repo.stage_cache.restore = watched
    return restored


def _run(repo: Repo, stage: Stage, name: str, *, force: bool) -> bool:
    """Brings one stage up to date; tells whether there was anything to do."""
    target = stage.path if not isinstance(stage, PipelineStage) else f"{stage.path}:{stage.name}"
    before = {child.pid for child in psutil.Process().children()}
    try:
        return bool(repo.reproduce(targets=[target], single_item=True, force=force))
    except ReproductionError as error:
        cause = error.__cause__
        if isinstance(cause, StageCmdFailedError):
            code = int((re.findall(r"exited with (-?\d+)", str(cause)) or ["1"])[-1])
            raise _failure(name, code) from error
        if isinstance(cause, FileNotFoundError | DependencyDoesNotExistError):
            missing = getattr(cause, "filename", None) or one_line(cause)
            raise NotFoundError(
                f"stage {name} reads {missing}, which is not there",
                hint="mlops pull fetches what DVC holds; or name another file",
            ) from error
        if cause is not None:
            raise cause from error
        raise
    except KeyboardInterrupt as error:
        _stop([c for c in psutil.Process().children() if c.pid not in before])
        raise Interrupted(f"interrupted in stage {name}", hint=GOES_ON) from error


def _failure(name: str, code: int) -> MlopsError:
    """A stage's exit code as an error; the stage has told why itself."""
    # A shell that died of the signal itself has a negative code.
    if code in (Interrupted.exit_code, -signal.SIGINT, -signal.SIGTERM):
        return Interrupted(f"interrupted in stage {name}", hint=GOES_ON)
    kind = _KINDS.get(code, MlopsError)
    return kind(f"stage {name} failed, see above", hint=f"what ran before is kept: {GOES_ON}")


def _stop(processes: Sequence[psutil.Process]) -> None:
    """Asks a stage's processes to end, and waits: a training saves a checkpoint."""
    everyone = [one for child in processes for one in (*_descendants(child), child)]
    for process in everyone:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
    psutil.wait_procs(everyone)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return found


@contextmanager
def _undisturbed(environment: Mapping[str, str]) -> Iterator[None]:
    """Stages find our own `mlops`, and what they print goes to stderr: stdout is the result's."""
    folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([folder, os.environ.get("PATH", "")])
    changed = {**environment, "PATH": path}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
