"""`/openapi.json` says what the server does: its examples work, and generated requests agree."""

import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from own import generated, served

from mlops_cli.serving import auth, page

PREDICT = {200, 400, 404, 405, 408, 413, 415, 422, 429, 431, 503, 504}

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
def document(server):
    status, _, found = server.ask("/openapi.json")
    assert status == 200
    return found


def test_it_is_openapi_and_names_every_path_and_status(document, trained):
    validate(document, cls=OpenAPIV31SpecValidator)
    named = ["/predict", "/models/model/predict", f"/models/model/versions/{trained.run}/predict"]
    assert {*named, "/models", "/livez", "/readyz", "/metrics"} <= set(document["paths"])
    assert {"/v2", "/v2/health/ready", "/v2/models/model/infer"} <= set(document["paths"])
    assert {"/invocations", "/ping", "/version"} <= set(document["paths"])
    assert {"/admin/state", "/admin/models/model/promote"} <= set(document["paths"])
    for path in named:
        assert {int(one) for one in document["paths"][path]["post"]["responses"]} == PREDICT
    assert "securitySchemes" not in document["components"]
    assert "Attributes" not in json.dumps(document)


def test_the_examples_work(server, document):
    tried = 0
    # Two answer with an empty line, as MLflow does: tests/serving/test_protocols.py.
    for path in document["paths"].keys() - {"/ping", "/health"}:
        for method, operation in document["paths"][path].items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            status, _, found = server.ask(
                path, body.get("example"), headers=JSON, method=method.upper()
            )
            # Nobody administers a server that has no keys.
            assert status == (403 if path.startswith("/admin/") else 200), path
            answers = operation["responses"]["200"]["content"]
            if "example" in (answer := answers.get("application/json", {})):
                assert found == answer["example"]
            tried += "example" in body
    assert tried >= 10


def test_generated_requests_get_documented_answers(server):
    found = generated.run(server.url, 300)
    assert found.total() >= 150
    assert {200, 422} <= set(found)


def test_with_keys_it_says_who_may_ask(trained, tmp_path, monkeypatch):
    monkeypatch.setenv(auth.ENVIRONMENT, "a-key-of-sufficient-length")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    with served.serving(trained.path / "bundle", tmp_path, "serve.page=false") as server:
        assert server.ask("/openapi.json")[0] == 401
        key = {"Authorization": "Bearer a-key-of-sufficient-length"}
        _, _, found = server.ask("/openapi.json", headers=key)
        assert found["security"] == [{"key": []}]
        assert "401" in found["paths"]["/predict"]["post"]["responses"]
        for path in ("/livez", "/v2/health/live", "/ping"):
            assert found["paths"][path]["get"]["security"] == []
        (refused,) = found["paths"]["/invocations"]["post"]["responses"]["401"]["content"].values()
        assert refused["schema"]["$ref"].endswith("/Refused")
        assert {server.ask(path, headers=key)[0] for path in page.FILES} == {404}


def test_whoever_administers_gets_documented_answers_too(trained, project):
    secret, key = auth.new("ops", "admin")
    project({"keys.txt": f"{key.line}\n"})
    keys = "serve.api_keys=keys.txt"
    with served.serving(trained.path / "bundle", project.path, keys) as server:
        found = generated.run(server.url, 100, secret)
    assert found.total() >= 100
    assert {200, 404, 409, 422} <= set(found)
