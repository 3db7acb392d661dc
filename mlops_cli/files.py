"""Files that are there whole or not at all."""

import ctypes
import errno
import fcntl
import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mlops_cli.errors import PlaceError

_MARK = ".writing-"
_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY)
"""What the system says of a path that is a mistake of whoever named it. Elsewhere, ours."""

_BLOCK = 1 << 23
"""Most bytes that are hashed at once. Between two blocks a thread waits for those that run Python:
with hashlib's own 256 KiB, beside a busy one, it takes three times as long (measured)."""


def sha256(path: Path) -> str:
    """SHA-256 of a file of any size."""
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        whole = os.fstat(stream.fileno()).st_size
        # Mapped, as the allocator would keep a part of so large a block.
        with (
            mmap.mmap(-1, max(mmap.PAGESIZE, min(whole, _BLOCK))) as block,
            memoryview(block) as view,
        ):
            while size := stream.readinto(view):
                found.update(view[:size])
    return found.hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without error.

    What a killed process left beside it is removed by the next.

    Raises:
        PlaceError: There can be no such file, or a folder is there.
    """
    with _placing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
    temporary = _marked(Path(name), path, handle)
    # mkstemp makes files private; what we write is as readable as any file the user makes.
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        with _placing(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def atomic_open(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file that takes the place of `path` when the block ends without error."""
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        yield stream


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all."""
    with atomic_open(path) as stream:
        stream.write(text)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that takes its place when the block ends without error.

    An older `folder` is replaced as a whole: a reader, and whoever comes after a kill, finds the
    old one or the new one. What a killed process left beside it is removed by the next.

    Raises:
        PlaceError: There can be no such folder.
    """
    with _placing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    temporary.chmod(0o755)
    lock = os.open(temporary, os.O_RDONLY)
    temporary = _marked(temporary, folder, lock)
    try:
        yield temporary
        if not folder.exists():
            temporary.replace(folder)
        elif not _exchange(temporary, folder):
            # Between these two there is no folder; a system without an exchange has no better way.
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            folder.replace(old)
            temporary.replace(folder)
            temporary = old
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(lock)


@contextmanager
def _placing(target: Path) -> Iterator[None]:
    """Tells a place that is none from whatever else fails, by the name that was asked for.

    Nobody knows the temporary file.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_PLACE:
            error.filename = str(target)
            raise
        raise PlaceError(target, error) from error


def _marked(temporary: Path, target: Path, handle: int) -> Path:
    """Lets others see that the process which writes something lives: locked, it is renamed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:  # A file system without locks: nobody could tell that it is left.
        return temporary
    part = temporary.name.removeprefix(f".{target.name}.")
    return temporary.replace(target.parent / f".{target.name}{_MARK}{part}")


def _sweep(target: Path) -> None:
    """Removes what killed processes have left beside something."""
    begins = f".{target.name}{_MARK}"
    with os.scandir(target.parent) as entries:
        left = [Path(entry) for entry in entries if entry.name.startswith(begins)]
    for path in left:
        try:
            lock = os.open(path, os.O_RDONLY)
        except OSError:  # Its process has just removed it, or it is another user's.
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _exchange(first: Path, second: Path) -> bool:
    """Swaps two paths in one step (Linux's renameat2); False where the system can't."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    if renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(renameat2(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0)
