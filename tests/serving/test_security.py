"""A server as one runs it on a network: https, API keys, CORS, a JSON log that tells no secrets."""

import json
import ssl

import pytest
from own import certificates, served
from own.tracked import until

from mlops_cli.serving import auth

PAGE = "https://shop.example"
SECRET = "Nobody may read this garden."


@pytest.fixture(scope="module")
def keys():
    return {role: auth.new(role, role) for role in ("predict", "admin")}


@pytest.fixture(scope="module")
def secure(trained, tmp_path_factory, keys):
    folder = tmp_path_factory.mktemp("secure")
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    certificate, key = certificates.make(folder)
    (folder / "keys.txt").write_text("\n".join(made.line for _, made in keys.values()))
    words = [f"serve.tls_cert={certificate}", f"serve.tls_key={key}", "serve.api_keys=keys.txt"]
    words += [f"serve.cors=[{PAGE}]", "serve.log=json"]
    trust = ssl.create_default_context(cafile=str(certificate))
    with served.serving(trained.path / "bundle", folder, *words, context=trust) as server:
        yield server


def by(keys, role):
    return {"Authorization": f"Bearer {keys[role][0]}"}


def logged(server, request):
    """The line about a request, which is written once the answer is sent."""
    lines = []

    def found():
        lines[:] = [line for line in server.log.read_text("utf-8").splitlines() if request in line]
        return lines

    until(found)
    (line,) = map(json.loads, lines)
    return line


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/predict", {"error", "hint"}),
        ("/v2/models/model/infer", {"error"}),
        ("/invocations", {"error_code", "message"}),
        ("/metrics", {"error", "hint"}),
    ],
)
def test_without_a_key_nothing_is_told_in_the_words_of_the_path(secure, keys, path, words):
    for headers in ({}, {"X-Api-Key": "mlops_wrong"}):
        status, told, answer = secure.ask(path, {"inputs": ["a"]}, headers=headers)
        assert (status, answer.keys()) == (401, words)
        assert told["www-authenticate"].startswith("Bearer")
    assert secure.ask("/livez")[0] == secure.ask("/v2/health/ready")[0] == 200


def test_with_a_key_it_answers_and_only_an_admin_administers(secure, keys):
    for headers in (by(keys, "predict"), {"X-Api-Key": keys["predict"][0]}):
        assert secure.ask(body={"inputs": ["a"]}, headers=headers)[0] == 200
        assert secure.ask("/admin/state", headers=headers)[0] == 403
    assert secure.ask("/admin/state", headers=by(keys, "admin"))[0] == 200


def test_pages_of_named_origins_alone_may_ask(secure, keys):
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    _, told, _ = secure.ask("/predict", method="OPTIONS", headers={"Origin": PAGE, **asks})
    assert told["access-control-allow-origin"] == PAGE
    assert told["access-control-allow-headers"] == "x-api-key"
    other = {"Origin": "https://evil.example", **asks}
    status, told, _ = secure.ask("/predict", method="OPTIONS", headers=other)
    assert (status, told["access-control-allow-origin"]) == (400, None)
    headers = {"Origin": PAGE, **by(keys, "predict")}
    _, told, _ = secure.ask(body={"inputs": ["a"]}, headers=headers)
    assert told["access-control-allow-origin"] == PAGE


def test_a_line_of_json_tells_of_a_request_and_not_what_was_asked(secure, keys):
    headers = by(keys, "predict") | {"X-Request-Id": "order-17"}
    _, told, _ = secure.ask(body={"inputs": [SECRET, "b"]}, headers=headers)
    assert told["x-request-id"] == "order-17"
    line = logged(secure, "order-17")
    assert line["@timestamp"].endswith("Z")
    assert 0 < line["event.duration"] < 30e9
    expected = {
        "log.level": "info",
        "http.request.id": "order-17",
        "http.request.method": "POST",
        "url.path": "/predict",
        "http.response.status_code": 200,
        "client.ip": "127.0.0.1",
        "user.name": "predict",
        "mlops.model": "model",
        "mlops.rows": 2,
    }
    assert line | expected == line
    headers |= {"X-Request-Id": "order-18"}
    secure.ask(body={"inputs": [{"text": SECRET, SECRET: 1}]}, headers=headers)
    line = logged(secure, "order-18")
    assert (line["http.response.status_code"], line["error.type"]) == (422, "Unprocessable")
    assert SECRET not in secure.log.read_text("utf-8")
    assert keys["predict"][0] not in secure.log.read_text("utf-8")


def test_an_id_that_is_none_is_replaced(secure):
    ids = set()
    for given in ("", "two words", "x" * 200, 'a"b', "line\tbreak"):
        told = secure.ask("/livez", headers={"X-Request-Id": given})[1]["x-request-id"]
        assert told != given
        assert len(told) == 32
        ids.add(told)
    assert len(ids) == 5


def refusal(mlops, trained, *words):
    done = mlops("serve", "--bundle", str(trained.path / "bundle"), "--port", "0", *words)
    return done.exit_code, done.stderr


def test_wrong_files_are_told_in_one_line(mlops, trained, project, tmp_path):
    certificate, key = certificates.make(tmp_path)
    _, other = certificates.make(tmp_path, "other")
    cases = [
        ([f"serve.tls_cert={certificate}"], 3, "go together"),
        ([f"serve.tls_cert={certificate}", "serve.tls_key=no.key"], 5, "no file no.key"),
        ([f"serve.tls_cert={certificate}", f"serve.tls_key={other}"], 3, "no certificate with"),
        ([f"serve.tls_cert={key}", f"serve.tls_key={key}"], 3, "no certificate with its key"),
        (["serve.log=loud"], 3, "must be one of errors, text, json"),
    ]
    for words, code, told in cases:
        found, stderr = refusal(mlops, trained, *words)
        assert (found, told in stderr) == (code, True), stderr
        assert "Traceback" not in stderr
