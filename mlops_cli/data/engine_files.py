"""A file as the engine can read it: straight where its dialect allows, else as a clean copy."""

import csv
from pathlib import Path

from mlops_cli.data.formats.dialect import Dialect
from mlops_cli.data.tables import Table
from mlops_cli.errors import DataError

_STRAIGHT = ("utf-8", "utf-8-sig", "ascii")
_MAX_LINE = 1 << 26
"""Bytes of the longest line, as our own reader has it."""

_BLOCK = 1 << 20


def readable(table: Table, copy: Path) -> str:
    """The SQL table function that reads a file, with every value of a text format as text.

    Args:
        table: The file.
        copy: Where to write a copy in plain CSV when the engine can't read the file itself.

    Raises:
        DataError: The file can't be read, has columns that the engine can't tell apart, or is
            damaged; the latter is told only where a copy is made.
    """
    _refuse_twins(table)
    path = literal(str(table.path))
    if table.format == "parquet":
        return f"read_parquet({path})"
    # The engine takes a NUL byte for a character; our own reader refuses it, and names the line.
    if table.encoding not in _STRAIGHT or table.skip_rows or _has_nul(table.path):
        return copied(table, copy)
    if table.format == "jsonl":
        return (
            f"read_json({path}, format = 'newline_delimited', columns = {_types(table)}, "
            f"maximum_object_size = {_MAX_LINE})"
        )
    dialect = table.dialect
    if dialect is None or dialect.skip_space or dialect.splits_once or len(table.columns) == 1:
        return copied(table, copy)
    return _csv(path, _types(table), dialect, header=table.has_header)


def _refuse_twins(table: Table) -> None:
    """Raises DataError where the engine, which doesn't tell cases apart, takes two for one."""
    seen: dict[str, str] = {}
    for column in table.columns:
        twin = seen.setdefault(column.lower(), column)
        if twin != column:
            raise DataError(
                f"{table.path}: the columns {twin!r} and {column!r} differ in case alone",
                hint="rename one",
            )


def _has_nul(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return any(b"\0" in block for block in iter(lambda: stream.read(_BLOCK), b""))
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror})") from error


def literal(text: str) -> str:
    """A string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _types(table: Table) -> str:
    """Every column as text."""
    return "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in table.columns) + "}"


def _csv(path: str, columns: str, dialect: Dialect, *, header: bool) -> str:
    quote = '"' if dialect.quoted else ""
    return (
        f"read_csv({path}, columns = {columns}, auto_detect = false, "
        f"header = {str(header).lower()}, delim = {literal(dialect.delimiter)}, "
        f"quote = '{quote}', escape = '{quote}', strict_mode = true, "
        # Buffers of its own choice would hold files of up to a gigabyte whole.
        f"max_line_size = {_MAX_LINE}, buffer_size = {_MAX_LINE})"
    )


def copied(table: Table, copy: Path) -> str:
    """Reads the file our way, writes what was read as the plainest CSV, and reads that.

    Raises:
        DataError: The file is damaged; the message names the line.
    """
    with copy.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(table.columns)
        for _, row in table.rows():
            writer.writerow([row[name] for name in table.columns])
    return _csv(literal(str(copy)), _types(table), Dialect(","), header=True)
