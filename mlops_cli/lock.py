"""One process at a time: a lock that ends with its process, however that ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mlops_cli.errors import MlopsError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a disk says that knows no locks."""


def take(file: Path) -> IO[str] | str:
    """Locks a file, which is made if need be and tells who has it.

    Returns:
        The file, locked until it is closed; where another process has it, what that is called.

    Raises:
        OSError: It can't be made, or its disk knows no locks.
    """
    lock = file.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with lock:
            lock.seek(0)
            return f"process {lock.read().strip() or 'unknown'}"
    except OSError:
        lock.close()
        raise
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Holds the folder's lock.

    Args:
        folder: What is locked; it exists.
        what: What it is, to begin a sentence: "study quick".

    Raises:
        MlopsError: Another process holds it, or its disk knows no locks.
    """
    try:
        lock = take(folder / "lock")
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise MlopsError(
            f"{folder} can't be locked: {error.strerror}", hint="a disk that knows locks"
        ) from error
    if isinstance(lock, str):
        raise MlopsError(
            f"{what} is being worked on by {lock}",
            hint="wait for it, or stop that process first",
        )
    with lock:
        yield
