"""Locks of DVC's that processes left which are gone: DVC would go on to refuse.

DVC writes who reads and who writes which path into `.dvc/tmp/rwlock`. It drops a killed process
from there itself, but only once its number is free: not while nobody has taken note of its end, and
not once another process has that number. A file that was half written stays so for good.
"""

import json
from pathlib import Path
from typing import Any

import psutil
from dvc.lock import make_lock
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

from mlops_cli.files import write_text

_CLOCK = 30.0
"""Seconds that a clock may have been set by: who runs is to keep its lock. A number that another
process gets so soon after a kill is taken for the killed one's, as DVC does."""


def drop(folder: Path) -> None:
    """Removes what processes that are gone have left in the locks of a DVC project.

    Args:
        folder: Its `.dvc`.

    Raises:
        LockError: Another process is at the file of locks.
    """
    place = folder / "tmp"
    file = place / RWLOCK_FILE
    if not file.is_file():
        return
    # Whoever writes the file holds this lock: what can't be read now, nobody is writing.
    with make_lock(str(place / RWLOCK_LOCK), tmp_dir=str(place)):
        try:
            text, written = file.read_text("utf-8"), file.stat().st_mtime
        except FileNotFoundError:
            return
        try:
            held = json.loads(text)
            kept = {mode: _kept(held.get(mode, {}), written) for mode in ("write", "read")}
        except (ValueError, KeyError, TypeError, AttributeError):
            file.unlink()
            return
        if kept != held:
            write_text(file, json.dumps(kept))


def _kept(paths: dict[str, Any], written: float) -> dict[str, Any]:
    """Of the paths of one mode, those whose holders are there."""
    found: dict[str, Any] = {}
    for path, holders in paths.items():
        if isinstance(holders, list):
            kept = [one for one in holders if _there(int(one["pid"]), written)]
            found |= {path: kept} if kept else {}
        elif holders and _there(int(holders["pid"]), written):
            found[path] = holders
    return found


def _there(pid: int, written: float) -> bool:
    """Whether a process runs, and did so when it was written down."""
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        return process.create_time() <= written + _CLOCK
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
