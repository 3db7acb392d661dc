"""How a delimited file separates and quotes its fields, found on a sample."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

DELIMITERS = (",", "\t", ";", "|")
SPACE = " "
"""Delimiter of files whose last column, the text, has spaces of its own and is not quoted."""

FIELD_LIMIT = 1 << 24
"""Longest field in characters; a quote that is never closed ends there at the latest."""

_SAMPLE = 1 << 18
_ENCLOSED = re.compile(r'"(?:[^"]|"")*"')


class Reader(Protocol):
    """The standard library's CSV reader, whose type has no public name."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""
        ...

    def __iter__(self) -> Iterator[list[str]]:
        """Rows, as they are read."""
        ...


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quoting of a file.

    Attributes:
        delimiter: One character.
        quoted: Quotes enclose fields; otherwise they are characters like any other.
        skip_space: A space after the delimiter is no part of the field.
    """

    delimiter: str
    quoted: bool = True
    skip_space: bool = False

    @property
    def splits_once(self) -> bool:
        """A row is its first word and the rest of the line."""
        return self.delimiter == SPACE

    def reader(self, lines: Iterable[str]) -> Reader:
        """The standard library's reader, strict about quotes."""
        if self.splits_once:
            return _FirstWord(lines)
        # One process-wide limit; the default of 128 KiB is less than a long document.
        csv.field_size_limit(FIELD_LIMIT)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            skipinitialspace=self.skip_space,
            strict=True,
        )


class _FirstWord:
    """Rows of two fields: the first word and the rest of the line."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.line_num = 0

    def __iter__(self) -> Iterator[list[str]]:
        for line in self._lines:
            self.line_num += 1
            whole = line.rstrip("\r\n")
            yield whole.split(SPACE, 1) if whole else []


@dataclass(frozen=True)
class _Trial:
    dialect: Dialect
    rows: Sequence[Sequence[str]]
    broken: bool
    expected: int | None

    @property
    def fit(self) -> float:
        """Share of the rows as wide as the header; 0 when nothing is separated at all."""
        if not self.rows:
            return 0.0
        width = self.expected or len(self.rows[0])
        if width < 2 and self.expected is None:
            return 0.0
        even = sum(len(row) == width for row in self.rows)
        return even / (len(self.rows) + self.broken)


def detect(sample: str, delimiters: Sequence[str], *, whole: bool, width: int | None) -> Dialect:
    """The dialect under which the sample's rows are most even; the first delimiter if none does.

    Args:
        sample: The beginning of the file.
        delimiters: Candidates, the likeliest first.
        whole: The sample is the whole file.
        width: Number of columns, where it is known.
    """
    if len(sample) > _SAMPLE:
        cut = sample.rfind("\n", 0, _SAMPLE) + 1 or sample.rfind("\r", 0, _SAMPLE) + 1
        sample, whole = sample[: cut or _SAMPLE], False
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", sample)
    trials = [_best_quoting(lines, delimiter, whole, width) for delimiter in delimiters]
    return max(trials, key=lambda trial: trial.fit).dialect


def _best_quoting(lines: list[str], delimiter: str, whole: bool, width: int | None) -> _Trial:
    quoted = _try(lines, Dialect(delimiter), whole, width)
    if delimiter == "\t":
        # In CSV a quote that encloses nothing is a mistake; many TSV files know no quoting.
        unquoted = _try(lines, Dialect(delimiter, quoted=False), whole, width)
        if unquoted.fit == 1 and _quotes_are_text(unquoted.rows, broken=quoted.broken):
            return unquoted
    if quoted.fit < 1 and any(f'{delimiter} "' in line for line in lines):
        spaced = _try(lines, Dialect(delimiter, skip_space=True), whole, width)
        return max(quoted, spaced, key=lambda trial: trial.fit)
    if quoted.fit == 1 and all(_spaced(row) for row in quoted.rows):
        return _try(lines, Dialect(delimiter, skip_space=True), whole, width)
    return quoted


def _spaced(row: Sequence[str]) -> bool:
    """Whether a space follows every delimiter: it belongs to none of the fields."""
    return len(row) > 1 and all(field.startswith(" ") for field in row[1:])


def _try(lines: list[str], dialect: Dialect, whole: bool, width: int | None) -> _Trial:
    rows: list[list[str]] = []
    broken = False
    reader = dialect.reader(lines)
    try:
        rows.extend(row for row in reader if row)
    except csv.Error:
        # A sample that is cut may end within a quoted field: no fault of the file.
        broken = whole or reader.line_num < len(lines)
    return _Trial(dialect, rows, broken, width)


def _quotes_are_text(rows: Sequence[Sequence[str]], *, broken: bool) -> bool:
    """Whether quotes in these rows, split without regard to them, are part of the texts.

    Args:
        rows: Fields with their quotes.
        broken: Taken for enclosing, the quotes are faulty.
    """
    fields = [field for row in rows for field in row if field.startswith('"')]
    if not fields or any(field.startswith('"') for field in rows[0]):
        return False
    if any(_always_enclosed(column) for column in zip(*rows[1:], strict=True)):
        return False
    enclosed = [field for field in fields if _ENCLOSED.fullmatch(field)]
    needed = sum('""' in field[1:-1] for field in enclosed)
    # Whoever encloses fields encloses all of a column, or those that need it.
    return len(fields) - len(enclosed) > needed if broken else needed == 0


def _always_enclosed(column: Iterable[str]) -> bool:
    filled = [field for field in column if field]
    return bool(filled) and all(_ENCLOSED.fullmatch(field) for field in filled)
