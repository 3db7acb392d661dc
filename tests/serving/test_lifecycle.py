"""How a server begins and ends: in order, with one line where it can't."""

import asyncio
import json
import shutil
import signal
import subprocess
import time

import pytest
from own import raw, served
from own.servers import free_port

BODY = json.dumps({"inputs": ["The boy near the queen blamed himself."] * 4}).encode()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    return tmp_path


async def _client(port, counted, stopping):
    """Asks over one connection after the other until none is taken any more."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        open_ = True
        while open_:
            try:
                writer.write(raw.post(BODY))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                counted[int(head.split()[1])] = counted.get(int(head.split()[1]), 0) + 1
                open_ = b"connection: close" not in head.lower()
            except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError):
                # A connection that the system took while the server was ending.
                counted["lost"] = counted.get("lost", 0) + 1
                assert stopping.is_set()
                open_ = False
        writer.close()


def test_sigterm_under_load_answers_all_that_was_asked(trained, root):
    with served.serving(trained.path / "bundle", root, stop=None) as server:

        async def run():
            counted, stopping = {}, asyncio.Event()
            clients = [
                asyncio.create_task(_client(server.port, counted, stopping)) for _ in range(16)
            ]
            await asyncio.sleep(1)
            before = counted[200]
            stopping.set()
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(asyncio.gather(*clients), 60)
            return before, counted

        before, counted = asyncio.run(run())
        assert server.process.wait(60) == 0
        assert counted[200] > before
        assert counted.get("lost", 0) <= 16
        assert set(counted) <= {200, "lost"}
        assert "Traceback" not in server.log.read_text("utf-8")


def test_an_idle_connection_that_asks_while_the_server_ends_is_answered(trained, root):
    with served.serving(trained.path / "bundle", root, stop=None) as server:
        with raw.connect(server) as idle:
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.15)
            idle.sendall(raw.post(BODY))
            status, headers, _ = raw.answer(idle)
            assert (status, headers["connection"]) == (200, "close")
        assert server.process.wait(60) == 0


def test_a_second_sigterm_does_not_wait(trained, root):
    words = ("serve.read_seconds=60", "serve.drain_seconds=60")
    with (
        served.serving(trained.path / "bundle", root, *words, stop=None) as server,
        raw.connect(server) as slow,
    ):
        slow.sendall(raw.post(b"{", length=100))
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert server.process.poll() is None
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert time.monotonic() - began < 10


def test_a_model_whose_files_are_gone_still_answers(trained, root):
    bundle = shutil.copytree(trained.path / "bundle", root / "bundle")
    with served.serving(bundle, root) as server:
        shutil.rmtree(bundle)
        assert raw.talk(server, raw.post(BODY))[0] == 200
        assert server.ask("/openapi.json")[0] == 200
        assert server.ask("/page/forms.json")[0] == 200


def started(script, root, *words):
    return subprocess.run(
        [script, "serve", *words], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "bundle.json"])
def test_a_damaged_bundle_is_refused_in_one_line(trained, root, mlops_script, name):
    bundle = shutil.copytree(trained.path / "bundle", root / "bundle")
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    done = started(mlops_script, root, "--bundle", "bundle", "--port", "0")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.count("\n") <= 2
    assert "bundle" in done.stderr


def test_a_port_in_use_is_told_in_one_line(server, trained, root, mlops_script):
    words = ("--bundle", str(trained.path / "bundle"), "--port", str(server.port))
    done = started(mlops_script, root, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"can't listen at 127.0.0.1:{server.port}: address already in use" in done.stderr
    assert done.stderr.count("\n") <= 2
    assert free_port() != server.port
