"""Bodies that break careless servers: every one gets the status it deserves."""

import contextlib
import csv
import io
import json

import numpy as np
import pytest
import tritonclient.http as triton
from own import nasty, raw

SENTENCE = "The boy near the queen blamed himself."


@pytest.fixture(autouse=True)
def _answers_afterwards(server):
    yield
    assert server.process.poll() is None
    assert server.ask(body={"inputs": [SENTENCE]})[0] == 200
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.parametrize("category", nasty.STRINGS)
def test_every_text_is_a_text(server, category):
    texts = nasty.STRINGS[category]
    status, _, answer = server.ask(body={"inputs": [{"text": text} for text in texts]})
    assert status == 200
    alone = [server.ask(body={"inputs": [text], "top_k": 2}) for text in texts]
    assert {status for status, _, _ in alone} == {200}
    for text, together, (_, _, one) in zip(texts, answer["predictions"], alone, strict=True):
        # Which label is likelier must not hang on who else was asked about, but for a tie.
        assert (together["label"] is None) == (not text.strip())
        scores = one["predictions"][0]["scores"]
        assert together["label"] is None or scores[together["label"]] > 0.499


def labels(answer):
    return [one["label"] for one in answer["predictions"]]


def table(texts):
    """Texts as CSV, every one in quotes: it is an empty line that is no row."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["text"], *([text] for text in texts)])
    return stream.getvalue().encode()


@pytest.mark.parametrize("category", nasty.STRINGS)
def test_every_protocol_reads_the_same_text(server, category):
    texts = nasty.STRINGS[category]
    expected = server.ask(body={"inputs": texts})[2]
    kinds = {"Content-Type": "application/json"}, {"Content-Type": "text/csv"}
    for headers, body in zip(kinds, ({"inputs": texts}, table(texts)), strict=True):
        status, _, answer = server.ask("/invocations", body, headers=headers)
        assert (status, labels(answer)) == (200, labels(expected)), headers
    with contextlib.closing(triton.InferenceServerClient(f"127.0.0.1:{server.port}")) as client:
        for binary in (True, False):
            tensor = triton.InferInput("text", [len(texts)], "BYTES")
            values = np.array([text.encode() for text in texts], dtype=object)
            tensor.set_data_from_numpy(values, binary_data=binary)
            wanted = [triton.InferRequestedOutput("label", binary_data=binary)]
            found = client.infer("model", [tensor], outputs=wanted).as_numpy("label")
            told = [one if isinstance(one, str) else one.decode() for one in found]
            assert told == [label or "" for label in labels(expected)], binary


@pytest.mark.parametrize("text", nasty.ALL[:60])
def test_as_a_field_name_it_is_none(server, text):
    status, _, answer = server.ask(body={"inputs": [{text: SENTENCE}]})
    assert (status, bool(answer["error"])) == (422, True)


def test_half_a_character_is_no_json(server):
    for text in nasty.SURROGATES:
        status, _, answer = server.ask(body=b'{"inputs": [%s]}' % text)
        assert (status, bool(answer["error"])) == (400, True), text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", 400),
        (b"\0", 400),
        (b"\xff\xfe{\0}\0", 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"inputs": ["\xff\xfe"]}', 400),
        (b'{"inputs": ["\xc0\xaf"]}', 400),
        (b'{"inputs": ["\xed\xa0\x80"]}', 400),
        (b'{"inputs": ["a\nb"]}', 400),
        (b'{"inputs": ["a"]', 400),
        (b'{"inputs": ["a"]} {}', 400),
        (b"{'inputs': ['a']}", 400),
        (b'{"inputs": ["a"], "top_k": NaN}', 400),
        (b'{"inputs": ["a"], "threshold": Infinity}', 400),
        (b'{"inputs": ["a"], "threshold": 1e999}', 422),
        (b"[" * 100_000, 422),
        (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422),
        (b'{"a": ' * 100_000 + b"1" + b"}" * 100_000, 422),
        (b'{"inputs": ["a"], "top_k": ' + b"9" * 5000 + b"}", 422),
        (b'{"inputs": ["a"], "top_k": 1e3000}', 422),
        (b'{"inputs": ["a"], "top_k": -1}', 422),
        (b'{"inputs": ["a"], "top_k": 1.5}', 422),
        (b'{"inputs": ["a"], "top_k": true}', 422),
        (b'{"inputs": ["a"], "threshold": 2}', 422),
        (b'{"inputs": [1]}', 422),
        (b'{"inputs": [null]}', 422),
        (b'{"inputs": [["a"]]}', 422),
        (b'{"inputs": []}', 422),
        (b'{"inputs": [{}]}', 422),
        (b'{"inputs": "a"}', 422),
        (b'{"inputs": ["a"], "more": 1}', 422),
        (b"null", 422),
        (b'"a"', 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"inputs": ["%s"]}' % (b"a" * 100_001), 422),
        (json.dumps({"inputs": ["a"] * 257}).encode(), 422),
        (b'{"inputs": ["a"], "inputs": ["b"]}', 200),
        (b' \n\t{"inputs":\r\n["a"]}  ', 200),
        (b'{"inputs": ["\\u0000\\u001f\\ud83d\\ude00"]}', 200),
    ],
)
def test_every_body_gets_its_status(server, body, expected):
    status, _, answer = raw.talk(server, raw.post(body))
    assert status == expected, answer
    if status != 200:
        assert set(answer) == {"error", "hint"}
        assert "\n" not in answer["error"]
        assert len(answer["error"]) < 400


@pytest.mark.parametrize("told", ["0", "-1", "1.5", "soon", "9" * 30, "\xb2", ""])
def test_a_time_that_is_none_is_refused(server, told):
    headers = {"X-Timeout-Ms": told}
    status, _, answer = server.ask(body={"inputs": [SENTENCE]}, headers=headers)
    assert (status, answer["hint"]) == (400, "X-Timeout-Ms: 500")
