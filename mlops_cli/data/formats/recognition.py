"""Files that are no tables: what they are, and what to do about it."""

import json
import zipfile
from pathlib import Path

from mlops_cli.errors import DataError

_MAGIC = {
    b"%PDF": ("a PDF", "save the table as CSV, JSONL or Parquet"),
    b"SQLite format 3": (
        "an SQLite database",
        "mlops data add --sql 'SELECT …' --url sqlite:///{path}",
    ),
    b"\xd0\xcf\x11\xe0": (
        "an old Excel workbook or Word document",
        "open it and save the sheet as CSV (UTF-8)",
    ),
    b"\x28\xb5\x2f\xfd": ("zstd-compressed", "unpack it first: unzstd {path}"),
}
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_MARKUP = (b"<html", b"<!doctype", b"<?xml", b"<table")
_OFFICE = {
    "xl/workbook.xml": "an Excel workbook",
    "word/document.xml": "a Word document",
    "content.xml": "an OpenDocument file",
}


def compression(head: bytes) -> str | None:
    """How a file is compressed: gzip, bzip2 or xz; None where it isn't.

    Args:
        head: Its first bytes.
    """
    return next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), None)


def refuse(path: Path, head: bytes) -> None:
    """Raises DataError where a file can't be a table of a text format.

    Args:
        path: The file.
        head: Its first bytes.
    """
    if head.startswith(b"PAR1"):
        raise DataError(f"{path} is a Parquet file", hint="data.format=parquet")
    if packed := compression(head):
        raise DataError(
            f"{path} is {packed}-compressed, no table", hint=f"mlops data add {path} unpacks it"
        )
    if head.startswith(b"PK\x03\x04"):
        kind = office_kind(path)
        raise DataError(
            f"{path} is {kind or 'a zip archive'}, no table",
            hint="open it and save the sheet as CSV (UTF-8)"
            if kind
            else f"mlops data add {path} unpacks it",
        )
    for magic, (name, remedy) in _MAGIC.items():
        if head.startswith(magic):
            raise DataError(f"{path} is {name}, no table", hint=remedy.format(path=path))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        raise DataError(f"{path} is HTML or XML, no table", hint="save it as CSV, JSONL or Parquet")


def refuse_json(path: Path, sample: str) -> None:
    """Raises DataError where what is to be read as columns is JSON.

    Args:
        path: The file.
        sample: Its first lines.
    """
    first = sample.lstrip().partition("\n")[0]
    try:
        found = json.loads(first) if first.startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        raise DataError(f"{path} has a JSON object on each line", hint="data.format=jsonl")


def office_kind(path: Path) -> str | None:
    """Which office document a zip archive is; None for any other."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return None
    return next((kind for member, kind in _OFFICE.items() if member in names), None)
