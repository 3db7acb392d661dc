"""Tables on disk, row by row: CSV, TSV, JSONL and Parquet, in bounded memory.

Training and `mlops predict` read through this file, so the base install is enough (Parquet
alone needs pyarrow).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from mlops_cli.data.formats import recognition
from mlops_cli.data.formats.decoding import open_text
from mlops_cli.data.formats.delimited import Delimited, DelimitedWriter, open_delimited
from mlops_cli.data.formats.dialect import Dialect
from mlops_cli.data.formats.jsonl import JsonLines, JsonLinesWriter, open_jsonl
from mlops_cli.data.guessing import guess
from mlops_cli.errors import ConfigError, DataError, NotFoundError
from mlops_cli.files import atomic_path

FORMATS = ("csv", "tsv", "jsonl", "parquet")

_LISTS = ("data.features", "data.slice_by")
"""Settings that name several columns."""

ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class Table:
    """A table that can be read, as often as one likes.

    Attributes:
        path: The file.
        columns: Names of its columns, in order.
        format: csv, tsv, jsonl or parquet.
        encoding: Text encoding; None for Parquet.
        encoding_guessed: The encoding is a guess that a person should hear of.
        dialect: How a delimited file separates and quotes; None for the other formats.
        has_header: The first row of a delimited file holds the names.
        skip_rows: Lines above the table that are no part of it.
        missing: Values that mean that there is none, beside the empty one.
        total: How many rows there are, where the file says so.
    """

    path: Path
    columns: list[str]
    format: str
    encoding: str | None
    encoding_guessed: bool
    dialect: Dialect | None
    has_header: bool
    _rows: Callable[[], Iterator[tuple[int, dict[str, str | None]]]]
    skip_rows: int = 0
    missing: tuple[str, ...] = ()
    total: int | None = None

    @property
    def unit(self) -> str:
        """What the number of a row counts: lines of the file, or rows."""
        return "row" if self.format == "parquet" else "line"

    def rows(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Each row with its number as a person sees it; missing values are None.

        Raises:
            DataError: A row is damaged; the message names its line.
        """
        return self._without_missing() if self.missing else self._rows()

    def _without_missing(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        missing = frozenset(self.missing)
        for number, row in self._rows():
            yield number, {n: None if value in missing else value for n, value in row.items()}


class Writer(Protocol):
    """What `open_writer` hands out."""

    def write(self, row: dict[str, Any]) -> None:
        """Writes one row; columns it lacks stay empty, keys that are no column are left out."""


def open_table(
    path: Path,
    *,
    format: str = "auto",  # noqa: A002 - the word of the config key
    encoding: str = "auto",
    delimiter: str = "auto",
    columns: list[str] | None = None,
    skip_rows: int = 0,
    missing: Sequence[str] = (),
) -> Table:
    """Opens a table: format, encoding, delimiter and columns are found where "auto".

    Args:
        path: The file.
        format: One of `FORMATS`; auto goes by the file's ending, then by its content.
        encoding: Python's name of a text encoding.
        delimiter: One character, for CSV and TSV.
        columns: Names of the columns of a CSV or TSV file without a header.
        skip_rows: Lines above the header, or the first row, that are not read.
        missing: Values that mean that there is none, beside the empty one.

    Raises:
        NotFoundError: There is no such file.
        DataError: It can't be read as a table.
        ConfigError: A setting is no encoding, delimiter or format.
    """
    head = head_of(path)
    found = format_of(path, head) if format == "auto" else _known(format)
    if columns and found in ("jsonl", "parquet"):
        raise ConfigError(
            f"{path} is {found} and names its own columns", hint="leave data.columns out"
        )
    blank = tuple(missing)
    if found == "parquet":
        from mlops_cli.data.formats.parquet import open_parquet

        parquet = open_parquet(path)
        facts = (path, parquet.columns, found, None, False, None, False)
        return Table(*facts, parquet.rows, missing=blank, total=parquet.total)
    recognition.refuse(path, head)
    text = open_text(path, encoding, skip_rows)
    dialect, has_header = None, False
    opened: JsonLines | Delimited
    if found == "jsonl":
        opened = open_jsonl(text)
    else:
        recognition.refuse_json(path, text.sample)
        opened = open_delimited(text, found, delimiter, columns)
        dialect, has_header = opened.dialect, opened.has_header
    return Table(
        path,
        opened.columns,
        found,
        text.encoding,
        text.guessed,
        dialect,
        has_header,
        opened.rows,
        skip_rows,
        blank,
    )


def format_of(path: Path, head: bytes = b"") -> str:
    """The format that the file's ending says, else what its first bytes look like."""
    by_ending = ENDINGS.get(path.suffix.lower())
    if by_ending:
        return by_ending
    if head.startswith(b"PAR1"):
        return "parquet"
    looks_json = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return "jsonl" if looks_json or path.suffix.lower() == ".json" else "csv"


@contextmanager
def open_writer(path: Path, format: str, columns: list[str]) -> Iterator[Writer]:  # noqa: A002
    """A writer of rows; the file is there, whole, when the block ends without error.

    Args:
        path: The file; an older one is replaced.
        format: One of `FORMATS`, or auto for what the file's ending says.
        columns: The columns, in order.

    Raises:
        DataError: The file can't be written there.
        ConfigError: There is no such format.
    """
    found = format_of(path) if format == "auto" else _known(format)
    with ExitStack() as stack:
        temporary = _temporary(stack, path)
        if found == "parquet":
            from mlops_cli.data.formats.parquet import ParquetWriter

            parquet = ParquetWriter(temporary, columns)
            yield parquet
            parquet.close()
            return
        stream = stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
        if found == "jsonl":
            yield JsonLinesWriter(stream, columns)
        else:
            yield DelimitedWriter(stream, columns, "\t" if found == "tsv" else ",")


def guess_columns(table: Table) -> tuple[str | None, str | None]:
    """The columns that most likely hold the text and the label, by name and content."""
    return guess(table.columns, table.rows())


def missing_column(table: Table, name: str, setting: str) -> DataError:
    """Says that a table lacks a column, with the one that was meant where that can be told.

    Args:
        table: The table.
        name: The column it lacks.
        setting: The config key that names the column, such as `data.text`.
    """
    by_case = {column.casefold(): column for column in table.columns}
    near = get_close_matches(name.casefold(), by_case, n=1)
    guessed = dict(zip(("data.text", "data.label"), guess_columns(table), strict=True))
    meant = by_case[near[0]] if near else guessed.get(setting)
    shown = ", ".join(_shortened(column) for column in table.columns[:20])
    more = f" and {len(table.columns) - 20} more" if len(table.columns) > 20 else ""
    value = _shortened(meant) if meant else ""
    value = f"[{value}]" if setting in _LISTS else value
    suggestion = f"did you mean {setting}={value}? " if meant else ""
    if _looks_headless(table.columns):
        suggestion = "no header line? name the columns: data.columns=[NAME,NAME,…]; "
    return DataError(
        f"{table.path} has no column {name!r}", hint=f"{suggestion}columns: {shown}{more}"
    )


def _looks_headless(columns: list[str]) -> bool:
    """Whether the names are more like values: numbers, or as long as sentences."""
    return any(len(name) > 60 or name.lstrip("-").isdecimal() for name in columns)


def _shortened(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"


def _known(name: str) -> str:
    if name not in FORMATS:
        raise ConfigError(
            f"no table format is called {name!r}", hint=f"one of {', '.join(FORMATS)}"
        )
    return name


def head_of(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no file that can be read.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder", hint="name the file in it")
    if not path.exists():
        raise _not_found(path)
    if not path.is_file():
        raise DataError(f"{path} is no regular file", hint="save the data to a file first")
    try:
        with path.open("rb") as stream:
            return stream.read(1024)
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({error.strerror})", hint="check who may read it"
        ) from error


def _not_found(path: Path) -> NotFoundError:
    folder = path.parent
    if not folder.is_dir():
        return NotFoundError(
            f"no file {path}: there is no folder {folder}",
            hint=f"a relative path starts at {Path.cwd()}",
        )
    if path.with_name(f"{path.name}.dvc").is_file():  # A clone has this alone.
        return NotFoundError(f"{path} is not here; DVC holds it", hint="mlops pull")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    near = get_close_matches(path.name, names, n=1, cutoff=0.5)
    hint = (
        f"did you mean {folder / near[0]}?"
        if near
        else "a relative path starts at " + str(Path.cwd())
    )
    return NotFoundError(f"no file {path}", hint=hint)


def _temporary(stack: ExitStack, path: Path) -> Path:
    """Where to write until `path` takes it over when the stack unwinds without error."""
    # Behind a link lies the file that is meant.
    path = path.resolve()
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise DataError(f"can't write {path}: it is {kind}", hint="name a file")
    try:
        return stack.enter_context(atomic_path(path))
    except OSError as error:
        raise DataError(
            f"can't write {path} ({error.strerror})", hint="name another file"
        ) from error
