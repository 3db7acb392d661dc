"""HTTP as the protocols need it: bodies within limits, JSON out, refusals as answers."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.refusals import (
    BadRequest,
    Refusal,
    TooLarge,
    TooSlow,
    WrongMethod,
    WrongType,
)

Headers = Iterable[tuple[bytes, bytes]]

_JSON = b"application/json"
_AUTHENTICATE = (b"www-authenticate", b'Bearer realm="mlops"')
_DIGITS = 19
"""Most digits of a number in a header."""
_encoder = msgspec.json.Encoder()


def header(scope: Scope, name: bytes) -> str | None:
    """A header of the request, by its name in lower case; None where there is none."""
    for found, value in scope["headers"]:
        if found == name:
            text: str = value.decode("latin-1")
            return text
    return None


def whole(told: str, *, most: int) -> int | None:
    """A whole number from 0 to `most` in a header; None where it is none."""
    if not told.isdecimal() or len(told) > _DIGITS or (found := int(told)) > most:
        return None
    return found


async def body(scope: Scope, receive: Receive, limits: ServeConfig) -> bytes:
    """The whole body of a request.

    Raises:
        WrongType: It is compressed.
        TooLarge: It is larger than is taken.
        TooSlow: It did not arrive in time.
    """
    coding = header(scope, b"content-encoding")
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise _compressed()
    most = int(limits.max_body_mb * 1_000_000)
    told = header(scope, b"content-length")
    if told is None:
        _check_chunks(scope)
    elif told.isdecimal() and whole(told, most=most) is None:
        raise _too_large(limits)
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(limits.read_seconds):
            while more:
                message = await receive()
                _check_there(message)
                parts.append(message.get("body", b""))
                size, more = size + len(parts[-1]), message.get("more_body", False)
                if size > most:
                    raise _too_large(limits)
    except TimeoutError as error:
        raise TooSlow(f"the body did not arrive within {limits.read_seconds:g} s") from error
    return b"".join(parts)


def _check_chunks(scope: Scope) -> None:
    """Refuses codings beside chunks, which are all that was taken off the body."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise _compressed()


def _compressed() -> WrongType:
    return WrongType("a compressed body is not read here", hint="send it as it is")


def _check_there(message: Any) -> None:
    if message["type"] == "http.disconnect":
        raise BadRequest("the connection ended before the body")


def _too_large(limits: ServeConfig) -> TooLarge:
    return TooLarge(
        f"the body is larger than {limits.max_body_mb:g} MB", hint="send fewer rows at once"
    )


async def send_json(send: Send, content: Any, *, status: int = 200, headers: Headers = ()) -> None:
    """Sends a JSON answer."""
    await send_bytes(send, _encoder.encode(content), _JSON, status=status, headers=headers)


async def send_bytes(
    send: Send, content: bytes, media_type: bytes, *, status: int = 200, headers: Headers = ()
) -> None:
    """Sends an answer as it is."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type),
                (b"content-length", b"%d" % len(content)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": content})


def refusal_headers(refusal: Refusal) -> Headers:
    """The headers that go with a refusal."""
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        return (_AUTHENTICATE,)
    if isinstance(refusal, WrongMethod):
        return ((b"allow", ", ".join(refusal.methods).encode()),)
    if isinstance(refusal, TooLarge | TooSlow):
        # The rest of the body is not waited for.
        return ((b"connection", b"close"),)
    if refusal.retry_after is None:
        return ()
    return ((b"retry-after", b"%d" % refusal.retry_after),)


def deadline(scope: Scope) -> float | None:
    """Seconds that the asker waits, by the header X-Timeout-Ms; None where it says nothing.

    Raises:
        BadRequest: It is no positive number.
    """
    told = header(scope, b"x-timeout-ms")
    if told is None:
        return None
    found = whole(told, most=10**9 - 1)
    if not found:
        raise BadRequest(
            f"X-Timeout-Ms must be a whole number of ms, not {told[:40]!r}",
            hint="X-Timeout-Ms: 500",
        )
    return found / 1000
