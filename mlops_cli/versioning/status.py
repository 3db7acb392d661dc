"""`mlops status`: how the project's data, its cache and its remote stand to each other."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path

from dvc.repo import Repo

from mlops_cli.schemas.remotes import Remote, StatusResult
from mlops_cli.schemas.versions import Held
from mlops_cli.versioning import dvc_yaml, objects
from mlops_cli.versioning.connection import Connection, connect
from mlops_cli.versioning.objects import Object, Tracked
from mlops_cli.versioning.repository import opened


def run(
    root: Path, *, remote: str | None = None, local: bool = False, beside: Sequence[Held] = ()
) -> StatusResult:
    """Compares the project with its .dvc files and dvc.lock, with the cache and with a remote.

    Args:
        root: The project.
        remote: Name of the remote; the default one's if None.
        local: Ask no remote. A project without any is not asked either.
        beside: Folders that DVC holds and no .dvc file names: whether those here are pushed.

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
        there = connection.sizes(pieces) if connection else None
        lacking = [piece for piece in pieces if piece.oid not in here and piece.oid not in wrong]
        unpushed = _unpushed(repo, pieces, here, there)
        if connection and unpushed is not None:
            unpushed += _unpushed_beside(repo, beside, connection, {one.oid for one in pieces})
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
        ours = any(dvc_yaml.ours({"meta": stage.meta}) for stage in repo.index.stages)
        asked = connection.remote if connection else None
        return _with_next_step(found, tracked, asked, "mlops repro" if ours else "dvc repro")


def _unpushed(
    repo: Repo, pieces: Sequence[Object], here: set[str], there: dict[str, int | None] | None
) -> list[str] | None:
    """What the remote lacks, or holds only in part."""
    if there is None:
        return None
    return [
        piece.name
        for piece in pieces
        if piece.oid in here and (piece.oid not in there or objects.is_partial(repo, piece, there))
    ]


def _unpushed_beside(
    repo: Repo, beside: Sequence[Held], connection: Connection, known: set[str]
) -> list[str]:
    """The same of folders without a place in the project; what is elsewhere is not missed here."""
    folders = [objects.not_laid_out(repo, held) for held in beside]
    for folder in folders:
        folder.read_list()
    pieces = {one.oid: one for folder in folders for one in folder.objects if one.oid not in known}
    wanted = list(pieces.values())
    here, _ = objects.present(repo, wanted)
    return _unpushed(repo, wanted, here, connection.sizes(wanted)) or []


def _outdated_stages(repo: Repo) -> list[str]:
    """Stages of dvc.yaml whose command or dependencies changed since they ran."""
    return [
        stage.addressing
        for stage in repo.index.stages
        if stage.cmd and (stage.changed_stage() or stage.changed_deps())
    ]


def _with_next_step(
    found: StatusResult, tracked: Sequence[Tracked], remote: Remote | None, pipeline: str
) -> StatusResult:
    """The first thing to do; the ones behind it come up when it is done.

    `pipeline` is the command that runs the stages.
    """
    named = f" --remote {remote.name}" if remote and not remote.default else ""
    ours = [item for item in tracked if item.path in found.changed and not item.out.stage.cmd]
    # What a stage that is out of date is to make anew, nobody has to fetch.
    lost = [
        item
        for item in tracked
        if item.path in found.absent and item.out.stage.addressing not in found.stages
    ]
    if found.damaged or lost or found.uncached:
        step = f"mlops pull{named}"
    elif ours:
        step = shlex.join(["dvc", "add", *(item.path for item in ours[:3])])
    elif found.stages or found.changed or found.absent:
        step = pipeline
    elif found.unpushed:
        step = f"mlops push{named}"
    elif found.missing:
        step = "mlops pull --remote NAME"
    else:
        step = "mlops train" if remote else "mlops remote add storage URL --default"
    return dataclasses.replace(found, next_step=step)
