"""A project as it was when a run began: its commit and changes in a temporary checkout."""

import dataclasses
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlops_cli import project
from mlops_cli.data import copies
from mlops_cli.errors import DataError, MlopsError, NotFoundError
from mlops_cli.tracking import record
from mlops_cli.tracking.record import Run

_PREFIX = "mlops-rerun-"


@dataclasses.dataclass(frozen=True)
class Checkout:
    """Where a run is made again.

    Attributes:
        root: The project: a temporary checkout, or the project itself where git can't help.
        temporary: Whether it is a checkout.
        code: What is known of the code, for people.
        doubts: Why it may not be the code of the run.
    """

    root: Path
    temporary: bool
    code: list[str]
    doubts: list[str]


@contextmanager
def of(run: Run, root: Path) -> Iterator[Checkout]:
    """The project at the commit of a run, with the uncommitted changes that the run kept.

    The checkout is a git worktree; its `runs` is the project's own, and it is gone in the end.

    Raises:
        NotFoundError: The commit is not in the repository.
        DataError: The changes that the run kept don't fit, or are not those it began with.
        MlopsError: git refuses.
    """
    git = run.read().get("git")
    git = git if isinstance(git, dict) else {}
    commit, dirty = git.get("commit"), git.get("dirty_hash")
    top = project.repository(root)
    if not commit or top is None:
        doubt = "the run recorded no commit, so the code is what is here now"
        yield Checkout(root, False, [doubt], [doubt])
        return
    code, doubts = [f"commit {commit[:12]}"], []
    with _no_copies_left(root), _worktree(top, commit) as tree:
        copy = tree / root.resolve().relative_to(top)
        if not (copy / "configs" / "config.yaml").is_file() and _has_config(root):
            raise NotFoundError(f"commit {commit[:12]} does not hold the project {root}")
        if dirty and run.diff.is_file():
            _apply(run, tree, dirty)
            code.append("with the uncommitted changes that the run kept")
        elif dirty:
            doubts.append("the run had uncommitted changes, which it did not keep")
        _share_runs(root, copy)
        yield Checkout(copy, True, code + doubts, doubts)


@contextmanager
def _no_copies_left(root: Path) -> Iterator[None]:
    """Drops what `data=stream` copied of files in a checkout, also of one whose rerun was killed.

    Such a copy is found by the path of its file, which no other checkout will have.
    """
    try:
        yield
    finally:
        copies.drop_gone(record.runs_folder(root), _PREFIX)


@contextmanager
def _worktree(top: Path, commit: str) -> Iterator[Path]:
    if project.run_git(top, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise NotFoundError(
            f"commit {commit[:12]} is not in this repository", hint="git fetch --all, then again"
        )
    project.run_git(top, "worktree", "prune")  # What a killed rerun left in git's books.
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    tree = folder / "code"
    try:
        # Hooks of the repository are not ours to run; DVC's would check out all data.
        _git(top, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", "--force",
             str(tree), commit)  # fmt: skip
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        project.run_git(top, "worktree", "prune")


def _apply(run: Run, tree: Path, recorded: str) -> None:
    """Applies the changes that a run kept, and sees to it that they are the recorded ones."""
    try:
        _git(tree, "apply", "--index", "--whitespace=nowarn", str(run.diff.resolve()))
    except MlopsError as error:
        raise DataError(
            f"git.diff of run {run.id} does not fit its commit: {error.message}"
        ) from error
    found = project.git_facts(tree).dirty_hash
    if found != recorded:
        raise DataError(f"git.diff of run {run.id} is not what the run began with")


def _share_runs(root: Path, copy: Path) -> None:
    """Lets the checkout write its runs into the project."""
    runs = record.runs_folder(root)
    runs.mkdir(exist_ok=True)
    place = copy / runs.name
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)  # Something in it is tracked; this is a copy.
    place.symlink_to(runs.resolve(), target_is_directory=True)


def _has_config(root: Path) -> bool:
    return (root / "configs" / "config.yaml").is_file()


def link(root: Path, copy: Path, path: str) -> bool:
    """Shows a file of the project in the checkout as well. False where there is none."""
    source, place = root / path, copy / path
    if not source.exists():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        place.symlink_to(source.resolve(), target_is_directory=source.is_dir())
    return True


def _git(folder: Path, *arguments: str) -> None:
    """Runs git. Raises MlopsError with what it says when it refuses."""
    command: list[Any] = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise MlopsError(f"git can't be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise MlopsError(f"git refuses: {said[-1] if said else done.returncode}")
