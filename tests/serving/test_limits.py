"""Requests within the size that is taken, and beyond every other limit: refused before they cost."""

import json
import threading
import time

import pytest
from own import raw

INFER = "/v2/models/model/infer"
LONG = "The boy near the queen blamed himself. " * 2_500


def tensor(**changes):
    return {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]} | changes


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"parameters": {"timeout": 10**400}}, 422, "timeout is no number of microseconds"),
        ({"parameters": {"timeout": True}}, 422, "timeout is no number of microseconds"),
        ({"parameters": {"timeout": 2**63}}, 422, "timeout is no number of microseconds"),
        ({"parameters": {"timeout": 2**63 - 1}}, 200, ""),
        ({"parameters": {"priority": "high"}}, 422, "priority is no whole number"),
        ({"parameters": {"priority": 3}}, 200, ""),
        ({"parameters": {"binary_data_output": 1}}, 422, "binary_data_output is neither"),
        ({"inputs": [tensor(shape=[10**4000])]}, 422, "inputs: expected array of length <= 256"),
        ({"inputs": [tensor(shape=[-(10**4000)])]}, 422, "neither [rows] nor [rows, 1]"),
        ({"inputs": [tensor(parameters={"binary_data_size": True})]}, 422, "no binary data"),
        ({"outputs": [{"name": "logits"}] * 20_000}, 422, "output 'logits' comes twice"),
        ({"outputs": [{"name": "label", "parameters": {"binary_data": 1}}]}, 422, "is neither"),
        ({"outputs": [{"name": "label"}, {"name": "logits"}]}, 200, ""),
    ],
)
def test_what_an_inference_request_says_is_checked(server, changes, status, told):
    found, _, answer = server.ask(INFER, {"inputs": [tensor()], **changes})
    assert found == status, answer
    assert status == 200 or told in answer["error"]
    assert status == 200 or len(answer["error"]) < 400


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        (INFER, "Inference-Header-Content-Length", 400),
        ("/predict", "X-Timeout-Ms", 400),
        ("/invocations", "X-Timeout-Ms", 400),
    ],
)
def test_a_number_of_5000_digits_is_none(server, path, header, status):
    body = {"inputs": [tensor()] if path == INFER else ["a"]}
    for digits in (20, 5000):
        headers = {header: "9" * digits, "Content-Type": "application/json"}
        found, _, answer = server.ask(path, body, headers=headers)
        assert found == status
        assert header in str(answer)


CSV = {"Content-Type": "text/csv"}
JSON = {"Content-Type": "application/json"}
MANY = {
    "csv": ("/invocations", CSV, b"text\n" + b"a\n" * 1_000_000),
    "blank lines": ("/invocations", CSV, b"text\n" + b"\n" * 3_000_000 + b"a\n" * 300),
    "inputs": ("/invocations", JSON, b'{"inputs": ["a"' + b',"a"' * 1_900_000 + b"]}"),
    "column": ("/invocations", JSON, b'{"inputs": {"text": ["a"' + b',"a"' * 1_900_000 + b"]}}"),
    "instances": ("/invocations", JSON, b'{"instances": [["a"]' + b',["a"]' * 1_200_000 + b"]}"),
    "records": (
        "/invocations",
        JSON,
        b'{"dataframe_records": [{"text":"a"}' + b',{"text":"a"}' * 600_000 + b"]}",
    ),
    "split": (
        "/invocations",
        JSON,
        b'{"dataframe_split": {"columns": ["text"], "data": [["a"]'
        + b',["a"]' * 1_200_000
        + b"]}}",
    ),
    "predict": ("/predict", JSON, b'{"inputs": ["a"' + b',"a"' * 1_900_000 + b"]}"),
    "tensor": (
        INFER,
        JSON,
        b'{"inputs": [{"name": "text", "shape": [1900001], "datatype": "BYTES", "data": ["a"'
        + b',"a"' * 1_900_000
        + b"]}]}",
    ),
    "untold": (
        INFER,
        JSON,
        b'{"inputs": [{"name": "text", "shape": [9], "datatype": "BYTES", "data": ["a"'
        + b',"a"' * 1_900_000
        + b"]}]}",
    ),
}


@pytest.mark.parametrize("form", MANY)
def test_too_many_rows_are_refused_while_others_are_answered(server, form):
    path, headers, body = MANY[form]
    assert len(body) < 8_000_000
    waits, done = [], threading.Event()

    def look():
        while not done.is_set():
            began = time.monotonic()
            assert server.ask("/livez")[0] == 200
            waits.append(time.monotonic() - began)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        status, _, answer = server.ask(path, body, headers=headers)
    finally:
        done.set()
        watch.join()
    assert status == 422
    told = "has 9 elements and the data 1900001" if form == "untold" else "length <= 256"
    assert told in str(answer)
    assert max(waits) < 3, waits


def test_as_many_rows_as_are_taken_are_taken_in_every_form(server):
    body = "text\n" + '"a\n\nb"\n\n' * 256  # Lines are not rows.
    status, _, answer = server.ask("/invocations", body.encode(), headers=CSV)
    assert (status, len(answer["predictions"])) == (200, 256)
    assert server.ask("/invocations", f"{body}c\n".encode(), headers=CSV)[0] == 422


def test_a_deadline_is_kept_though_the_texts_are_long(server):
    for texts in (40, 79):
        began = time.monotonic()
        status, headers, answer = server.ask(
            body={"inputs": [LONG] * texts}, headers={"X-Timeout-Ms": "50"}
        )
        assert (status, headers["retry-after"]) == (504, "1")
        assert answer["error"] == "the answer did not come in time"
        assert time.monotonic() - began < 1.5
        began = time.monotonic()
        assert server.ask(body={"inputs": ["a"]})[0] == 200
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("text/csv", 'charset="utf-8"', 200),
        ("text/csv", "charset=utf8", 200),
        ("text/csv", 'charset="UTF8"', 200),
        ("text/csv", "charset=latin-1", 415),
    ],
)
def test_utf_8_by_any_of_its_names_is_read(server, kind, values, told):
    headers = {"Content-Type": f"{kind}; {values}"}
    assert server.ask("/invocations", b"text\na", headers=headers)[0] == told


def test_a_coding_that_changes_nothing_is_taken_and_any_other_refused(server):
    body = json.dumps({"inputs": ["a"]}).encode()
    for coding, status in (("Identity", 200), ("identity ", 200), ("gzip", 415), ("x", 415)):
        assert server.ask(body=body, headers={"Content-Encoding": coding})[0] == status
    whole = raw.chunked(body)
    for coding, status in ((b"Chunked", 200), (b"gzip, chunked", 415), (b"x, chunked", 415)):
        assert raw.talk(server, whole.replace(b"chunked", coding, 1))[0] == status
    twice = whole.replace(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip\r\n\\g<0>")
    twice = twice.replace(b"\\g<0>", b"Transfer-Encoding: chunked")
    assert raw.talk(server, twice)[0] == 415
