"""A folder that appears whole or not at all, in a place that must be empty.

Everything is made in a hidden folder beside the place (`.NAME.mlops-init-…`). A missing place then
takes that folder's name in one step. A place that is there already stays the folder it is (a shell
may stand in it, a volume may be mounted on it): the content moves in, entry by entry, with a
journal from which the next `mlops init` undoes a move that was killed.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_cli.errors import UsageError

_MARK = ".mlops-init-"
_JOURNAL = "moving.json"


def check(folder: Path) -> None:
    """Refuses a place that is no empty or missing folder.

    Raises:
        UsageError: Something is there, or nothing can be written there.
    """
    remove_leftovers(folder)
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir():
        raise UsageError(f"{existing} is a file", hint="name a new folder: mlops init DIR")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"{existing} is not writable", hint="name another folder: mlops init DIR")
    if existing != folder:
        return
    names = sorted(entry.name for entry in folder.iterdir() if _MARK not in entry.name)
    if is_project(folder):
        raise UsageError(
            f"{folder} already is a project", hint="mlops update merges a newer template into it"
        )
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise UsageError(
            f"{folder} is not empty: {shown}", hint="name a new or empty folder: mlops init DIR"
        )


def is_project(folder: Path) -> bool:
    """Whether a project was made there, whole."""
    return (folder / ".copier-answers.yml").is_file()


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `folder` when the block ends without error."""
    top, beside = _place(folder)
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{top.name}{_MARK}", dir=beside))
    except OSError as error:
        raise UsageError(f"can't write in {beside}: {error.strerror}") from error
    lock = os.open(staging, os.O_RDONLY)
    try:
        # Held until this process ends: what is not locked was left by one that was killed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        project = staging / "project" / folder.relative_to(top)
        project.mkdir(parents=True)
        yield project
        check(folder)
        if folder.exists():
            _move_in(project, folder, staging / _JOURNAL)
        else:
            (staging / "project").rename(top)
    finally:
        _undo(staging, folder)
        shutil.rmtree(staging, ignore_errors=True)
        os.close(lock)


def remove_leftovers(folder: Path) -> None:
    """Undoes and removes what a killed `mlops init` left in or beside `folder`."""
    top, _ = _place(folder)
    for place in {top.parent, folder}:
        if not place.is_dir() or not os.access(place, os.R_OK | os.W_OK):
            continue
        for staging in [
            path for path in place.iterdir() if path.name.startswith(f".{top.name}{_MARK}")
        ]:
            lock = os.open(staging, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _undo(staging, folder)
                shutil.rmtree(staging, ignore_errors=True)
            except BlockingIOError:
                continue
            finally:
                os.close(lock)


def _place(folder: Path) -> tuple[Path, Path]:
    """The first missing folder on the way to `folder` (or `folder`), and where to stage it."""
    if not folder.exists():
        top = next(place for place in (folder, *folder.parents) if place.parent.exists())
        return top, top.parent
    beside = folder.parent
    same_disk = beside.stat().st_dev == folder.stat().st_dev
    return folder, beside if same_disk and os.access(beside, os.W_OK | os.X_OK) else folder


def _move_in(project: Path, folder: Path, journal: Path) -> None:
    names = sorted(entry.name for entry in project.iterdir())
    journal.write_text(json.dumps(names), "utf-8")
    for name in names:
        (project / name).rename(folder / name)
    journal.unlink()


def _undo(staging: Path, folder: Path) -> None:
    """Removes what a move that did not end has brought into `folder`."""
    journal = staging / _JOURNAL
    if not journal.is_file():
        return
    try:
        names = json.loads(journal.read_text("utf-8"))
    except ValueError:
        return  # killed while it was written: nothing has moved yet
    for name in names:
        brought = folder / name
        if brought.exists() and not (staging / "project" / name).exists():
            if brought.is_dir():
                shutil.rmtree(brought)
            else:
                brought.unlink()
