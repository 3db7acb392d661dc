"""`mlops status`: how the project's data, its cache and its remote stand to each other."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dvc.repo import Repo

from mlops_cli.schemas.remotes import Remote, StatusResult
from mlops_cli.versioning import objects
from mlops_cli.versioning.connection import Connection, connect
from mlops_cli.versioning.objects import Object, Tracked
from mlops_cli.versioning.repository import opened


def run(root: Path, *, remote: str | None = None, local: bool = False) -> StatusResult:
    """Compares the project with its .dvc files and dvc.lock, with the cache and with a remote.

    Args:
        root: The project.
        remote: Name of the remote; the default one's if None.
        local: Ask no remote. A project without any is not asked either.

    Raises:
        NotFoundError: There is no DVC project, or the bucket is missing.
        ConfigError: There is no such remote.
        MissingDependencyError: A package, a credential or a permission is missing.
        UnreachableError: The remote does not answer.
    """
    with opened(root, locked=True) as repo:
        tracked = objects.collect(repo, (), remote)
        nobody = local or (remote is None and not repo.config["remote"])
        connection = None if nobody else connect(repo, remote)
        if connection:
            connection.reach()
        differing, absent = objects.changed(tracked)
        for item in tracked:
            item.read_list()
        pieces = list({piece.oid: piece for item in tracked for piece in item.objects}.values())
        here, wrong = objects.present(repo, pieces)
        there = _held(connection, pieces)
        lacking = [piece for piece in pieces if piece.oid not in here and piece.oid not in wrong]
        unpushed = _unpushed(repo, pieces, here, there)
        found = StatusResult(
            remote=connection.remote.name if connection else None,
            url=connection.remote.url if connection else None,
            files=len(pieces),
            changed=differing,
            absent=absent,
            stages=_outdated_stages(repo),
            unpushed=unpushed,
            uncached=[p.name for p in lacking if there is None or p.oid in there],
            missing=[p.name for p in lacking if there is not None and p.oid not in there],
            damaged=[piece.name for piece in pieces if piece.oid in wrong],
            next_step="",
        )
        return _with_next_step(found, tracked, connection.remote if connection else None)


def _held(connection: Connection | None, pieces: Sequence[Object]) -> dict[str, int | None] | None:
    """Sizes of what the remote holds, by hash; None where no remote is asked."""
    if connection is None:
        return None
    there: dict[str, int | None] = {}
    for hash_name in {piece.hash_name for piece in pieces}:
        oids = [piece.oid for piece in pieces if piece.hash_name == hash_name]
        there |= connection.sizes(connection.store(hash_name), oids)
    return there


def _unpushed(
    repo: Repo, pieces: Sequence[Object], here: set[str], there: dict[str, int | None] | None
) -> list[str] | None:
    """What the remote lacks, or holds only in part."""
    if there is None:
        return None
    return [
        piece.name
        for piece in pieces
        if piece.oid in here
        and (
            piece.oid not in there
            or there[piece.oid] not in (None, objects.size_in_cache(repo, piece))
        )
    ]


def _outdated_stages(repo: Repo) -> list[str]:
    """Stages of dvc.yaml whose command or dependencies changed since they ran."""
    return [
        stage.addressing
        for stage in repo.index.stages
        if stage.cmd and (stage.changed_stage() or stage.changed_deps())
    ]


def _with_next_step(
    found: StatusResult, tracked: Sequence[Tracked], remote: Remote | None
) -> StatusResult:
    """The first thing to do; the ones behind it come up when it is done."""
    named = f" --remote {remote.name}" if remote and not remote.default else ""
    ours = [item for item in tracked if item.path in found.changed and not item.out.stage.cmd]
    if found.damaged or found.absent or found.uncached:
        step = f"mlops pull{named}"
    elif ours:
        step = " ".join(["dvc", "add", *(item.path for item in ours[:3])])
    elif found.stages or found.changed:
        step = "dvc repro"
    elif found.unpushed:
        step = f"mlops push{named}"
    elif found.missing:
        step = "mlops pull --remote NAME"
    else:
        step = "mlops train" if remote else "mlops remote add storage URL --default"
    return dataclasses.replace(found, next_step=step)
