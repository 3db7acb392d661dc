"""HTTP by hand: bytes over a socket, for what no client would send."""

import contextlib
import json
import socket
import time


def connect(server, seconds=20):
    return socket.create_connection(("127.0.0.1", server.port), timeout=seconds)


def post(body, *, path="/predict", length=None, headers=()):
    """A request in bytes, which may lie about its length."""
    told = len(body) if length is None else length
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {told}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*chunks, end=True):
    """A request whose body comes in chunks."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    begin = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return begin + b"".join(parts) + (b"0\r\n\r\n" if end else b"")


def answer(connection):
    """Status, headers and body of one answer; status None where the connection ended first."""
    content = b""
    while b"\r\n\r\n" not in content:
        content += (more := _received(connection))
        if not more:
            return None, {}, content
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += (more := _received(connection))
        if not more:
            break
    return int(first.split()[1]), headers, body


def talk(server, request, seconds=20):
    """Sends bytes, and reads one answer; JSON is read."""
    with connect(server, seconds) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        status, headers, body = answer(connection)
    is_json = headers.get("content-type") == "application/json" and body
    return status, headers, json.loads(body) if is_json else body


def ended(connection, seconds):
    """Whether the server ends a connection, and after how long."""
    began = time.monotonic()
    connection.settimeout(seconds)
    try:
        while _received(connection):
            pass
    except TimeoutError:
        return None
    return time.monotonic() - began


def _received(connection):
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""
