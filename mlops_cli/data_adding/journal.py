"""What files take their places, on disk before they do: a later `data add` undoes a killed one.

The journal lies in the staging folder of one `data add`, a step a line. Its removal is the moment
from which the new state counts; as long as it is there, the old one does.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_cli.files import atomic_path

_NAME = "journal.jsonl"


class Journal:
    """The steps of one process.

    Args:
        folder: Its staging folder.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._root = folder / _NAME, _root(folder)

    def aside(self, path: Path, kept: Path) -> None:
        """`path` is about to be moved to `kept`, in the staging folder."""
        self._note({"aside": self._said(path), "kept": self._said(kept)})

    def put(self, staged: Path, target: Path) -> None:
        """`staged` is about to be moved to `target`, where nothing lies."""
        said = {"put": self._said(target), "staged": self._said(staged)}
        self._note(said | {"identity": _identity(staged)})

    def write(self, path: Path, before: bytes | None, after: str | None) -> None:
        """`path`, which holds `before`, is about to hold `after`; None: whatever DVC writes."""
        kept = None if before is None else base64.b64encode(before).decode()
        self._note({"write": self._said(path), "before": kept, "after": after})

    def end(self) -> None:
        """All is done, or undone."""
        self._file.unlink(missing_ok=True)

    def _said(self, path: Path) -> str:
        return os.path.relpath(path, self._root)

    def _note(self, step: Mapping[str, Any]) -> None:
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(step) + "\n")


def undo(folder: Path) -> bool:
    """Undoes the steps of a process that was killed, the last first.

    What somebody changed since then is left as it is.

    Args:
        folder: Its staging folder.

    Returns:
        Whether nothing is left in the folder that is nowhere else.
    """
    file = folder / _NAME
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return True
    whole = True
    for line in reversed(lines):
        try:
            step = json.loads(line)
        except ValueError:
            continue  # The last line, half written: its step was not begun.
        whole = _undone(step, _root(folder)) and whole
    if whole:
        file.unlink()
    return whole


def _root(folder: Path) -> Path:
    """The project, from a staging folder in its data folder: it may be moved after a kill."""
    return folder.absolute().parent.parent


def _undone(step: Mapping[str, Any], root: Path) -> bool:
    """Undoes one step; False where what it took away can't go back."""
    if "write" in step:
        _restore(root / step["write"], step["before"], step["after"])
    elif "put" in step:
        target = root / step["put"]
        if os.path.lexists(target) and _identity(target) == step.get("identity"):
            target.replace(root / step["staged"])
    elif os.path.lexists(kept := root / step["kept"]):
        path = root / step["aside"]
        # What DVC wrote in place of a .dvc file that was put aside is no work of anybody's.
        if os.path.lexists(path) and path.suffix != ".dvc":
            return False
        kept.replace(path)
    return True


def _identity(path: Path) -> list[int]:
    """What a move keeps, and what neither a new file nor a change of this one has.

    The number alone is not enough: a system gives that of a removed file to the next new one.
    """
    found = path.lstat()
    return [found.st_ino, found.st_mtime_ns]


def _restore(path: Path, before: str | None, after: str | None) -> None:
    if after is not None and not (path.is_file() and path.read_bytes() == after.encode()):
        return
    if before is None:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as temporary:
        temporary.write_bytes(base64.b64decode(before))
