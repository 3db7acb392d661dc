"""Compressed tables unpacked, in bounded memory."""

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mlops_cli.data.formats import recognition
from mlops_cli.data.tables import ENDINGS, head_of
from mlops_cli.errors import DataError

_OPENERS: dict[str, Callable[[Path], Any]] = {
    "gzip": gzip.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
}
_ENDINGS = {".gz", ".bz2", ".xz", ".zip"}
_TABLES = {*ENDINGS, ".txt", ".json", ".psv", ".ssv"}
_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, RuntimeError)
"""What damaged or encrypted archives raise."""


def is_packed(path: Path) -> bool:
    """Whether a file is a compressed table, or an archive that may hold tables.

    Raises:
        DataError: It can't be read.
    """
    head = head_of(path)
    if head.startswith(b"PK\x03\x04"):
        return recognition.office_kind(path) is None
    return recognition.compression(head) is not None


def unpack(path: Path, folder: Path) -> list[Path]:
    """The files of an archive that look like tables, or the one file that is compressed.

    Args:
        path: The packed file.
        folder: Where to write.

    Raises:
        DataError: It is damaged or encrypted, or holds no table.
    """
    try:
        if zipfile.is_zipfile(path):
            return _from_zip(path, folder)
        with path.open("rb") as stream:
            packing = recognition.compression(stream.read(8)) or "gzip"
        plain = path.stem if path.suffix.lower() in _ENDINGS else path.name
        target = folder / (plain if Path(plain).suffix else f"{plain}.csv")
        with _OPENERS[packing](path) as stream:
            _write(stream, target)
    except _BROKEN as error:
        raise DataError(
            f"{path} can't be unpacked ({_reason(error)})", hint="is it whole, and not encrypted?"
        ) from error
    return [target]


def _from_zip(path: Path, folder: Path) -> list[Path]:
    found: dict[str, Path] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename).name
            hidden = name.startswith((".", "_")) or "__MACOSX" in member.filename
            if member.is_dir() or hidden or PurePosixPath(name).suffix.lower() not in _TABLES:
                continue
            if name in found:
                raise DataError(
                    f"{path} holds two files {name!r}", hint="unpack it and add one of them"
                )
            found[name] = folder / name
            with archive.open(member) as stream:
                _write(stream, found[name])
    if not found:
        raise DataError(
            f"{path} holds no table", hint=f"files that end in {', '.join(sorted(_TABLES))}"
        )
    return list(found.values())


def _write(stream: IO[bytes], target: Path) -> None:
    with target.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
