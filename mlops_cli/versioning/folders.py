"""Folders that DVC holds without a place in the project: the bundles of registered models."""

import shutil
from collections.abc import Collection
from pathlib import Path

from dvc.fs import LocalFileSystem
from dvc.repo import Repo
from dvc_data.hashfile.build import build
from dvc_data.hashfile.transfer import transfer

from mlops_cli.errors import DataError, MlopsError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.versions import Held
from mlops_cli.versioning import objects, pull
from mlops_cli.versioning.failures import understood
from mlops_cli.versioning.objects import Object, Tracked
from mlops_cli.versioning.repository import dvc_folder, one_line, opened


def require(root: Path) -> Path:
    """DVC's config file of the project, which is shared.

    Raises:
        NotFoundError: There is no DVC project.
    """
    return dvc_folder(root) / "config"


def take(root: Path, folder: Path, name: str) -> Held:
    """Puts the files of a folder into DVC's cache. Nothing in the project changes.

    Args:
        root: The project.
        folder: The folder.
        name: What people call it.

    Raises:
        NotFoundError: There is no DVC project.
        MlopsError: DVC refuses, or another DVC command is at work.
    """
    with opened(root, locked=True) as repo:
        try:
            cache = repo.cache.local
            staging, meta, made = build(cache, str(folder), LocalFileSystem(), "md5")
            transfer(staging, cache, {made.hash_info}, shallow=False)
        except understood() as error:
            raise MlopsError(
                f"DVC can't hold {name}: {one_line(error)}", hint="mlops status"
            ) from error
        return Held(str(made.hash_info.value), name, int(meta.size or 0), int(meta.nfiles or 0))


def lay_out(
    root: Path, held: Held, target: Path, files: Collection[str], reporter: Reporter
) -> bool:
    """Copies a folder that DVC holds; what its cache lacks or has with wrong bytes is pulled.

    Args:
        root: The project.
        held: What DVC holds.
        target: An empty folder.
        files: The names that are expected in it; no other is written.
        reporter: Told of progress.

    Returns:
        Whether anything came from the remote.

    Raises:
        NotFoundError: Neither the cache nor the remote has it.
        UnreachableError: The remote does not answer.
        DataError: It holds other files than those, or the remote has wrong bytes.
    """
    with opened(root, locked=True) as repo:
        tracked = objects.not_laid_out(repo, held)
        assert tracked.list_object is not None
        came = _complete(repo, [tracked.list_object], reporter)
        if not tracked.read_list():
            raise DataError(f"the list of the files of {held.name} can't be read")
        pieces = {_inside(tracked, piece): piece for piece in tracked.files}
        if set(pieces) != set(files):
            other = sorted(set(pieces) ^ set(files))
            raise DataError(
                f"{held.name} holds other files than its record says: {objects.shown(other)}"
            )
        came |= _complete(repo, tracked.files, reporter)
        for name, piece in pieces.items():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(objects.cache_of(repo, piece.hash_name).oid_to_path(piece.oid), place)
    return came


def _complete(repo: Repo, pieces: list[Object], reporter: Reporter) -> bool:
    """Sees to it that the cache has the right bytes of every piece, by reading all of them."""
    here, wrong = objects.present(repo, pieces)
    rotten = {
        piece.oid for piece in pieces if piece.oid in here and not objects.read_again(repo, piece)
    }
    # A remote is asked only for what is lacking: an earlier version comes back offline, too.
    if len(here - rotten) == len({piece.oid for piece in pieces}):
        return False
    pull.bring(repo, pieces, wrong | rotten, reporter)
    return True


def _inside(tracked: Tracked, piece: Object) -> str:
    """The name of a file as seen from its folder."""
    return Path(piece.name).relative_to(tracked.path).as_posix()
