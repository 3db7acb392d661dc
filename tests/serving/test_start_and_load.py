"""A server that is starting, that has too much to do, and what it has loaded of Python."""

import contextlib
import json
import threading

import uvicorn
from own import raw, served

from mlops_cli import serving_plan
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import app, startup
from mlops_cli.serving import version as versions
from mlops_cli.serving.auth import Keys

TRAINING = {"torch", "transformers", "hydra", "datasets", "pytorch_lightning", "onnx", "dvc"}
BODY = json.dumps({"inputs": ["The boy near the queen blamed himself. " * 20] * 2}).encode()


def test_beyond_the_queue_clients_are_told_when_to_come_again(trained, tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")

    def asked(server, found):
        for _ in range(10):
            status, headers, body = raw.talk(server, raw.post(BODY))
            found.append((status, headers.get("retry-after"), body))

    words = ("serve.queue=2", "serve.sessions=1")
    with served.serving(trained.path / "bundle", tmp_path, *words) as server:
        found = []
        clients = [threading.Thread(target=asked, args=(server, found)) for _ in range(24)]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
        assert server.ask(body={"inputs": ["a"]})[0] == 200
    assert len(found) == 240
    assert {status for status, _, _ in found} == {200, 429}
    for status, retry_after, body in found:
        if status == 429:
            assert int(retry_after) >= 1
            assert "rows wait already" in body["error"]


@contextlib.contextmanager
def listening(service):
    """A server of the service in a thread."""
    config = uvicorn.Config(app.build(service, Keys()), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield served.Served(server.servers[0].sockets[0].getsockname()[1], None, None)
    server.should_exit = True
    thread.join(30)


def test_while_a_model_is_loading_nobody_is_answered_and_the_process_is_alive(
    trained, tmp_path, monkeypatch
):
    may_end, load = threading.Event(), versions.load

    def slowly(*args, **named):
        may_end.wait(60)
        return load(*args, **named)

    monkeypatch.setattr(versions, "load", slowly)
    config = ServeConfig(sessions=1, state=str(tmp_path / "state.json"))
    plan = serving_plan.make(tmp_path, config, trained.path / "bundle", None)
    starting = startup.begin(plan, config, lambda said: None)
    service = starting.operations.service
    infer = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}
    asked = {
        "/readyz": None,
        "/v2/health/ready": None,
        "/predict": {"inputs": ["a"]},
        "/invocations": {"inputs": ["a"]},
        "/v2/models/model/infer": infer,
    }
    try:
        with listening(service) as server:
            kind = {"Content-Type": "application/json"}
            for path, body in asked.items():
                status, headers, answer = server.ask(path, body, headers=kind)
                assert (status, headers["retry-after"]) == (503, "1"), path
                assert "starting" in str(answer)
            assert server.ask("/livez")[0] == 200
            may_end.set()
            starting.loaded.result(60)
            for path, body in asked.items():
                assert server.ask(path, body, headers=kind)[0] == 200, path
    finally:
        may_end.set()
        service.close()


def test_a_server_that_answers_has_imported_nothing_of_training(trained, tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    with served.serving(trained.path / "bundle", tmp_path) as server:
        assert raw.talk(server, raw.post(BODY))[0] == 200
        assert server.ask("/openapi.json")[0] == 200
        assert server.ask("/metrics")[0] == 200
    lines = server.log.read_text("utf-8").splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    packages = {name.partition(".")[0] for name in loaded}
    assert {"onnxruntime", "tokenizers", "uvicorn"} <= packages
    assert not packages & TRAINING
