"""`mlops pull`: fetch what the project tracks from a remote, and lay it out in the project.

Every file that comes is hashed before anything uses it. What is in the project is replaced only
when DVC holds it, so nothing that was made by hand is lost.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.exceptions import CheckoutError, DvcException
from dvc.repo import Repo

from mlops_cli.errors import DataError, MlopsError, NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.remotes import PullResult
from mlops_cli.schemas.versions import Held
from mlops_cli.versioning import objects
from mlops_cli.versioning.connection import Connection, connect
from mlops_cli.versioning.objects import Object, Tracked
from mlops_cli.versioning.repository import one_line, opened
from mlops_cli.versioning.transfer import fetch
from mlops_cli.wording import counted

_UNSAVED = "Can't remove the following unsaved files"


@dataclass
class _Fetched:
    """What came.

    Attributes:
        sizes: Bytes of each object that was fetched, by hash.
        repaired: Hashes of those that took the place of wrong bytes in the cache.
        missing: Names of what the remote does not hold.
        damaged: Names of what came with wrong bytes, and was thrown away.
        failures: What went wrong, by hash.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    repaired: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    failures: dict[str, BaseException] = field(default_factory=dict)


def run(
    root: Path,
    reporter: Reporter,
    *,
    targets: Sequence[str] = (),
    remote: str | None = None,
    force: bool = False,
    beside: Sequence[Held] = (),
) -> PullResult:
    """Fetches tracked files that the cache lacks, and lays them out in the project.

    Args:
        root: The project.
        reporter: Hears the progress.
        targets: Files, folders, .dvc files or stages; everything if empty.
        remote: Name of the remote; the default one's if None.
        force: Also replace changed files that DVC does not hold.
        beside: Folders that no .dvc file of the project names, to be fetched into the cache.

    Raises:
        NotFoundError: There is no DVC project, a target is not tracked, or the remote lacks files.
        ConfigError: There is no such remote.
        MissingDependencyError: A package, a credential or a permission is missing.
        UnreachableError: The remote does not answer.
        DataError: The remote holds wrong bytes, or changed files would be lost.
    """
    began = time.monotonic()
    with opened(root, locked=True) as repo:
        own = objects.collect(repo, targets, remote)
        others = [objects.not_laid_out(repo, held) for held in beside]
        connection = connect(repo, remote)
        came = _Fetched()
        lists = [item.list_object for item in own + others if item.list_object]
        _bring(repo, connection, lists, reporter, came)
        ours = [item for item in own if item.read_list()]
        whole = ours + [item for item in others if item.read_list()]
        files = [piece for item in whole for piece in item.files]
        _bring(repo, connection, files, reporter, came)
        laid_out = _lay_out(repo, ours, targets, came, force=force)
        _complain(connection, came, len(came.sizes))
        for path in objects.imports(repo):
            reporter.info(f"{path} comes from another repository: dvc pull {path}")
        return PullResult(
            remote=connection.remote.name,
            url=connection.remote.url,
            files=len({piece.oid for item in whole for piece in item.objects}),
            fetched=len(came.sizes),
            bytes=sum(came.sizes.values()),
            repaired=len(came.repaired),
            added=laid_out.get("added", []),
            modified=laid_out.get("modified", []),
            deleted=laid_out.get("deleted", []),
            seconds=time.monotonic() - began,
        )


def bring(repo: Repo, wanted: Sequence[Object], wrong: set[str], reporter: Reporter) -> None:
    """Fetches what the cache lacks from the default remote.

    Args:
        repo: The project.
        wanted: Everything that is to be in the cache.
        wrong: Hashes of those that the cache holds with wrong bytes; they are thrown away.
        reporter: Told of progress.

    Raises:
        MlopsError: Like `run`.
    """
    connection = connect(repo, None)
    came = _Fetched()
    objects.drop_damaged(repo, wanted, wrong)
    _bring(repo, connection, wanted, reporter, came)
    _complain(connection, came, len(came.sizes))


def _bring(
    repo: Repo,
    connection: Connection,
    wanted: Sequence[Object],
    reporter: Reporter,
    came: _Fetched,
) -> None:
    """Fetches what the cache lacks, or holds with wrong bytes."""
    here, wrong = objects.present(repo, wanted)
    lacking = list({piece.oid: piece for piece in wanted if piece.oid not in here}.values())
    if not lacking:
        return  # Nobody is asked for what is here: an earlier version comes back offline, too.
    connection.reach()
    there = connection.sizes(lacking)
    came.missing += [piece.name for piece in lacking if piece.oid not in there]
    # Wrong bytes are taken out of the cache even where the remote has no better ones: what is
    # in the cache is taken for right by everything that DVC does.
    objects.drop_damaged(repo, lacking, wrong)
    to_fetch = [piece for piece in lacking if piece.oid in there]
    if not to_fetch:
        return
    sizes = {oid: size or 0 for oid, size in there.items()}
    failures = fetch(repo, connection, to_fetch, sizes, reporter)
    right, _ = objects.present(repo, to_fetch)
    came.failures |= failures
    for piece in to_fetch:
        if piece.oid in right:
            came.sizes[piece.oid] = objects.size_in_cache(repo, piece)
            if piece.oid in wrong:
                came.repaired.add(piece.oid)
        elif piece.oid not in failures:
            came.damaged.append(piece.name)


def _lay_out(
    repo: Repo, whole: Sequence[Tracked], targets: Sequence[str], came: _Fetched, *, force: bool
) -> dict[str, Any]:
    """Lets DVC put into the project every output that the cache holds completely."""
    here, _ = objects.present(repo, [piece for item in whole for piece in item.objects])
    ready = [item for item in whole if all(piece.oid in here for piece in item.objects)]
    complete = not (targets or came.missing or came.damaged or came.failures)
    if not ready and not complete:
        return {}
    paths = None if complete else [item.target for item in ready]
    try:
        return dict(repo.checkout(targets=paths, force=force))
    except CheckoutError as error:
        # What stages that never ran will make is nowhere yet.
        failed = set(error.target_infos).intersection(item.path for item in whole)
        if failed:
            raise DataError(
                f"DVC could not lay out {objects.shown(sorted(failed))}", hint="mlops status"
            ) from error
        return dict(error.result)
    except DvcException as error:
        raise _refusal(error) from error


def _refusal(error: DvcException) -> MlopsError:
    """Why DVC leaves the files of the project alone."""
    first, *files = str(error).splitlines()
    if not first.startswith(_UNSAVED):
        return MlopsError(f"DVC can't lay out the files: {one_line(error)}", hint="mlops status")
    names = sorted(os.path.relpath(name) for name in files)
    return DataError(
        f"{objects.shown(names)} changed, and DVC does not hold the change",
        hint="dvc commit keeps the change, mlops pull --force drops it",
    )


def _complain(connection: Connection, came: _Fetched, fetched: int) -> None:
    """Raises an error when not everything came."""
    name = connection.remote.name
    if came.failures:
        told = connection.explain(next(iter(came.failures.values())))
        raise type(told)(
            f"{told.message} ({counted(fetched, 'file')} fetched)",
            hint=told.hint or "mlops pull goes on where it stopped",
        )
    if came.damaged:
        raise DataError(
            f"{objects.shown(came.damaged)}: damaged in the remote {name}, and not taken",
            hint="mlops push, where the right file is, replaces it",
        )
    if came.missing:
        raise NotFoundError(
            f"{objects.shown(came.missing)}: not in the remote {name}",
            hint="mlops push, where the files are, sends them",
        )
