"""What the server offers, as an OpenAPI 3.1 document: the parts it is made of.

Each protocol's module describes its own paths; see `protocols`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mlops_cli.serving.refusals import (
    BadRequest,
    HeadersTooLarge,
    Late,
    Overloaded,
    Refusal,
    TooLarge,
    TooSlow,
    Unavailable,
    Unprocessable,
    WrongMethod,
    WrongType,
)

Part = dict[str, Any]
"""A part of the document."""

_SCHEMAS = "#/components/schemas/"
_ALWAYS: tuple[type[Refusal], ...] = (BadRequest, WrongMethod, TooSlow, HeadersTooLarge)
"""What every path may answer."""
PREDICTING = (TooLarge, WrongType, Unprocessable, Overloaded, Unavailable, Late)
"""With what a request for predictions may be refused beside these."""


class Problem(msgspec.Struct):
    """Why a request got no answer.

    Attributes:
        error: What is wrong, in one sentence.
        hint: What to send or do instead; may be empty.
    """

    error: str
    hint: str


class Schemas:
    """The schemas that paths refer to. What two models have alike is there once."""

    def __init__(self) -> None:
        self.all: Part = {}

    def refer(self, *kinds: Any, owner: str = "") -> list[Part]:
        """A schema for each type.

        Args:
            kinds: Types that msgspec reads or writes.
            owner: Goes before the names of what is unlike in another owner's types.
        """
        for prefix in ("", f"{name_of(owner)}."):
            found, parts = msgspec.json.schema_components(
                kinds, ref_template=f"{_SCHEMAS}{prefix}{{name}}"
            )
            named = {prefix + name: _brief(part) for name, part in parts.items()}
            if all(self.all.get(name, part) == part for name, part in named.items()):
                break
        self.all |= named
        return list(found)


def name_of(*words: str) -> str:
    """Words as a name that OpenAPI takes."""
    return "_".join(re.sub(r"[^A-Za-z0-9-]+", "-", word) for word in words)


def operation(
    name: str,
    summary: str,
    *,
    answer: Part,
    problem: Part,
    refusals: Iterable[type[Refusal]] = (),
    body: Part | None = None,
    parameters: Sequence[Part] = (),
    tag: str = "models",
) -> Part:
    """One method of a path.

    Args:
        name: Its unique name.
        summary: What it does, in a few words.
        answer: Content of the answer 200, by media type; see `content`.
        problem: The same of every other answer.
        refusals: With what it may be refused, beside what every path may be refused with.
        body: Content of the request.
        parameters: Headers it reads.
        tag: What it belongs to.
    """
    kinds = sorted({*_ALWAYS, *refusals}, key=lambda kind: kind.status)
    made: Part = {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "responses": {
            "200": {"description": "The answer.", "content": answer},
            **{str(kind.status): refused(kind, problem) for kind in kinds},
        },
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": body}
    if parameters:
        made["parameters"] = list(parameters)
    return made


def look(
    name: str, summary: str, answer: Part, problem: Part, *refusals: type[Refusal], tag: str
) -> Part:
    """A path that is only looked at: its GET; see `operation`."""
    made = operation(name, summary, answer=answer, problem=problem, refusals=refusals, tag=tag)
    return {"get": made}


def content(schema: Part, example: Any = None, *, media_type: str = "application/json") -> Part:
    """A body of one media type, with an example where there is one."""
    return {media_type: {"schema": schema} | ({} if example is None else {"example": example})}


def document(paths: Part, schemas: Schemas, *, version: str, secured: bool) -> Part:
    """The whole document.

    Args:
        paths: All paths.
        schemas: What they refer to.
        version: Version of the server.
        secured: Whether an API key is needed.
    """
    whole: Part = {
        "openapi": "3.1.0",
        "info": {"title": "mlops serve", "version": version},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": schemas.all},
    }
    if secured:
        whole["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        whole["security"] = [{"key": []}]
    return whole


def refused(kind: type[Refusal], problem: Part) -> Part:
    """The answer that goes with a kind of refusal."""
    described: Part = {
        "description": (kind.__doc__ or "").partition("\n")[0],
        "content": problem,
    }
    if kind.status in (429, 503, 504):
        described["headers"] = {"Retry-After": _RETRY_AFTER}
    if kind is WrongMethod:
        described["headers"] = {"Allow": _ALLOW}
    return described


TIMEOUT: Part = {
    "name": "X-Timeout-Ms",
    "in": "header",
    "description": "How long the answer is waited for; the server's own limit stays.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    "example": 2000,
}
REQUEST_ID: Part = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "Names the request in the server's log.",
    "schema": {"type": "string", "maxLength": 128},
}
_RETRY_AFTER: Part = {
    "description": "Seconds after which to try again.",
    "schema": {"type": "integer", "minimum": 1},
}
_ALLOW: Part = {"description": "The methods that it takes.", "schema": {"type": "string"}}


def _brief(part: Any) -> Any:
    """A schema with the first paragraph of each description only."""
    if isinstance(part, list):
        return [_brief(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value.partition("\n\n")[0]
        if key == "description" and isinstance(value, str)
        else _brief(value)
        for key, value in part.items()
    }
