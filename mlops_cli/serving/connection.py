"""A client's connection: uvicorn's, with limits of its own and an end that loses no answer.

uvicorn waits for ever for a request that does not arrive, takes headers of any size, and closes a
connection whose client is still sending, which makes the client lose the answer. Here headers and
left-over bodies have their time and their size, the number of connections is bounded (the one
that has waited longest makes room), and a client that is still sending is listened to for a while.
"""

import asyncio
import re
import socket
import sys
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.protocols import native
from mlops_cli.serving.pulse import WAITED, Pulse
from mlops_cli.serving.refusals import (
    BadRequest,
    HeadersTooLarge,
    Refusal,
    TooSlow,
    Unavailable,
)

_MOST_HEADERS = 65_536
_LINGER = 2.0
"""Seconds for which a client that was answered while it was sending is still listened to."""
_GRACE = 0.25
"""Seconds in which a request may still come over an idle connection when the server stops."""
_SLACK = 1.0
"""Seconds beyond `read_seconds`: a handler that waits for a body refuses first, in its words."""
_CALM = 0.02
"""A loop that is late by less has read what came."""
_LAST_DATA = slice(52, 56)
"""Milliseconds since data came last, in Linux's `struct tcp_info`."""
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class Connection(HttpToolsProtocol):
    """One connection.

    Whoever serves sets its `limits`, and the `pulse` of its loop, in a subclass.
    """

    limits = ServeConfig()
    pulse = Pulse(0.0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Makes room where there are too many."""
        self.until: float | None = self._patience()
        self.in_headers, self.size = True, 0
        self.ending = self.deaf = self.stopping = False
        super().connection_made(cast(Any, _Ending(cast(asyncio.Transport, transport), self)))
        if len(self.connections) > self.limits.connections and not self._make_room():
            self.refuse(Unavailable("too many connections are open", retry_after=1))

    def data_received(self, data: bytes) -> None:
        """Parses what came, unless everything was said."""
        if self.ending or self.deaf:
            return
        if self.until is None:
            self.until, self.in_headers, self.size = self._patience(), True, 0
        if self.in_headers and b"pgrade:" in data:
            data = _without_upgrade(data)
        super().data_received(data)
        if self.in_headers and not self.ending:
            self.size += len(data)
            if self.size > _MOST_HEADERS:
                self.refuse(HeadersTooLarge(f"the headers are larger than {_MOST_HEADERS} bytes"))

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that sends no more may still wait for its answer."""
        waits = not self.idle and self.until is None and self.scheme == "http"
        if waits:
            self.cycle.keep_alive = False
        return waits

    def on_headers_complete(self) -> None:
        """A request can be answered."""
        self.in_headers = False
        super().on_headers_complete()
        if self.pulse.delay > _CALM:
            cast(dict[str, Any], self.scope)[WAITED] = self._unread()
        if self.stopping:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """A request is there whole."""
        self.until = None
        super().on_message_complete()

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def check(self, now: float) -> None:
        """Ends the connection where its time is over."""
        if self.until is None or now < self.until:
            return
        if not self.ending and self.idle and self.size:
            self.refuse(
                TooSlow(f"the request did not arrive within {self.limits.read_seconds:g} s")
            )
        elif self.ending or self.idle:
            self.transport.abort()

    def refuse(self, refusal: Refusal) -> None:
        """Answers what is no request yet, and ends the connection."""
        content = msgspec.json.encode(native.problem(refusal))
        lines = [
            STATUS_LINE[refusal.status],
            b"content-type: application/json\r\nconnection: close\r\n",
            b"content-length: %d\r\n" % len(content),
        ]
        if refusal.retry_after is not None:
            lines.append(b"retry-after: %d\r\n" % refusal.retry_after)
        self.transport.write(b"".join([*lines, b"\r\n", content]))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answers what can't be parsed."""
        if not self.idle and self.until is None:  # What came before it is whole: answer that.
            self.deaf, self.cycle.keep_alive = True, False
            return
        if not self.idle:  # The body is broken: its handler waits in vain.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.refuse(BadRequest("this is no HTTP request"))

    def shutdown(self) -> None:
        """Ends once what was asked is answered; to an idle one a request may be under way."""
        self.stopping = True
        if self.idle:
            self.loop.call_later(_GRACE, self._leave)
        else:
            super().shutdown()

    def _leave(self) -> None:
        """Ends what is idle still. Where nothing was answered, no answer can be lost on its way."""
        if self.cycle is None:
            self.until = None
        super().shutdown()

    def _patience(self) -> float:
        """Until when a request that begins now may arrive."""
        return self.loop.time() + self.limits.read_seconds + _SLACK

    def _unread(self) -> float:
        """Seconds for which the data that came last had to wait for us; 0 where none can tell."""
        if sys.platform != "linux":  # Others lay their `tcp_info` out in other ways.
            return 0.0
        try:
            found = self.transport.get_extra_info("socket")
            told = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA.stop)
        except OSError:  # It has ended.
            return 0.0
        return int.from_bytes(told[_LAST_DATA], sys.byteorder) / 1000

    def _make_room(self) -> bool:
        """Ends the connection that was to end soonest, or an idle one; whether there was one."""
        others = (one for one in cast(set[Connection], self.connections) if one is not self)
        ends = (one for one in others if one.ending or one.idle)
        first = min(ends, key=_soonest, default=None)
        if first is None:
            return False
        first.transport.abort()
        self.connections.discard(first)
        return True


def _without_upgrade(data: bytes) -> bytes:
    """Headers that ask for no other protocol.

    There is none, and clients that ask (Java's does by itself) are to be answered in this one; but
    the parser would take the body for the other protocol's.
    """
    headers, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-asked:", headers) + end + rest


def _soonest(one: Connection) -> tuple[bool, bool, float]:
    """Those that end already, then those that send nothing, then idle ones."""
    return not one.ending, one.until is None, one.until or 0.0


class _Ending:
    """A transport whose end waits for a client that is still sending.

    Closing at once would reset the connection, and the answer could be lost on its way. What is
    written in one step of the loop, as the headers and the body of an answer are, goes out
    together: each call of the system would wake the client up.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._written: list[bytes] = []
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Writes with what else is written in this step."""
        if not self._written:
            self._connection.loop.call_soon(self._flush)
        self._written.append(data)

    def _flush(self) -> None:
        if self._written and not self._transport.is_closing():
            self._transport.writelines(self._written)
        self._written = []

    def is_closing(self) -> bool:
        """Whether nothing more is to be written."""
        return self._connection.ending or self._transport.is_closing()

    def close(self) -> None:
        """Ends the connection, at once or when the client has stopped sending."""
        connection, transport = self._connection, self._transport
        if self.is_closing():
            return
        self._flush()
        arriving, now = connection.until is not None, connection.loop.time()
        connection.ending = True
        if arriving and transport.can_write_eof():
            connection.until = now + _LINGER
            connection.flow.resume_reading()
            transport.write_eof()
        else:
            connection.until = now + connection.limits.read_seconds
            transport.close()
