"""A package in the place of the one before: what is not ours stays, and no edit is lost."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops_cli.errors import UsageError
from mlops_cli.files import sha256
from mlops_cli.packaging import context, making

_ANOTHER = "another: --output DIR; or move it away"
_TOLD = (making.RECORD, making.LOG)
"""What we say of our own doings, which is said anew each time."""


def must_be_ours(folder: Path, known: making.Known | None) -> None:
    """Refuses to write over what we have not written.

    Args:
        folder: Where a package is to be written.
        known: What we wrote there; None where we wrote nothing.

    Raises:
        UsageError: There is something else, or it was edited.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if known is None:
        raise UsageError(
            f"{folder} is there already, and not by mlops package", hint="another: --output DIR"
        )
    edited = folder / making.CONTEXT
    if context.digest(edited) == known.context:
        names = (name for name in known.written if _edited(folder / name, known.written[name]))
        name = next(names, None)
        if name is None:
            return
        edited = folder / name
    raise UsageError(f"{edited} was edited since it was written", hint=_ANOTHER)


def written(made: Path) -> Mapping[str, str]:
    """SHA-256 of each file that lies beside the context, by name."""
    return {name: sha256(path) for name, path in _beside(made) if path.is_file()}


def take_along(folder: Path, known: making.Known | None, made: Path) -> None:
    """Puts what others have laid beside a package into the one that takes its place.

    Args:
        folder: The package that is there, or is not.
        known: What we wrote there.
        made: The one that takes its place.

    Raises:
        UsageError: A file that we write now is there, and not as we write it.
    """
    if known is None:
        return
    ours = {*known.written, *_TOLD}
    if not known.written:  # Older than the list; this one tells what nobody edits.
        ours.add(making.SBOM)
    for name, path in _beside(folder):
        target = made / name
        if name in ours or (path.is_dir() and target.is_dir() and not path.is_symlink()):
            continue
        if not os.path.lexists(target):
            _make_folders(folder, made, target.parent)
            _take(path, target)
        elif _edited(path, sha256(target) if target.is_file() else ""):
            raise UsageError(f"{path} is there, and not as it would be written", hint=_ANOTHER)


def _beside(folder: Path) -> Iterator[tuple[str, Path]]:
    """What lies beside the context: files, links and empty folders."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        whole = path.is_symlink() or not path.is_dir() or not any(path.iterdir())
        if inside.parts[0] != making.CONTEXT and whole:
            yield inside.as_posix(), path


def _edited(path: Path, known: str) -> bool:
    """Whether something is there that is not the file we know. What was removed is no loss."""
    if not os.path.lexists(path):
        return False
    return path.is_symlink() or not path.is_file() or sha256(path) != known


def _make_folders(folder: Path, made: Path, parent: Path) -> None:
    """Makes folders of the new package as they are in the one before."""
    if parent.is_dir():
        return
    _make_folders(folder, made, parent.parent)
    parent.mkdir()
    shutil.copymode(folder / parent.relative_to(made), parent)


def _take(path: Path, target: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        target.mkdir()
        shutil.copymode(path, target)
        return
    try:
        # The very file: with its owner, and whoever has it open goes on writing to it.
        os.link(path, target, follow_symlinks=False)
    except OSError:  # Not every file system has links, and not every file may get one.
        shutil.copy2(path, target, follow_symlinks=False)
