"""The server as a process: what a client sees."""

import asyncio
import gzip
import time
from types import SimpleNamespace

from mlops_cli.serving import connection


def test_it_says_where_it_answers_while_it_does(server):
    ends = time.monotonic() + 10  # It answers a moment before it says so.
    while "Serving" not in server.log.read_text("utf-8") and time.monotonic() < ends:
        time.sleep(0.01)
    assert f"at http://127.0.0.1:{server.port}\n" in server.log.read_text("utf-8")


def test_it_answers_and_says_who_did(server, trained):
    body = {"inputs": [{"text": "The boy blamed himself."}, "Every plant was quiet."], "top_k": 2}
    status, headers, answer = server.ask(body=body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert len(answer["predictions"]) == 2
    assert answer["model"] == {"name": "model", "version": trained.run}
    for one in answer["predictions"]:
        assert one["score"] == max(one["scores"].values())
        assert abs(sum(one["scores"].values()) - 1) < 1e-5


def test_what_is_served_can_be_asked_for_by_name(server, trained):
    (model,) = server.ask("/models")[2]["models"]
    assert (model["name"], model["primary"]) == ("model", trained.run)
    for path in ("/models/model/predict", f"/models/model/versions/{trained.run}/predict"):
        assert server.ask(path, {"inputs": ["a"]})[0] == 200
    assert server.ask("/models/other/predict", {"inputs": ["a"]})[0] == 404
    assert server.ask("/models/model/versions/9/predict", {"inputs": ["a"]})[0] == 404


def test_a_compressed_body_is_refused_on_every_path(server):
    for path in ("/predict", "/invocations", "/v2/models/model/infer"):
        body = gzip.compress(b'{"inputs": ["a"]}')
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        status, _, found = server.ask(path, body, headers=headers)
        assert status == 415
        assert "a compressed body is not read here" in str(found)


def test_what_is_written_in_one_step_goes_out_together():
    sent = []

    class Transport(asyncio.Transport):
        def writelines(self, parts):
            sent.append(b"".join(parts))

        def is_closing(self):
            return False

    async def write():
        told = SimpleNamespace(loop=asyncio.get_running_loop(), ending=False)
        transport = connection._Ending(Transport(), told)
        for answer in (b"1", b"2"):
            transport.write(b"headers ")
            transport.write(b"body " + answer)
            await asyncio.sleep(0)

    asyncio.run(write())
    assert sent == [b"headers body 1", b"headers body 2"]
