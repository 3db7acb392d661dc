"""The server as a function of AWS Lambda, in the real runtime client."""

import base64
import json
import os
import subprocess
import sys

import lambda_runtime
import pytest

from mlops_cli.serving import auth

pytestmark = pytest.mark.slow
ROWS = {"inputs": ["The boy near the queen blamed himself.", "Them walks."]}


@pytest.fixture(scope="module")
def home(trained, tmp_path_factory):
    made = tmp_path_factory.mktemp("function") / "home"
    lambda_runtime.lay_out(trained.path / "bundle", made)
    return made


@pytest.fixture(scope="module")
def function(home):
    with lambda_runtime.running(home, home.with_suffix(".log")) as function:
        yield function


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/predict", ROWS),
        ("POST", "/predict", {"inputs": ["a"], "top_k": 2}),
        ("POST", "/predict", {"inputs": []}),
        ("POST", "/predict", {"inputs": [3]}),
        ("POST", "/predict", "{"),
        ("POST", "/predict", {"nothing": 1}),
        ("POST", "/invocations", ROWS),
        ("GET", "/v2/models/model", None),
        ("GET", "/models", None),
        ("GET", "/predict", None),
        ("GET", "/nowhere", None),
        ("GET", "/readyz", None),
        ("GET", "/livez", None),
        ("GET", "/v2/health/ready", None),
    ],
)
def test_it_answers_as_the_server_does(function, server, method, path, body):
    raw = None if body is None else body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json"}
    status, told, answer = server.ask(
        path, raw.encode() if raw is not None else None, method=method, headers=headers
    )
    event = lambda_runtime.request(method, path, raw)
    got = function.invoke(event)
    assert got["statusCode"] == status
    assert got["headers"]["content-type"] == told["content-type"]
    assert json.loads(got["body"]) == answer
    assert got["headers"]["x-request-id"]
    # Binary, as API Gateway sends what is no text.
    if raw is not None:
        event |= {"body": base64.b64encode(raw.encode()).decode(), "isBase64Encoded": True}
        assert json.loads(function.invoke(event)["body"]) == answer


def test_an_escaped_path_a_query_and_a_page(function):
    assert function.ask("GET", "/v2/models/no%20model")[0] == 404
    page = function.invoke(lambda_runtime.request("GET", "/"))
    assert page["statusCode"] == 200
    assert "<html" in page["body"]
    assert function.ask("GET", "/metrics")[0] == 200


def test_whoever_may_invoke_it_learns_what_it_answers_with(function, home):
    told = function.invoke({"mlops": "version"})
    assert told["digest"] == function.ask("GET", "/models")[1]["models"][0]["versions"][0]["digest"]
    with pytest.raises(lambda_runtime.FunctionError, match="unable to infer a handler"):
        function.invoke({"Records": []})
    assert function.invoke({"mlops": "version"}) == told


def test_keys_are_asked_for_and_nothing_but_answers_is_logged(home, tmp_path):
    secret, key = auth.new("shop")
    log = tmp_path / "log"
    with lambda_runtime.running(home, log, MLOPS_API_KEYS=key.line) as function:
        assert function.ask("POST", "/predict", ROWS)[0] == 401
        headers = {"authorization": f"Bearer {secret}"}
        assert function.ask("POST", "/predict", ROWS, headers)[0] == 200
        assert function.ask("GET", "/readyz")[0] == 200
        # The API can't send what is no request, so this needs no key: IAM lets in who may ask.
        assert function.invoke({"mlops": "version"})["model"] == "model"
    assert log.read_text("utf-8") == ""


def test_what_can_not_be_loaded_ends_the_start_with_its_reason(home, trained, tmp_path):
    broken = tmp_path / "broken"
    lambda_runtime.lay_out(trained.path / "bundle", broken)
    (broken / "model" / "model.onnx").write_bytes(b"nothing")
    with (
        lambda_runtime.running(broken, tmp_path / "log") as function,
        pytest.raises(lambda_runtime.FunctionError) as raised,
    ):
        function.invoke({"mlops": "version"})
    assert raised.value.kind == "DataError"
    assert "model.onnx" in raised.value.message


def test_a_cold_start_loads_nothing_that_it_does_not_use(home):
    code = "import sys, mlops_cli.serving.aws_lambda as m\nm.handler\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MLOPS_HOME": str(home)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"torch", "transformers", "hydra", "omegaconf", "typer", "rich", "uvicorn", "boto3"}
    assert "onnxruntime" in loaded
    assert not loaded & (heavy | {"pydantic", "dvc", "huggingface_hub", "pandas"})
