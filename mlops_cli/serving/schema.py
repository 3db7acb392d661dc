"""The native protocol's types, made of a task: what a request may hold and what comes back.

msgspec checks requests with them while it reads the JSON, and writes them as JSON Schema.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import GenericAlias
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.refusals import BadRequest, Unprocessable
from mlops_cli.tasks import CellKind, Columns, Task
from mlops_cli.tasks.encoders.table import TableEncoder

_MOST_LABELS = 1000
_IMAGE = "data:image/*;base64,"
_Spelling = dict[bool, str]
_LOWER: _Spelling = {True: "true", False: "false"}
_SPELLINGS = (_LOWER, {True: "True", False: "False"}, {True: "TRUE", False: "FALSE"})
"""JSON's, Python's (and pandas's), and those of spreadsheets and R."""


class ModelInfo(msgspec.Struct):
    """The model that answered."""

    name: str
    version: str


@dataclass(frozen=True)
class Contract:
    """What one task takes and gives.

    Attributes:
        task: The task.
        limits: How much one request may hold.
    """

    task: Task
    limits: ServeConfig

    @cached_property
    def request(self) -> type[Any]:
        """The type of a request: `inputs` (rows), `top_k`, `threshold`."""
        rows: Any = Annotated[
            GenericAlias(list, (self._row,)),
            Meta(min_length=1, max_length=self.limits.max_rows, description="The rows."),
        ]
        top_k = Annotated[
            int, Meta(ge=1, le=_MOST_LABELS, description="Labels with scores per answer.")
        ]
        threshold = Annotated[
            float, Meta(ge=0, le=1, description="Give no label whose score is below this.")
        ]
        return msgspec.defstruct(
            "PredictRequest",
            [("inputs", rows), ("top_k", top_k, 1), ("threshold", threshold, 0.0)],
            forbid_unknown_fields=True,
        )

    @cached_property
    def response(self) -> type[Any]:
        """The type of an answer: `predictions`, one a row, and the `model` that made them."""
        kind = _shown(type(self.task.head.nothing))
        return msgspec.defstruct(
            "PredictResponse",
            [("predictions", GenericAlias(list, (kind,))), ("model", ModelInfo)],
        )

    def read(self, body: bytes) -> Question:
        """The question that a request's body asks.

        Raises:
            BadRequest: It is no JSON.
            Unprocessable: It is none of the type `request`.
        """
        try:
            return self._question(self._decoder.decode(body))
        except msgspec.ValidationError as error:
            raise Unprocessable(*_sentence(error), hint=self.hint) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"the body is no JSON: {error}", hint=self.hint) from error

    def convert(self, content: dict[str, Any]) -> Question:
        """The question that another protocol's request asks, by the rules of this one.

        Args:
            content: What the native protocol would send, as plain values.

        Raises:
            Unprocessable: It is none of the type `request`.
        """
        try:
            return self._question(msgspec.convert(content, self.request))
        except msgspec.ValidationError as error:
            raise Unprocessable(*_sentence(error)) from error

    def check_rows(self, rows: int) -> None:
        """Refuses more rows than one request may hold, before any of them is looked at.

        Args:
            rows: How many there are, at least.

        Raises:
            Unprocessable: In the words in which `read` and `convert` refuse them.
        """
        if rows > (most := self.limits.max_rows):
            raise Unprocessable(f"inputs: expected array of length <= {most}")

    def _question(self, asked: Any) -> Question:
        rows = [row.values() if isinstance(row, _Row) else (row,) for row in asked.inputs]
        return Question(self._columns(rows), asked.top_k, asked.threshold)

    def example(self) -> Question:
        """A question of one plausible row."""
        return Question(self._columns([tuple(self.example_row().values())]))

    def _columns(self, rows: Sequence[Sequence[Any]]) -> Columns:
        cells, spellings = self.task.encoder.cells, self._spellings
        return {
            name: [raw(row[place], kind, spellings.get(name, _LOWER)) for row in rows]
            for place, (name, kind) in enumerate(cells.items())
        }

    @property
    def hint(self) -> str:
        """A request that would do, in one line."""
        example = json.dumps({"inputs": [self.example_row()]}, ensure_ascii=False)
        return f"send {example}" if len(example) < 200 else "see /docs for an example"

    def example_row(self, known: dict[str, Any] | None = None) -> dict[str, Any]:
        """A row of plausible values.

        Args:
            known: The description of the training rows, as `reference.json` holds it.
        """
        described = (known or {}).get("columns", {})
        return {
            name: _example(kind, described.get(name, {}))
            for name, kind in self.task.encoder.cells.items()
        }

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.request)

    @cached_property
    def _spellings(self) -> dict[str, _Spelling]:
        """How the training rows spelled true and false, by column of categories."""
        encoder = self.task.encoder
        if not isinstance(encoder, TableEncoder):
            return {}
        return {
            part.name: {value: _spelled(value, part.values or ()) for value in _LOWER}
            for part in encoder.categorical
        }

    @cached_property
    def _row(self) -> Any:
        """The type of a row: an object of the columns; where there is one, also its value alone."""
        cells, encoder = self.task.encoder.cells, self.task.encoder
        types = {name: _cell_type(kind, self.limits) for name, kind in cells.items()}
        fields: list[Any] = [
            (f"c{place}", kind | None, None) if encoder.optional else (f"c{place}", kind)
            for place, kind in enumerate(types.values())
        ]
        row = msgspec.defstruct(
            "Row",
            fields,
            bases=(_Row,),
            rename={f"c{place}": name for place, name in enumerate(types)},
            forbid_unknown_fields=True,
        )
        return row | next(iter(types.values())) if len(types) == 1 else row


def _shown(kind: type[Any]) -> type[Any]:
    """The type of an answer as `schemas.results.plain` writes it."""
    hidden = {part.name for part in fields(kind) if not part.metadata.get("plain", True)}
    if not hidden:
        return kind
    types = {name: hint for name, hint in get_type_hints(kind).items() if name not in hidden}
    shown = [(part.name, types[part.name]) for part in fields(kind) if part.name in types]
    return msgspec.defstruct(kind.__name__, shown)


class _Row(msgspec.Struct):
    """A row; its fields are named by place, and in JSON by column."""

    def values(self) -> Sequence[Any]:
        """Its cells in the order of the columns."""
        return msgspec.structs.astuple(self)


def raw(value: Any, kind: CellKind, spelling: _Spelling = _LOWER) -> str:
    """A value of JSON as the raw cell that an encoder reads; nothing as an empty cell."""
    if value is None:
        return ""
    if kind == "image":
        # Never a path: a server does not read its files to strangers.
        return str(value) if str(value).startswith("data:") else _IMAGE + str(value)
    if kind == "words" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return spelling[value]
    return value if isinstance(value, str) else repr(value)


def _spelled(value: bool, values: Sequence[str]) -> str:
    """True or false as it stands among the values of a column; as in JSON where that is not one."""
    found = [spelling[value] for spelling in _SPELLINGS if spelling[value] in values]
    return found[0] if len(found) == 1 else _LOWER[value]


def _cell_type(kind: CellKind, limits: ServeConfig) -> Any:
    text = Annotated[str, Meta(max_length=limits.max_characters)]
    if kind == "words":
        words = Annotated[list[text], Meta(max_length=limits.max_characters)]
        return text | words
    if kind == "image":
        return Annotated[
            str, Meta(description="The file in base64, or a data: URI.", extra={"kind": kind})
        ]
    if kind in ("number", "category"):
        return float | int | bool | text
    return text


def _example(kind: CellKind, known: dict[str, Any]) -> Any:
    if kind == "number":
        return float(f"{known.get('median', known.get('mean', 1.0)):.4g}")
    if kind == "category":
        counts: dict[str, int] = known.get("values") or {"a": 1}
        return max(counts, key=counts.__getitem__)
    if kind == "image":
        return _PIXEL
    return "The garden was quiet, and nobody had watered the plants."


_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR42mP8z8Dwn4EIwDiqEAB6FgkB1k1uKAAA"
    "AABJRU5ErkJggg=="
)


def _sentence(error: msgspec.ValidationError) -> tuple[str]:
    """What msgspec says, with the place in front."""
    text, _, place = str(error).partition(" - at ")
    where = place.strip("`").removeprefix("$.") if place else "the body"
    return (f"{where}: {text[:1].lower()}{text[1:].replace('`', '')}",)
