"""What the project tracks: each output of its .dvc files and dvc.lock, file by file."""

import os
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dvc.exceptions import NoOutputOrStageError
from dvc.repo import Repo
from dvc.stage.exceptions import StageFileBadNameError, StageFileDoesNotExistError, StageNotFound
from dvc_data.hashfile.hash import hash_file
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.schemas.versions import Held


@dataclass(frozen=True)
class Object:
    """One file, or the list of a folder's files, as DVC holds it.

    Attributes:
        oid: Its MD5 hash, with `.dir` behind it for a folder's list.
        name: Its path in the project, as a person types it here.
        hash_name: How DVC took the hash.
    """

    oid: str
    name: str
    hash_name: str

    @property
    def is_list(self) -> bool:
        """Whether it is the list of a folder's files."""
        return self.oid.endswith(".dir")


@dataclass
class Tracked:
    """One output that DVC holds.

    Attributes:
        out: DVC's side of it.
        path: Where it is, as a person types it here.
        only: The part of it that was asked for; None for all of it.
        files: Its files; empty for a folder whose list is not in the cache.
        list_object: A folder's list; None for a file.
    """

    out: Any
    path: str
    only: str | None = None
    files: list[Object] = field(default_factory=list)
    list_object: Object | None = None

    @property
    def objects(self) -> list[Object]:
        """Everything that DVC holds of it."""
        return [*self.files, *([self.list_object] if self.list_object else [])]

    @property
    def target(self) -> str:
        """What to type for it."""
        return self.only or self.path

    def read_list(self) -> bool:
        """Reads a folder's list from the cache; False when it is not there, or damaged."""
        if self.list_object is None or self.files:
            return True
        try:
            tree = Tree.load(self.out.cache, self.out.hash_info)
        except (FileNotFoundError, ObjectFormatError):
            return False
        for key, _, info in tree:
            name = str(Path(self.path, *key))
            if self.only is None or name == self.only or name.startswith(f"{self.only}{os.sep}"):
                self.files.append(Object(info.value, name, info.name))
        return True


def collect(repo: Repo, targets: Sequence[str], remote: str | None = None) -> list[Tracked]:
    """The outputs that DVC holds, or those that targets name.

    Args:
        repo: The project.
        targets: Files, folders, .dvc files or stages; everything if empty.
        remote: Leave out what belongs to another remote than this.

    Raises:
        NotFoundError: A target is not tracked.
        DataError: A .dvc file is empty.
    """
    found: dict[tuple[str, str | None], Tracked] = {}
    for target in targets or (None,):
        for stage, only in _stages(repo, target):
            if not (stage.outs or stage.cmd):
                # DVC would take the file for one of nothing, and its data away.
                raise DataError(
                    f"{stage.relpath} is not as DVC writes it",
                    hint=f"git checkout HEAD -- {stage.relpath} brings the committed one back",
                )
            if stage.is_repo_import or stage.is_partial_import:
                continue
            for out in _outs(stage, only):
                if remote is None or not out.remote or out.remote == remote:
                    tracked = _tracked(repo, out, only)
                    found.setdefault((tracked.path, tracked.only), tracked)
    return list(found.values())


@dataclass(frozen=True)
class _NotLaidOut:
    """DVC's side of a folder that has no place in the project: what `Tracked` asks of it."""

    cache: Any
    hash_info: HashInfo
    exists: bool = True

    def changed_checksum(self) -> bool:
        """Never: there is nothing in the project that could differ."""
        return False


def not_laid_out(repo: Repo, held: Held) -> Tracked:
    """A folder that DVC holds and that no .dvc file of the project names."""
    out = _NotLaidOut(repo.cache.local, HashInfo("md5", held.oid))
    return Tracked(out, held.name, list_object=Object(held.oid, f"{held.name}{os.sep}", "md5"))


def imports(repo: Repo) -> list[str]:
    """Paths that come from another repository, and that its own remote holds."""
    return [str(stage.outs[0]) for stage in repo.index.stages if stage.is_repo_import]


def _stages(repo: Repo, target: str | None) -> list[tuple[Any, str | None]]:
    try:
        return [tuple(pair) for pair in repo.index.collect_targets(target)]
    except (
        NoOutputOrStageError,
        StageFileBadNameError,
        StageFileDoesNotExistError,
        StageNotFound,
    ) as error:
        known = [str(out) for out in repo.index.outs]
        near = get_close_matches(target or "", known, n=1)
        hint = f"did you mean {near[0]}?" if near else shlex.join(["dvc", "add", target or ""])
        if not near and not Path(target or "").exists():
            hint = f"tracked: {', '.join(sorted(known)[:8])}" if known else "dvc add FILE"
        raise NotFoundError(f"DVC does not track {target}", hint=hint) from error


def _outs(stage: Any, only: str | None) -> Iterator[Any]:
    for out in stage.outs:
        inside = only is None or out.fs.isin_or_eq(only, out.fs_path)
        if inside and out.use_cache and out.hash_info:
            yield out


def _tracked(repo: Repo, out: Any, only: str | None) -> Tracked:
    path = str(out)
    part = None if only is None or only == out.fs_path else os.path.relpath(only)
    tracked = Tracked(out, path, part)
    value, hash_name = out.hash_info.value, out.hash_info.name
    if out.hash_info.isdir:
        tracked.list_object = Object(value, f"{path}{os.sep}", hash_name)
    else:
        tracked.files.append(Object(value, path, hash_name))
    return tracked


def by_hash(objects: Iterable[Object]) -> dict[str, list[Object]]:
    """The objects by the name of their hash: DVC keeps each kind in a store of its own."""
    grouped: dict[str, list[Object]] = defaultdict(list)
    for item in objects:
        grouped[item.hash_name].append(item)
    return grouped


def cache_of(repo: Repo, hash_name: str) -> Any:
    """The part of the cache for hashes of this name."""
    return repo.cache.local if hash_name == "md5" else repo.cache.legacy


def present(repo: Repo, objects: Iterable[Object]) -> tuple[set[str], set[str]]:
    """Which objects the cache holds, and which of these hold wrong bytes.

    A file that did not change since its hash was last taken is not read again.

    Returns:
        The hashes that are there and right, and those that are there and wrong.
    """
    right: set[str] = set()
    wrong: set[str] = set()
    for item in objects:
        if item.oid in right or item.oid in wrong:
            continue
        cache = cache_of(repo, item.hash_name)
        path = cache.oid_to_path(item.oid)
        try:
            _, actual = hash_file(path, cache.fs, item.hash_name, repo.state)
        except FileNotFoundError:
            continue
        (right if _same(actual, item) else wrong).add(item.oid)
    return right, wrong


def read_again(repo: Repo, item: Object) -> bool:
    """Whether the cache holds the right bytes, by reading all of them."""
    cache = cache_of(repo, item.hash_name)
    _, actual = hash_file(cache.oid_to_path(item.oid), cache.fs, item.hash_name)
    return _same(actual, item)


def _same(actual: Any, item: Object) -> bool:
    """Whether a hash that was taken is the object's, which says `.dir` behind a list's."""
    return str(actual.value).removesuffix(".dir") == item.oid.removesuffix(".dir")


def drop_damaged(repo: Repo, objects: Iterable[Object], wrong: set[str]) -> None:
    """Takes wrong bytes out of the cache, where they would be taken for the right ones."""
    for item in objects:
        if item.oid in wrong:
            cache = cache_of(repo, item.hash_name)
            cache.fs.remove(cache.oid_to_path(item.oid))


def size_in_cache(repo: Repo, item: Object) -> int:
    """Bytes of an object that the cache holds."""
    return Path(cache_of(repo, item.hash_name).oid_to_path(item.oid)).stat().st_size


def is_partial(repo: Repo, item: Object, there: Mapping[str, int | None]) -> bool:
    """Whether a remote with these sizes holds another number of bytes than the cache holds."""
    size = there.get(item.oid)
    return size is not None and size != size_in_cache(repo, item)


def changed(tracked: Iterable[Tracked]) -> tuple[list[str], list[str]]:
    """Paths in the project that differ from what DVC holds, and those that are not there."""
    differing, absent = [], []
    for item in tracked:
        if not item.out.exists:
            absent.append(item.path)
        elif item.out.changed_checksum():
            differing.append(item.path)
    return differing, absent


def shown(names: Sequence[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
