"""Lines above a table's header: how to tell that they are there, and where the table begins."""

import csv
import re
from collections import Counter

from mlops_cli.data.formats.dialect import DELIMITERS, Dialect

_LOOKED_AT = 100
"""Rows in which a header is looked for."""

_LEAST_ROWS = 5
_LEAST_COLUMNS = 4
"""In a narrow table, such as an index and a text, a column or two may well have no name."""

_CONLL = re.compile(r"\S+([ \t]\S+)*[ \t](O|[BIESLU]-\S+)")


def is_title(names: list[str], sample: str, dialect: Dialect) -> bool:
    """Whether a first row that names few columns stands above a table of many.

    Args:
        names: The first row.
        sample: The file's beginning, that row included.
        dialect: How it separates and quotes fields.
    """
    alike = (row for _, row in _records(sample, dialect) if len(row) == len(names))
    most = max(map(_filled, alike), default=0)
    return most >= _LEAST_COLUMNS and _filled(names) * 2 < most


def header_line(sample: str) -> int | None:
    """The line, from 1, in which a table begins below other lines; None where that can't be told.

    A table is what most rows belong to: rows of one width. Its header names at least half as many
    columns as any row fills, and no column twice.
    """
    found = []
    for delimiter in DELIMITERS:
        records = _records(sample, Dialect(delimiter))
        widths = Counter(len(row) for _, row in records if len(row) > 1)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        if count < _LEAST_ROWS or count * 2 < len(records):
            continue
        table = [(line, row) for line, row in records if len(row) == width]
        most = max(_filled(row) for _, row in table)
        for line, row in table:
            names = [field for field in row if field.strip()]
            if len(names) * 2 >= most and len(set(names)) == len(names):
                found.append((count, -line))
                break
    line = -max(found)[1] if found else 1
    return line if line > 1 else None


def splits_at_first_space(sample: str) -> bool:
    """Whether the lines look like `LABEL a text of many words`."""
    lines = [line for line in re.split(r"\r\n|\r|\n", sample) if line]
    parts = [line.split(" ", 1) for line in lines]
    labels = {part[0] for part in parts if len(part) == 2 and 0 < len(part[0]) <= 40}
    fit = sum(part[0] in labels for part in parts)
    return fit >= max(_LEAST_ROWS, 0.95 * len(lines)) and 2 <= len(labels) <= len(lines) / 2


def is_conll(sample: str) -> bool:
    """Whether the lines look like tokens with their tags: `Japan I-LOC`, sentences apart."""
    lines = re.split(r"\r\n|\r|\n", sample)[:_LOOKED_AT]
    tokens = [line for line in lines if line.strip()]
    tagged = sum(_CONLL.fullmatch(line) is not None for line in tokens)
    apart = len(tokens) < len(lines) - 1
    return apart and tagged >= max(_LEAST_ROWS, 0.95 * len(tokens))


def _filled(row: list[str]) -> int:
    return sum(bool(field.strip()) for field in row)


def _records(sample: str, dialect: Dialect) -> list[tuple[int, list[str]]]:
    """The first rows that are not blank, each with the line it begins in."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", sample)
    reader = dialect.reader(lines)
    records: list[tuple[int, list[str]]] = []
    end = 0
    try:
        for row in reader:
            start, end = end + 1, reader.line_num
            if row:
                records.append((start, row))
            if len(records) == _LOOKED_AT:
                break
    except csv.Error:
        pass  # The rows up to there will do.
    return records
