"""Edits of a data file that leave every other row as it is: in text formats, byte for byte."""

import codecs
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops_cli.data.formats.decoding import TextFile, open_text
from mlops_cli.data.formats.dialect import Dialect
from mlops_cli.data.formats.values import text_of
from mlops_cli.data.tables import Table
from mlops_cli.errors import DataError

Changes = Mapping[int, str | None]
"""The new label of a row, by its number; None to drop the row."""

_MARKS = {
    "utf-8-sig": ((codecs.BOM_UTF8, "utf-8"),),
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}
"""Encodings that a byte order mark begins, and what the bytes after it are."""


def rewrite(table: Table, target: Path, label_column: str, changes: Changes) -> None:
    """Writes the table with some labels changed and some rows dropped, in its own format.

    Args:
        table: The table, whose rows have been read without error.
        target: Where to write.
        label_column: The column that `changes` speaks of.
        changes: What to change, by the numbers that `Table.rows` gives.

    Raises:
        DataError: A label can't be written in the table's format or encoding.
    """
    if table.format == "parquet":
        from mlops_cli.data.formats.parquet import rewrite_column

        rewrite_column(table.path, target, label_column, changes)
        return
    assert table.encoding is not None
    with table.path.open("rb") as old, target.open("wb") as new:
        mark, encoding = _byte_order(old.read(4), table.encoding)
        old.seek(len(mark))
        new.write(mark)
        lines = _Lines(open_text(table.path, table.encoding), old, encoding)
        if table.dialect is None:
            records = _objects(lines, table, label_column, changes)
        else:
            records = _records(lines, table, table.dialect, label_column, changes)
        for number, raw, edited in records:
            if edited is None:
                new.write(raw)
                continue
            try:
                new.write(edited.encode(encoding))
            except UnicodeEncodeError as error:
                raise DataError(
                    f"{table.path}, line {number}: {changes[number]!r} can't be written in "
                    f"{table.encoding}",
                    hint="convert the file to UTF-8 first",
                ) from error


def _byte_order(head: bytes, encoding: str) -> tuple[bytes, str]:
    """The mark that the file begins with, and the encoding of what follows it."""
    name = codecs.lookup(encoding).name
    for mark, plain in _MARKS.get(name, ()):
        if head.startswith(mark):
            return mark, plain
    if name == "utf-8-sig":
        return b"", "utf-8"
    # Without a mark Python takes the machine's own byte order.
    return b"", f"{name}-{sys.byteorder[0]}e" if name in _MARKS else encoding


class _Lines:
    """The lines of a file; those handed out since the last `taken` are kept with their bytes."""

    def __init__(self, text: TextFile, stream: io.BufferedReader, encoding: str) -> None:
        self._text, self._stream, self._encoding = text, stream, encoding
        self._lines: list[str] = []
        self._bytes: list[bytes] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._text.lines():
            self.number += 1
            raw = self._stream.read(len(line.encode(self._encoding)))
            # Some old encodings have several bytes for one character.
            if raw.decode(self._encoding, errors="replace") != line:
                raise DataError(
                    f"{self._text.path}, line {self.number}: can't be kept as it is in "
                    f"{self._encoding}",
                    hint="convert the file to UTF-8 first",
                )
            self._lines.append(line)
            self._bytes.append(raw)
            yield line

    def taken(self) -> tuple[str, bytes]:
        """The lines since the last call, as text and as bytes."""
        found = "".join(self._lines), b"".join(self._bytes)
        self._lines, self._bytes = [], []
        return found


_Edited = Iterator[tuple[int, bytes, str | None]]
"""Each record: its line, its bytes, and its new text where there is one; "" for a dropped row."""


def _records(
    lines: _Lines, table: Table, dialect: Dialect, label_column: str, changes: Changes
) -> _Edited:
    place, end = table.columns.index(label_column), 0
    for fields in dialect.reader(lines):
        number, end = end + 1, lines.number
        text, raw = lines.taken()
        label = changes.get(number)
        if label is None:
            yield number, raw, "" if number in changes else None
            continue
        edited = _with_field(text, dialect, place, label)
        expected = [*fields[:place], label, *fields[place + 1 :]]
        if list(dialect.reader(io.StringIO(edited, newline=""))) != [expected]:
            raise DataError(
                f"{table.path}, line {number}: the label {label!r} can't be written there",
                hint="this file has no quotes that could enclose it",
            )
        yield number, raw, edited


def _with_field(record: str, dialect: Dialect, place: int, value: str) -> str:
    """The record with the field at `place` replaced, in quotes where it had them or needs them."""
    sign = re.escape(dialect.delimiter)
    bare = rf"[^{sign}\r\n]*"
    pattern = re.compile(rf'"(?:[^"]|"")*"|{bare}' if dialect.quoted else bare)
    at = 0
    for _ in range(place + 1):
        if dialect.skip_space:
            at += len(record[at:]) - len(record[at:].lstrip(" "))
        found = pattern.match(record, at)
        assert found is not None  # it matches the empty field
        start, end = found.span()
        at = end + 1
    needs_quotes = any(c in value for c in (dialect.delimiter, '"', "\r", "\n"))
    if dialect.quoted and (record[start:end].startswith('"') or needs_quotes):
        value = '"' + value.replace('"', '""') + '"'
    return record[:start] + value + record[end:]


def _objects(lines: _Lines, table: Table, label_column: str, changes: Changes) -> _Edited:
    for number, _ in enumerate(lines, 1):
        text, raw = lines.taken()
        label = changes.get(number)
        if label is None:
            yield number, raw, "" if number in changes else None
        else:
            yield number, raw, _with_value(text, label_column, label)


def _with_value(line: str, key: str, value: str) -> str:
    """The JSON object with the value of `key` replaced, of the kind that the old one is."""
    decoder, old = json.JSONDecoder(), None
    span = at = _after(r"\s*\{\s*", line, 0)
    end = at
    while line[at] != "}":
        name, at = decoder.raw_decode(line, at)
        start = _after(r"\s*:\s*", line, at)
        found, at = decoder.raw_decode(line, start)
        if name == key:  # The last one counts where a key is repeated.
            span, end, old = start, at, found
        at = _after(r"\s*,?\s*", line, at)
    new: object = value
    if isinstance(old, bool | int | float):
        try:
            meant = json.loads(value)
        except ValueError:
            meant = value
        new = meant if text_of(meant) == value else value
    return line[:span] + json.dumps(new, ensure_ascii=line.isascii()) + line[end:]


def _after(pattern: str, line: str, at: int) -> int:
    """Where the match that begins at `at` ends."""
    found = re.compile(pattern).match(line, at)
    assert found is not None  # the line was read as an object
    return found.end()
