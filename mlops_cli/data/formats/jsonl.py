"""JSONL: one object a line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

from mlops_cli.data.formats.decoding import TextFile
from mlops_cli.data.formats.values import text_of
from mlops_cli.errors import DataError

_LOOKED_AT = 1000
"""Columns are the keys of this many objects; later ones may bring more, which rows then have."""


@dataclass(frozen=True)
class JsonLines:
    """A JSONL file whose columns are known."""

    text: TextFile
    columns: list[str]

    def rows(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Rows with their line number; keys that an object lacks are None."""
        lacking: dict[str, str | None] = dict.fromkeys(self.columns)
        for number, found in _objects(self.text):
            row = lacking.copy()
            for name, value in found.items():
                row[name] = value if isinstance(value, str) and value else text_of(value)
            yield number, row


def open_jsonl(text: TextFile) -> JsonLines:
    """The file with its columns found.

    Raises:
        DataError: It is empty, or no JSONL.
    """
    columns: dict[str, None] = {}
    for _, found in islice(_objects(text), _LOOKED_AT):
        columns.update(dict.fromkeys(found))
    if not columns:
        raise DataError(f"{text.path} is empty", hint="one JSON object a line is expected")
    return JsonLines(text, list(columns))


def _objects(text: TextFile) -> Iterator[tuple[int, dict[str, Any]]]:
    decode = json.JSONDecoder(parse_constant=_nothing).decode
    for number, line in enumerate(text.lines(), 1 + text.skipped):
        if line.isspace():
            continue
        try:
            found = decode(line)
        except json.JSONDecodeError as error:
            raise _invalid(text, number, error) from error
        except (RecursionError, ValueError) as error:
            raise DataError(f"{text.path}, line {number}: JSON beyond reason ({error})") from error
        if not isinstance(found, dict):
            raise DataError(
                f"{text.path}, line {number}: {_kind(found)} where a JSON object is expected",
                hint='write each row as {"text": …, "label": …} on a line of its own',
            )
        if "\\u" in line and not _encodable(found):
            raise DataError(
                f"{text.path}, line {number}: half of a surrogate pair, which is no character",
                hint=r"repair the lone \ud800…\udfff escape",
            )
        yield number, found


def _nothing(_: str) -> None:
    """NaN and the infinities, which JSON doesn't know, are missing values."""


def _invalid(text: TextFile, number: int, error: json.JSONDecodeError) -> DataError:
    array = number == 1 and error.doc.lstrip().startswith("[")
    return DataError(
        f"{text.path}, line {number}, column {error.colno}: not valid JSON ({error.msg})",
        hint="an array of objects? write one object a line instead: jq -c '.[]' IN > OUT.jsonl"
        if array
        else "each line is one whole JSON object",
    )


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _encodable(found: dict[str, Any]) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class JsonLinesWriter:
    """Writes rows to a text stream, one object a line."""

    def __init__(self, stream: IO[str], columns: list[str]) -> None:
        self._stream, self._columns = stream, columns

    def write(self, row: dict[str, Any]) -> None:
        """Writes one row; columns it lacks are null."""
        ordered = {column: row.get(column) for column in self._columns}
        self._stream.write(json.dumps(ordered, ensure_ascii=False) + "\n")
