"""MLflow's scoring protocol: `POST /invocations`; `GET /ping`, `/health`, `/version`.

Rows come as `dataframe_split`, `dataframe_records`, `instances`, `inputs` or CSV; answers are the
native protocol's. As in MLflow, a column that the model doesn't know is left out, and a column may
have the name that the training data had for it.
"""

import csv
import io
from itertools import islice
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mlops_cli import __version__
from mlops_cli.schemas.plain import plain
from mlops_cli.serving import http, memory
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.protocols.native import allow
from mlops_cli.serving.refusals import BadRequest, Refusal, Unprocessable, WrongType
from mlops_cli.serving.service import Service, Version
from mlops_cli.wording import counted

PATHS = frozenset({"/invocations", "/ping", "/health", "/version"})
"""Every path of the protocol."""

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""MLflow's error codes by HTTP status."""
_UTF_8 = ("", *(f"charset={name}" for name in ("utf-8", "utf8", '"utf-8"', '"utf8"')))
"""Parameters of a content type that say nothing new."""
_HINT = 'send {"dataframe_records": [{"COLUMN": VALUE}]}'
_decoder = msgspec.json.Decoder()


def routes(service: Service) -> list[BaseRoute]:
    """The routes."""
    ping = _Ping(service)
    return [
        Route("/invocations", _Invocations(service)),
        Route("/ping", ping),
        Route("/health", ping),
        Route("/version", _VersionName()),
    ]


def problem(refusal: Refusal) -> dict[str, object]:
    """`{"error_code": …, "message": …}`, with MLflow's codes."""
    message = f"{refusal.message} ({refusal.hint})" if refusal.hint else refusal.message
    return {"error_code": _CODES.get(refusal.status, "BAD_REQUEST"), "message": message}


class _Invocations:
    """Rows in, predictions out."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "POST")
        read = _reader(http.header(scope, b"content-type") or "application/json")
        body = await http.body(scope, receive, self.service.config)
        version = self.service.choose()
        question = read(body, version)
        reply = await self.service.ask(question, version, deadline=http.deadline(scope))
        await http.send_json(send, {"predictions": [plain(a) for a in reply.answer.predictions]})


class _Ping:
    """Whether the model answers."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        self.service.require_ready()
        await http.send_bytes(send, b"\n", b"application/json")


class _VersionName:
    """The version of the server, which is not one of MLflow."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        await http.send_bytes(send, __version__.encode(), b"text/plain; charset=utf-8")


def _reader(content_type: str) -> Any:
    """What reads a body of a type: a function of the body and the version."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if any(part not in _UTF_8 for part in parameters):
        raise WrongType(f"{content_type[:80]!r} is not read here", hint="send UTF-8")
    if kind == "application/json":
        return _read_json
    if kind == "text/csv":
        return _read_csv
    raise WrongType(
        f"{content_type[:80]!r} is not read here",
        hint="send Content-Type: application/json or text/csv",
    )


def _read_json(body: bytes, version: Version) -> Question:
    try:
        content = memory.decoded(_decoder, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}", hint=_HINT) from error
    given = [form for form in _FORMS if isinstance(content, dict) and form in content]
    if len(given) != 1:
        raise BadRequest(f"the body must have exactly one of {', '.join(_FORMS)}", hint=_HINT)
    params = content.get("params") or {}
    if not isinstance(params, dict) or not params.keys() <= {"top_k", "threshold"}:
        raise Unprocessable("params may hold top_k and threshold, and nothing else")
    rows = _rows(given[0], content[given[0]], version)
    return version.contract.convert({"inputs": rows, **params})


def _read_csv(body: bytes, version: Version) -> Question:
    try:
        text = body.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, None)
        if header is None:
            raise ValueError("it is empty")
        # No more than is needed to see that there are too many.
        lines = list(islice(filter(None, reader), version.contract.limits.max_rows + 1))
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise BadRequest(f"the body is no CSV with a header: {error}") from error
    version.contract.check_rows(len(lines))
    return version.contract.convert({"inputs": _table(header, lines, version)})


def _rows(form: str, content: Any, version: Version) -> list[Any]:
    """The rows of a request, as the native protocol has them."""
    if form == "dataframe_split":
        if not isinstance(content, dict) or not isinstance(content.get("data"), list):
            raise Unprocessable("dataframe_split: expected columns and data")
        data = content["data"]
        version.contract.check_rows(len(data))
        return _table(content.get("columns"), data, version)
    if isinstance(content, dict) and form in ("inputs", "instances"):
        return _from_columns(content, version)
    if not isinstance(content, list):
        raise Unprocessable(f"{form}: expected a list of rows")
    version.contract.check_rows(len(content))
    return [_record(row, version) for row in content]


def _from_columns(content: dict[str, Any], version: Version) -> list[Any]:
    """Rows of columns, each a list of values or one value."""
    lists = {
        name: values if isinstance(values, list) else [values] for name, values in content.items()
    }
    if len({len(values) for values in lists.values()}) > 1:
        raise Unprocessable("inputs: the columns are of different lengths")
    version.contract.check_rows(max(map(len, lists.values()), default=0))
    return _table(list(lists), zip(*lists.values(), strict=True), version)


def _table(columns: Any, rows: Any, version: Version) -> list[Any]:
    """Rows of values, with or without the names of their columns."""
    names = columns if columns is not None else []
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise Unprocessable("columns: expected a list of names")
    if all(isinstance(name, int) for name in names):  # What pandas calls columns without names.
        names = version.task.encoder.columns
    table: list[Any] = []
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) != len(names):
            raise Unprocessable(
                f"row {len(table)}: expected a value for each of {counted(len(names), 'column')}"
            )
        table.append(_record(dict(zip(names, row, strict=True)), version))
    return table


def _record(row: Any, version: Version) -> Any:
    """A row by the task's names for its columns."""
    encoder, called = version.task.encoder, version.bundle.columns
    if isinstance(row, list) and len(row) == len(encoder.columns):
        return dict(zip(encoder.columns, row, strict=True))
    if not isinstance(row, dict):
        return row
    found = {}
    for name in encoder.columns:
        given = name if name in row else called.get(name)
        if given in row:
            found[name] = row[given]
    return found
