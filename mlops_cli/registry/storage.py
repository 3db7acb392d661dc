"""The bytes of versions: into DVC's cache, and back as folders whose every file was hashed."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, GateError, MlopsError, NotFoundError
from mlops_cli.files import atomic_folder
from mlops_cli.project import LAID_OUT
from mlops_cli.registry import records
from mlops_cli.registry.repository import Repository
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.verified import Verified
from mlops_cli.schemas.versions import Held, Version
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE, Bundle
from mlops_cli.serving.signatures import Trust


def take(root: Path, bundle: Bundle, name: str) -> Held:
    """Puts the files of a bundle, and no other that lies with them, into DVC's cache.

    Raises:
        NotFoundError: There is no DVC project.
        MlopsError: DVC refuses.
    """
    from mlops_cli.versioning import folders

    folders.require(root)
    if bundle.left_out:
        raise DataError(
            f"{bundle.path} has not got all its graphs: no {min(bundle.left_out)}",
            hint="register the bundle that it was taken from",
        )
    scratch = root / LAID_OUT
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".take-", dir=scratch) as folder:
        for file in records.hashes(bundle):
            place = Path(folder, "bundle", file)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle.path / file, place)
        # What was copied is what was verified, or nothing is taken.
        if bundles.load(Path(folder, "bundle")).digest != bundle.digest:
            raise DataError(f"{bundle.path} changes while it is registered", hint="try again")
        return folders.take(root, Path(folder, "bundle"), name)


def ensure(
    repository: Repository, version: Version, record: dict[str, Any], reporter: Reporter
) -> Path:
    """The folder of a version, with every byte as it was registered.

    Raises:
        NotFoundError: The bytes are nowhere.
        UnreachableError: The remote that has them does not answer.
        DataError: They are damaged, there too.
    """
    place = repository.root / LAID_OUT / version.model / version.version
    later = records.later_signature(repository, version)
    if not _differs(place, record, later):
        return place
    with atomic_folder(place) as folder:
        _fetch(repository, version, record, folder, reporter)
        if later is not None:
            (folder / SIGNATURE).write_bytes(later)
    return place


def verify(
    repository: Repository,
    version: Version,
    record: dict[str, Any],
    reporter: Reporter,
    trust: Trust,
) -> Verified:
    """Reads every byte of a version as DVC holds it; and its signature, if anybody is trusted."""
    held, names = records.held(repository, version), record["bundle"]["files"]
    scratch = repository.root / LAID_OUT
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".verify-", dir=scratch) as folder:
            came = _fetch(repository, version, record, Path(folder), reporter)
            signature = _signature(repository, version, Path(folder), trust)
    except NotFoundError as error:
        return Verified(version.name, "missing", len(names), held.size, error.message)
    except DataError as error:
        return Verified(version.name, "damaged", len(names), held.size, error.message)
    status = "fetched" if came else "whole"
    return Verified(version.name, status, len(names), held.size, **signature)


def _signature(
    repository: Repository, version: Version, folder: Path, trust: Trust
) -> dict[str, str]:
    """What is to be said of a version's signature; nothing where nobody is trusted."""
    later, warned = records.later_signature(repository, version), list[str]()
    if later is not None:
        (folder / SIGNATURE).write_bytes(later)
    try:
        signer = trust.check(folder, warned.append, called=version.name)
    except GateError as error:
        return {"signature": "refused", "said": error.message}
    if signer is None:
        return {"signature": "missing"} if trust else {}
    return {"signature": "trusted", "signer": signer.words}


def _fetch(
    repository: Repository,
    version: Version,
    record: dict[str, Any],
    folder: Path,
    reporter: Reporter,
) -> bool:
    """Lays a version out in an empty folder; whether it came from the remote."""
    from mlops_cli.versioning import folders

    held, names = records.held(repository, version), list(record["bundle"]["files"])
    try:
        came = folders.lay_out(repository.root, held, folder, names, reporter)
    except MlopsError as error:
        missing = isinstance(error, NotFoundError)
        raise type(error)(
            f"the bytes of {version.name} can't be had: {error.message}",
            hint="mlops push, where they are, sends them" if missing else error.hint,
        ) from error
    wrong = _differs(folder, record)
    if wrong:
        raise DataError(
            f"{version.name} is damaged: {wrong}", hint=f"mlops models history {version.model}"
        )
    return came


def _differs(folder: Path, record: dict[str, Any], later: bytes | None = None) -> str:
    """What is wrong with a folder that should be a version; empty if nothing is.

    Args:
        folder: The folder.
        record: The record of the version.
        later: The signature that it got after it was registered.
    """
    expected = dict(record["bundle"]["files"])
    if later is not None:
        expected[SIGNATURE] = hashlib.sha256(later).hexdigest()
    if not (folder / MANIFEST).is_file():
        return f"it has no {MANIFEST}"
    try:
        found = bundles.load(folder)
    except MlopsError as error:
        return error.message
    if found.digest != record["bundle"]["digest"]:
        return "its digest is not the recorded one"
    if records.hashes(found) != expected:
        return "its files are not the recorded ones"
    if found.left_out:
        return f"it has no {min(found.left_out)}"
    there = {
        Path(path, name).relative_to(folder).as_posix()
        for path, _, names in os.walk(folder)
        for name in names
    }
    return "" if there == set(expected) else "it has files that are not recorded"
