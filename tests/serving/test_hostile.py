"""Clients that are slow, greedy, broken or gone: each gets its due, and the next is answered."""

import contextlib
import json
import socket
import time

import pytest
from own import raw, served

ASKED = {"inputs": [{"text": "The boy near the queen blamed himself."}]}
BODY = json.dumps(ASKED).encode()


@pytest.fixture(scope="module")
def strict(trained, tmp_path_factory):
    """A server with little patience and little room."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    words = ("serve.read_seconds=1", "serve.max_body_mb=0.1", "serve.connections=20")
    with served.serving(trained.path / "bundle", folder, *words) as server:
        yield server


@pytest.fixture(autouse=True)
def _answers_afterwards(strict):
    yield
    assert strict.process.poll() is None
    assert strict.ask(body=ASKED)[0] == 200
    assert "Traceback" not in strict.log.read_text("utf-8")


@pytest.mark.parametrize("begin", [b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nHost: x\r\nX-A"])
def test_headers_that_do_not_come_are_not_waited_for(strict, begin):
    with raw.connect(strict) as connection:
        connection.sendall(begin)
        status, headers, body = raw.answer(connection)
        if begin:
            assert (status, headers["connection"]) == (408, "close")
            assert json.loads(body)["error"] == "the request did not arrive within 1 s"
        else:  # Nothing was asked, nothing is answered.
            assert (status, body) == (None, b"")
        assert raw.ended(connection, 6) is not None


def test_headers_that_dribble_in_do_not_reset_the_time(strict):
    began = time.monotonic()
    with raw.connect(strict) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"POST /predict HTTP/1.1\r\n")
        connection.settimeout(0.3)
        for number in range(40):
            connection.sendall(b"X-%d: 1\r\n" % number)
            with contextlib.suppress(TimeoutError):
                assert raw.answer(connection)[0] == 408
                break
    assert time.monotonic() - began < 8


def test_a_body_that_does_not_come_is_not_waited_for(strict):
    status, headers, body = raw.talk(strict, raw.post(b'{"inputs', length=50))
    assert (status, headers["connection"]) == (408, "close")
    assert body["error"] == "the body did not arrive within 1 s"
    assert raw.talk(strict, raw.chunked(b'{"inp', end=False))[0] == 408


def test_hundreds_of_half_open_connections_do_not_keep_others_out(strict):
    with contextlib.ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(raw.connect(strict))
            if number % 2:
                connection.sendall(b"POST /predict HTTP/1.1\r\nHost:")
        for _ in range(5):
            assert strict.ask(body=ASKED, seconds=10)[0] == 200


def test_a_body_of_100_mb_is_refused_before_it_is_sent(strict):
    with raw.connect(strict) as connection:
        connection.sendall(raw.post(b"", length=100_000_000))
        status, headers, body = raw.answer(connection)
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["error"] == "the body is larger than 0.1 MB"


def test_a_client_that_sends_100_mb_regardless_still_reads_why_not(strict):
    status, _, body = raw.talk(strict, raw.post(b" " * 100_000_000))
    assert (status, body["error"]) == (413, "the body is larger than 0.1 MB")


def test_a_client_that_asks_first_is_told_to_keep_its_body(strict):
    asked = raw.post(b"", length=100_000_000, headers=("Expect: 100-continue",))
    assert raw.talk(strict, asked)[0] == 413


def test_chunks_count_too(strict):
    assert raw.talk(strict, raw.chunked(*[b" " * 10_000] * 9, BODY))[0] == 200
    assert raw.talk(strict, raw.chunked(*[b" " * 10_000] * 11, BODY))[0] == 413


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /predict HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999999\r\n\r\n",
        raw.post(b"ab", headers=("Transfer-Encoding: chunked",)),
        raw.chunked(BODY, end=False) + b"zz\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_400_or_less(strict, request_):
    status, _, body = raw.talk(strict, request_)
    assert status in (400, 404, 405)
    assert body["error"]


def test_a_length_that_is_too_short_cuts_the_body(strict):
    status, _, body = raw.talk(strict, raw.post(BODY, length=len(BODY) - 5))
    assert status == 400
    assert body["error"].startswith("the body is no JSON")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"])
def test_other_methods_are_told_which_one_there_is(strict, method):
    status, headers, _ = strict.ask(method=method)
    assert (status, headers["allow"]) == (405, "POST")
    assert strict.ask("/livez", method="HEAD")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/%70redict",
        "/predict%00",
        "/..%2f..%2fetc/passwd",
        "/page/../try.html",
        "/page/%2e%2e/__init__.py",
        "/models/%ff%fe/predict",
        "/models/%F0%9F%A6%86/predict",
        "//predict",
        "/predict/",
        "/predict?" + "q" * 5000,
        "/" + "a" * 30_000,
    ],
)
def test_odd_paths_lead_nowhere_or_where_they_say(strict, path):
    status, _, _ = raw.talk(strict, raw.post(BODY, path=path))
    assert status == (200 if path.split("?")[0] in ("/predict", "/%70redict") else 404)


def test_headers_may_be_large_and_not_without_end(strict):
    assert raw.talk(strict, raw.post(BODY, headers=("X-A: " + "a" * 30_000,)))[0] == 200
    assert raw.talk(strict, raw.post(BODY, headers=("X-A: " + "a" * 1_000_000,)))[0] == 431
    assert raw.talk(strict, raw.post(BODY, headers=["X-A: a"] * 20_000))[0] == 431
    assert raw.talk(strict, raw.post(BODY, headers=("X-\xff: \xfe",)))[0] in (200, 400)


def test_a_client_that_goes_away_is_not_missed(strict):
    for _ in range(30):
        with raw.connect(strict) as connection:
            connection.sendall(raw.post(BODY))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    for _ in range(5):
        with raw.connect(strict) as connection:
            connection.sendall(raw.post(BODY, length=1000))


def test_a_client_that_sends_no_more_still_gets_its_answer(strict):
    with raw.connect(strict) as connection:
        connection.sendall(raw.post(BODY))
        connection.shutdown(socket.SHUT_WR)
        assert raw.answer(connection)[0] == 200


def test_requests_at_once_over_one_connection_are_answered_in_order(strict):
    with raw.connect(strict) as connection:
        connection.sendall(raw.post(BODY) + raw.post(b"{") + raw.post(BODY))
        content = b""
        while content.count(b"HTTP/1.1 ") < 3 or not content.endswith(b"}}"):
            content += connection.recv(65536)
    assert [part[:3] for part in content.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400", b"200"]


def test_a_connection_goes_on_after_a_client_asked_for_http_2(strict):
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    with raw.connect(strict) as connection:
        connection.sendall(raw.post(BODY, headers=upgrade))
        assert raw.answer(connection)[0] == 200
