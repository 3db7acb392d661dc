"""One process at a time: a lock that ends with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_cli.errors import MlopsError


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Holds the folder's lock.

    Args:
        folder: What is locked; it exists.
        what: What it is, to begin a sentence: "study quick".

    Raises:
        MlopsError: Another process holds it.
    """
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip()
            raise MlopsError(
                f"{what} is being worked on by process {holder or 'unknown'}",
                hint="wait for it, or stop that process first",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
