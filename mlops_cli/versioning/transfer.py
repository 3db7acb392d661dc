"""Moving objects between the cache and a remote, with progress and without half files."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from dvc.repo import Repo
from fsspec.callbacks import Callback

from mlops_cli.reporting import Reporter, Task
from mlops_cli.versioning.connection import Connection
from mlops_cli.versioning.failures import understood
from mlops_cli.versioning.objects import Object, by_hash, cache_of
from mlops_cli.wording import counted

_UNITS = ("B", "kB", "MB", "GB", "TB")

Failures = dict[str, BaseException]
"""What went wrong, by the hash of the object it went wrong with."""


def megabytes(count: int) -> str:
    """A number of bytes as people say it: 3.2 MB."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def files(count: int) -> str:
    """A number of files in words."""
    return counted(count, "file")


class _Progress(Callback):  # type: ignore[misc] # fsspec has no types
    """Counts files and bytes; called from the threads that move them."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task
        self._sizes: dict[str, int] = {}
        self._moved = 0
        self._lock = threading.Lock()

    def expect(
        self, source: Any, objects: Sequence[Object], sizes: Mapping[str, int]
    ) -> dict[str, str]:
        """Learns the bytes of the files that come next; where they lie in `source`, by hash."""
        paths = {item.oid: str(source.oid_to_path(item.oid)) for item in objects}
        self._sizes |= {path: sizes[oid] for oid, path in paths.items()}
        return paths

    def branched(self, path_1: Any, path_2: Any, **_: Any) -> "_File":
        """The callback of one file."""
        return _File(self, self._sizes.get(str(path_1), 0))

    def set_size(self, size: int) -> None:
        """The number of files is known already."""

    def relative_update(self, inc: int = 1) -> None:
        """So many files more are done."""
        with self._lock:
            self._task.advance(inc, moved=megabytes(self._moved))

    def moved(self, count: int) -> None:
        """So many bytes more are moved."""
        with self._lock:
            self._moved += count
            self._task.advance(0, moved=megabytes(self._moved))


class _File(Callback):  # type: ignore[misc] # fsspec has no types
    """Counts the bytes of one file. Some libraries tell them as they go, some at the end."""

    def __init__(self, whole: _Progress, size: int) -> None:
        super().__init__()
        self._whole, self._bytes, self._told = whole, size, 0

    def set_size(self, size: int) -> None:
        """Its size."""
        self._bytes = size or self._bytes

    def relative_update(self, inc: int = 1) -> None:
        """So many bytes more are moved."""
        self._told += inc
        self._whole.moved(inc)

    def absolute_update(self, value: int) -> None:
        """So many bytes are moved by now."""
        self.relative_update(value - self._told)

    def close(self) -> None:
        """It is done."""
        if self._bytes > self._told:
            self.relative_update(self._bytes - self._told)


def send(
    repo: Repo,
    connection: Connection,
    objects: Sequence[Object],
    sizes: Mapping[str, int],
    reporter: Reporter,
) -> tuple[int, Failures]:
    """Copies objects from the cache to the remote: files first, then the lists that name them.

    A folder's list in a remote is DVC's promise that all of its files are there. It is therefore
    sent last, and not at all when a file failed.

    Returns:
        How many objects were sent, and what went wrong.
    """
    tried = 0
    failures: Failures = {}
    with reporter.task(f"Pushing to {connection.remote.name}", len(objects)) as task:
        callback = _Progress(task)
        for lists in (False, True):
            batch = [item for item in objects if item.is_list is lists]
            if lists and failures:
                break
            tried += len(batch)
            for hash_name, items in by_hash(batch).items():
                source, target = cache_of(repo, hash_name), connection.store(hash_name)
                paths = callback.expect(source, items, sizes)
                failures |= _copy(source, target, paths, callback, connection.fs.jobs)
    return tried - len(failures), failures


def fetch(
    repo: Repo,
    connection: Connection,
    objects: Sequence[Object],
    sizes: Mapping[str, int],
    reporter: Reporter,
) -> Failures:
    """Copies objects from the remote into the cache, and keeps those that match their hash.

    Returns:
        What went wrong. An object of which wrong bytes came is simply not in the cache afterwards.
    """
    failures: Failures = {}
    with reporter.task(f"Pulling from {connection.remote.name}", len(objects)) as task:
        callback = _Progress(task)
        for hash_name, items in by_hash(objects).items():
            source, target = connection.store(hash_name), cache_of(repo, hash_name)
            paths = callback.expect(source, items, sizes)
            failures |= _copy(source, target, paths, callback, connection.fs.jobs, verify=True)
    return failures


def _copy(
    source: Any,
    target: Any,
    paths: Mapping[str, str],
    callback: _Progress,
    jobs: int,
    *,
    verify: bool = False,
) -> Failures:
    """Copies objects, given by hash and path, from one of DVC's stores to another."""
    failures: Failures = {}
    try:
        target.add(
            list(paths.values()),
            source.fs,
            list(paths),
            on_error=failures.__setitem__,
            callback=callback,
            batch_size=jobs,
            check_exists=False,
            verify=verify,
        )
    except understood() as error:
        # DVC moves what a failed download left, and then finds nothing to move.
        if not failures:
            failures[next(iter(paths))] = error
    return failures
