"""CSV and TSV: rows as even as their header says, or the line that is not."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from mlops_cli.data.formats import preamble
from mlops_cli.data.formats.decoding import TextFile
from mlops_cli.data.formats.dialect import DELIMITERS, SPACE, Dialect, detect
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.wording import counted

_NAMED = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": SPACE}


@dataclass(frozen=True)
class Delimited:
    """A delimited file whose columns are known.

    Attributes:
        text: The file.
        dialect: How it separates and quotes fields.
        columns: Names of its columns.
        has_header: The first row holds the names.
    """

    text: TextFile
    dialect: Dialect
    columns: list[str]
    has_header: bool

    def rows(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Rows with the number of the line they begin in; empty fields are None."""
        columns, width = self.columns, len(self.columns)
        records = _records(self.text, self.dialect)
        if self.has_header:
            next(records, None)
        for line, fields in records:
            if len(fields) != width:
                if len(fields) == 1 and not fields[0].strip():
                    continue
                raise self._ragged(line, len(fields))
            # Not dict(zip(...)): this loop is what reading a large file costs.
            yield line, {name: field or None for name, field in zip(columns, fields, strict=True)}

    def _ragged(self, line: int, found: int) -> DataError:
        source = "the header has" if self.has_header else "data.columns names"
        fields = counted(found, "field")
        return DataError(
            f"{self.text.path}, line {line}: {fields} where {source} {len(self.columns)}",
            hint=_advice(self.text, self.dialect),
        )


def open_delimited(
    text: TextFile, table_format: str, delimiter: str, columns: list[str] | None
) -> Delimited:
    """The file with its dialect and columns found.

    Raises:
        ConfigError: The delimiter is not one character.
        DataError: There is no header, or two columns share a name.
    """
    if delimiter != "auto":
        candidates: tuple[str, ...] = (_checked(delimiter),)
    else:
        candidates = ("\t",) if table_format == "tsv" else DELIMITERS
    width = len(columns) if columns else None
    if candidates == (SPACE,) and width != 2:
        raise ConfigError(
            "data.delimiter=space parts a line at its first space, and needs two names",
            hint="data.delimiter=space data.columns=[label,text]",
        )
    dialect = detect(text.sample, candidates, whole=text.whole, width=width)
    if columns:
        return Delimited(text, dialect, _unique(text, columns, "data.columns"), has_header=False)
    _, names = next(_records(text, dialect), (0, None))
    if names is None:
        raise DataError(f"{text.path} is empty", hint="a header line and rows are expected")
    if preamble.is_title(names, text.sample, dialect):
        share = f"{_filled(names)} of {len(names)} columns"
        raise DataError(
            f"{text.path}, line {text.skipped + 1}: names {share}: a title above the table?",
            hint=_skipping(text) or "name the columns: data.skip_rows=1 data.columns=[NAME,NAME,…]",
        )
    named = [name.strip() or f"column_{position}" for position, name in enumerate(names, 1)]
    return Delimited(text, dialect, _unique(text, named, "the header"), has_header=True)


def _filled(names: list[str]) -> int:
    return sum(bool(name.strip()) for name in names)


def _skipping(text: TextFile) -> str:
    """How to begin where the table does; empty where there is nothing to skip."""
    line = preamble.header_line(text.sample)
    skip = text.skipped + line - 1 if line else 0
    return f"the table begins in line {skip + 1}? data.skip_rows={skip}" if skip else ""


def _advice(text: TextFile, dialect: Dialect) -> str:
    """What to do about rows that are not as wide as the header."""
    if preamble.is_conll(text.sample):
        return "words with their tags? task=token_classification data=conll data.path=FILE"
    if preamble.splits_at_first_space(text.sample):
        return "a label, a space, a text? data.delimiter=space data.columns=[label,text]"
    return _skipping(text) or (
        f"put quotes around fields that contain {dialect.delimiter!r}, "
        "or name another delimiter: data.delimiter=';'"
    )


def _records(text: TextFile, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Records that are not blank, with the number of the line they begin in."""
    reader = dialect.reader(text.lines())
    end = 0
    try:
        for fields in reader:
            start, end = end + 1, reader.line_num
            if fields:
                yield text.skipped + start, fields
    except csv.Error as error:
        start, line = text.skipped + end + 1, text.skipped + reader.line_num
        raise _misquoted(text, str(error), start, line) from error


def _misquoted(text: TextFile, complaint: str, start: int, line: int) -> DataError:
    if "expected after" in complaint:
        return DataError(
            f"{text.path}, line {line}: text after the closing quote of a field",
            hint='inside a quoted field, write a quote twice: "so ""called"" quotes"',
        )
    return DataError(
        f"{text.path}, line {start}: a quote opens a field in this row and is never closed",
        hint='close it, or write it twice inside quotes: """so it began"',
    )


def _checked(delimiter: str) -> str:
    delimiter = _NAMED.get(delimiter.lower(), delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ConfigError(
            f"a delimiter is one character, not {delimiter!r}",
            hint="data.delimiter=auto detects it; others: ',' ';' '|' tab",
        )
    return delimiter


def _unique(text: TextFile, columns: list[str], where: str) -> list[str]:
    first: dict[str, int] = {}
    for position, name in enumerate(columns, 1):
        if name in first:
            kind = ConfigError if where == "data.columns" else DataError
            raise kind(
                f"{text.path}: {where} names two columns {name!r} ({first[name]} and {position})",
                hint="rename one; a file without a header needs data.columns=[NAME,NAME,…]",
            )
        first[name] = position
    return columns


class DelimitedWriter:
    """Writes rows to a text stream as CSV or TSV."""

    def __init__(self, stream: IO[str], columns: list[str], delimiter: str) -> None:
        self._columns = columns
        self._plain = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        self._quoted = csv.writer(
            stream, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL
        )
        self._write(columns)

    def write(self, row: dict[str, Any]) -> None:
        """Writes one row; columns it lacks stay empty."""
        self._write([row.get(column) for column in self._columns])

    def _write(self, fields: list[Any]) -> None:
        # Python before 3.13 leaves a lone \r unquoted, which readers take for a line end.
        lone = any("\r" in field for field in fields if isinstance(field, str))
        (self._quoted if lone else self._plain).writerow(fields)
