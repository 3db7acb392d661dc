"""A remote that is reached: its file system, and what it holds under which hash."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import Any

from dvc.data_cloud import Remote as DvcRemote
from dvc.fs import get_cloud_fs
from dvc.repo import Repo
from dvc_objects.fs.errors import ConfigError as FileSystemConfigError
from fsspec.asyn import sync

from mlops_cli.errors import ConfigError, MissingDependencyError, MlopsError, UnreachableError
from mlops_cli.project import from_home
from mlops_cli.schemas.remotes import Remote, RemoteChecked
from mlops_cli.versioning import remotes
from mlops_cli.versioning.failures import explain, secret_values, understood
from mlops_cli.versioning.objects import Object, by_hash
from mlops_cli.versioning.repository import opened
from mlops_cli.versioning.settings import SECRETS

SECONDS_TO_ANSWER = 10.0
"""How long a remote may take to say anything at all."""

_CONNECT_SECONDS = 5
_LISTED_FROM = 500
"""From this many files on, an object store is asked for its list and not for each file."""

_MARKER = ".mlops-check"
_OBJECT_STORES = ("s3", "gs", "azure")
_READ_ONLY_KINDS = ("http", "https")


@dataclass(frozen=True)
class Connection:
    """A remote in use.

    Attributes:
        remote: What may be shown of it.
        held: DVC's side of it.
        secrets: Values that no message may hold.
    """

    remote: Remote
    held: DvcRemote
    secrets: tuple[str, ...]

    @cached_property
    def fs(self) -> Any:
        """DVC's file system, not connected before it is used."""
        return self.held.fs

    def store(self, hash_name: str) -> Any:
        """DVC's object store for hashes of this name."""
        return self.held.odb if hash_name == "md5" else self.held.legacy_odb

    def explain(self, error: BaseException) -> MlopsError:
        """An error that using the remote raised, as one of ours."""
        return explain(error, self.remote, self.secrets)

    def reach(self) -> None:
        """Asks the remote for a sign of life, within `SECONDS_TO_ANSWER`.

        Raises:
            UnreachableError: There is none.
            MissingDependencyError: A package or a credential is missing, or refused.
            NotFoundError: The bucket or host is not there.
        """
        self._bounded(self._look)

    def check_writing(self) -> None:
        """Writes a small file into the remote and removes it.

        Raises:
            MlopsError: Like `reach`.
        """
        self._bounded(self._write_and_remove)

    def make_folder(self) -> None:
        """Makes the remote's own folder, where it is one.

        Raises:
            MlopsError: The remote fails.
        """
        if self.remote.kind in (*_OBJECT_STORES, *_READ_ONLY_KINDS):
            return
        try:
            self.fs.makedirs(self.held.path)
        except understood() as error:
            raise self.explain(error) from error

    def sizes(self, objects: Iterable[Object]) -> dict[str, int | None]:
        """Of the objects that the remote holds, the size by hash; None where it does not tell.

        Raises:
            MlopsError: The remote fails.
        """
        found: dict[str, int | None] = {}
        for hash_name, items in by_hash(objects).items():
            found |= self._sizes(self.store(hash_name), {item.oid for item in items})
        return found

    def _sizes(self, store: Any, oids: set[str]) -> dict[str, int | None]:
        paths = {oid: store.oid_to_path(oid) for oid in oids}
        try:
            if len(oids) >= _LISTED_FROM and self.remote.kind in _OBJECT_STORES:
                listed = self.fs.fs.find(store.path, detail=True)
                there = {name.lstrip("/"): info for name, info in listed.items()}
                infos = [
                    there.get(path.lstrip("/"), FileNotFoundError()) for path in paths.values()
                ]
            else:
                infos = self.fs.info(list(paths.values()), return_exceptions=True)
        except understood() as error:
            raise self.explain(error) from error
        found: dict[str, int | None] = {}
        for oid, info in zip(paths, infos, strict=True):
            if isinstance(info, FileNotFoundError):
                continue
            if isinstance(info, BaseException):
                raise self.explain(info) from info
            found[oid] = info.get("size")
        return found

    def _bounded(self, ask: Callable[[], None]) -> None:
        """Lets `ask` work, unless it takes too long."""
        answer: Future[None] = Future()

        def work() -> None:
            try:
                ask()
                answer.set_result(None)
            except understood() as error:
                answer.set_exception(error)
            except ValueError as error:  # botocore, asyncssh: a setting that can't be used
                answer.set_exception(FileSystemConfigError(str(error)))
            except KeyError as error:  # gcsfs: a file that is no credential
                answer.set_exception(FileSystemConfigError(f"the credential has no {error}"))
            except RuntimeError as error:  # work that goes on while the process ends
                answer.set_exception(error)

        try:
            # Here, so that a question for a password is not bounded.
            _ = self.fs.fs_args
            # A thread that still waits when we give up dies with the process.
            Thread(target=work, daemon=True).start()
            answer.result(SECONDS_TO_ANSWER)
        except understood() as error:
            if isinstance(error, TimeoutError) and not answer.done():
                raise UnreachableError(
                    f"the remote {self.remote.name} ({self.remote.url}) does not answer within "
                    f"{SECONDS_TO_ANSWER:.0f} s",
                    hint="check its URL and the network",
                ) from error
            raise self.explain(error) from error

    def _look(self) -> None:
        """The cheapest question that fails as reading and writing would fail."""
        fs, path = self.fs, self.held.path
        if self.remote.kind == "s3":
            # A list tells a wrong key from a wrong secret from a missing bucket; HEAD does not.
            bucket, _, prefix = path.lstrip("/").partition("/")
            fs.fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        elif self.remote.kind in _READ_ONLY_KINDS:
            sync(fs.fs.loop, self._head)
        elif self.remote.kind in _OBJECT_STORES:
            fs.fs.ls(path.lstrip("/").partition("/")[0])
        else:
            # `exists` takes a refusal for a no.
            with suppress(FileNotFoundError):
                fs.info(path)

    async def _head(self) -> None:
        """A web server answers, if only that there is nothing at this place."""
        session = await self.fs.fs.set_session()
        async with session.head(self.held.path) as answer:
            if answer.status in (401, 403):
                raise PermissionError(f"{answer.status} {answer.reason}")
            if answer.status >= 500:
                answer.raise_for_status()

    def _write_and_remove(self) -> None:
        place = self.fs.join(self.held.path, _MARKER)
        if self.remote.kind in _OBJECT_STORES:
            self.fs.fs.pipe_file(place, b"written by mlops remote check\n")
            self.fs.fs.rm_file(place)
            return
        missing = self.remote.kind == "folder" and not Path(place).parent.exists()
        self.fs.makedirs(self.held.path)
        with self.fs.open(place, "wb") as stream:
            stream.write(b"written by mlops remote check\n")
        self.fs.remove(place)
        if missing:
            Path(place).parent.rmdir()


def connect(repo: Repo, name: str | None) -> Connection:
    """A remote, ready to be asked.

    Args:
        repo: The project.
        name: Its name; the default remote's if None.

    Raises:
        ConfigError: There is no such remote, or it is set up wrong.
        MissingDependencyError: Its package is missing.
    """
    name = remotes.find(repo.config, name)
    remote = remotes.describe(repo.config, name)
    _refuse_missing_file(repo.config["remote"][name], remote)
    secrets = tuple(secret_values(repo.config["remote"][name], SECRETS))
    _bound_retries()
    try:
        kind, config, path = get_cloud_fs(repo.config, name=name)
        if config.get("worktree") or config.get("version_aware"):
            raise MlopsError(
                f"the remote {name} keeps versions of its own, which mlops does not read or write",
                hint=f"dvc push -r {name} and dvc pull -r {name} do",
            )
        fs = kind(**(_patience(remote.kind) | config))
    except understood() as error:
        raise explain(error, remote, secrets) from error
    # Without a place for DVC's index of what the remote held before: it is asked each time.
    return Connection(remote, DvcRemote(name, path, fs, **config), secrets)


def check(root: Path, name: str | None, *, writing: bool = True) -> RemoteChecked:
    """Reaches a remote, and tries to write there.

    Args:
        root: The project.
        name: Name of the remote; the default one's if None.
        writing: Whether to try.

    Raises:
        UnreachableError: It does not answer.
        MissingDependencyError: A package, a credential or a permission is missing.
        NotFoundError: The bucket or host is not there.
    """
    began = time.monotonic()
    with opened(root, locked=False) as repo:
        connection = connect(repo, name)
        connection.reach()
        tried = writing and connection.remote.kind not in _READ_ONLY_KINDS
        if tried:
            try:
                connection.check_writing()
            except MissingDependencyError as error:
                raise MissingDependencyError(
                    f"{error.message} (it can be read, not written)", hint=error.hint
                ) from error
        return RemoteChecked(connection.remote, tried or None, time.monotonic() - began)


def _patience(kind: str) -> dict[str, Any]:
    """What DVC's settings leave out, or set to minutes."""
    if kind == "s3":
        return {"connect_timeout": _CONNECT_SECONDS}
    if kind in _READ_ONLY_KINDS:
        return {"connect_timeout": _CONNECT_SECONDS}
    if kind == "ssh":
        import asyncssh

        # DVC's own client asks for passwords on the terminal, in the middle of the work.
        # Its own patience ends after ours, which has the better words.
        return {"client_factory": asyncssh.SSHClient, "timeout": int(SECONDS_TO_ANSWER) + 5}
    return {}


def _refuse_missing_file(settings: Mapping[str, object], remote: Remote) -> None:
    """Raises ConfigError where a credential's file is not there: gcsfs takes its path for a token.

    Such a "token" would be sent to Google.
    """
    path = settings.get("credentialpath")
    if path is not None and not from_home(str(path)).is_file():
        raise ConfigError(
            f"the remote {remote.name} ({remote.url}): no file {path}, which credentialpath names",
            hint=f"mlops remote add {remote.name} {remote.url} credentialpath=FILE --force",
        )


def _bound_retries() -> None:
    """Botocore tries five times, and s3fs five times around it: enough is enough."""
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "2")
