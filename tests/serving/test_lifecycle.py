"""How a server begins and ends: in order, with one line where it can't."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import time

import pytest
from own import raw, served
from own.servers import free_port

from mlops_cli.errors import UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import server

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


@pytest.mark.parametrize("sent", [b"", b"POST /predict HTTP/1.1\r\nHost:"])
def test_who_has_asked_nothing_does_not_hold_the_end_up(trained, root, sent):
    words = ("serve.read_seconds=60", "serve.drain_seconds=60")
    with served.serving(trained.path / "bundle", root, *words, stop=None) as server:
        with raw.connect(server) as new, raw.connect(server) as again:
            again.sendall(raw.post(BODY))
            assert raw.answer(again)[0] == 200
            for one in (new, again):
                one.sendall(sent)
            time.sleep(0.3)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert raw.ended(new, 5) < 2
            assert server.process.wait(60) == 0
            assert time.monotonic() - began < 15
        assert "ERROR" not in server.log.read_text("utf-8")


def test_a_body_that_is_being_sent_while_the_server_ends_is_waited_for(trained, root):
    with served.serving(trained.path / "bundle", root, stop=None) as server:
        with raw.connect(server) as slow:
            request = raw.post(BODY)
            slow.sendall(request[:-20])
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(2.5)
            slow.sendall(request[-20:])
            status, headers, _ = raw.answer(slow)
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


@pytest.mark.parametrize("content", ["[1]", '"text"', '{"columns": []}'])
def test_a_description_that_was_changed_is_none(trained, root, content):
    bundle = shutil.copytree(trained.path / "bundle", root / "bundle")
    with served.serving(bundle, root) as server:
        (bundle / "reference.json").write_text(content, "utf-8")
        for path in ("/openapi.json", "/page/forms.json", "/metrics"):
            assert server.ask(path)[0] == 200, path
        assert "Traceback" not in server.log.read_text("utf-8")


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


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("300.1.1.1", "no address that can be found"),
        ("no such host", "no address that can be found"),
        ("a..b", "no address that can be found"),
        ("8.8.8.8", "no address of this machine"),
    ],
)
def test_a_host_that_can_not_be_listened_at_is_told(host, told):
    with pytest.raises(UsageError, match=f"the host is {told}") as raised:
        server._listen(ServeConfig(host=host, port=0))
    assert "serve.host=127.0.0.1" in raised.value.hint
    assert "port" not in raised.value.hint


def test_the_port_that_is_hinted_at_exists():
    def refused(port):
        with pytest.raises(UsageError, match="already in use") as raised:
            server._listen(ServeConfig(port=port))
        return raised.value.hint

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65535))
        taken.listen()
        assert refused(65535) == "serve.port=65534, or 0 for a free one"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"serve.port={port + 1}" in refused(port)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--port", "70000"], 2, "70000"),
        (["--share", "30%"], 2, "--share goes with --canary"),
        (["--bundle", "configs/config.yaml"], 5, "is a file, not a bundle's folder"),
    ],
)
def test_wrong_words_are_told(project, mlops, words, code, told):
    done = mlops("serve", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert told in done.stderr


def test_warnings_are_json_where_the_log_is(trained, root):
    (root / ".mlops" / "serving").mkdir(parents=True)
    (root / ".mlops" / "serving" / "state.json").write_text("{", "utf-8")
    with served.serving(trained.path / "bundle", root, "serve.log=json", "--quiet") as running:
        lines = running.log.read_text("utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    (kept,) = [line for line in told if "can't be read" in line["message"]]
    assert (kept["log.level"], kept["log.logger"]) == ("warning", "mlops.serving")


def test_a_port_in_use_is_told_in_one_line(server, trained, root, mlops_script):
    words = ("--bundle", str(trained.path / "bundle"), "--port", str(server.port))
    done = started(mlops_script, root, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"can't listen at 127.0.0.1:{server.port}: address already in use" in done.stderr
    assert done.stderr.count("\n") <= 2
    assert free_port() != server.port
