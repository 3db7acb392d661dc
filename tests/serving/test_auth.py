"""Who may ask and who may administer: keys by file and environment, and what a stranger is told."""

import hashlib
import json

import pytest

from mlops_cli.errors import ConfigError, NotFoundError, UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import auth, page
from mlops_cli.serving.refusals import Forbidden, Unauthorized


def request(path="/predict", **headers):
    pairs = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    return {"path": path, "headers": pairs}


def test_a_key_is_shown_once_and_its_line_lets_it_in(mlops, tmp_path):
    made = mlops("serve", "--new-key", "shop", json=True).json
    admin = mlops("serve", "--new-key", "ops", "--admin", json=True).json
    assert made["line"] == f"shop: {hashlib.sha256(made['key'].encode()).hexdigest()}"
    assert admin["line"].endswith(" admin")
    file = tmp_path / "keys.txt"
    file.write_text(f"# who may ask\n{made['line']}\n\n{admin['line']}  # on call\n")
    keys = auth.load(ServeConfig(api_keys=str(file)))
    for headers in ({"x_api_key": made["key"]}, {"authorization": f"Bearer {made['key']}"}):
        scope = request(**headers)
        keys.admit(scope)
        with pytest.raises(Forbidden, match="shop has not the role admin"):
            auth.require(scope, role="admin")
    scope = request(authorization=f"bearer {admin['key']}")
    keys.admit(scope)
    assert auth.require(scope, role="admin").name == "ops"
    assert auth.require(scope, role="predict").name == "ops"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": "wrong"},
        {"x_api_key": ""},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer \x00é"},
    ],
)
def test_a_stranger_is_let_in_nowhere_but_where_health_is_asked(headers, monkeypatch):
    monkeypatch.setenv("MLOPS_API_KEYS", "a-long-enough-secret")
    keys = auth.load(ServeConfig(), pages=page.FILES)
    closed = ("/predict", "/metrics", "/v2", "/invocations", "/nowhere", "/livez/")
    for path in (*closed, "/page/forms.json"):
        with pytest.raises(Unauthorized):
            keys.admit(request(path, **headers))
    for path in (*auth.OPEN, *page.FILES):
        keys.admit(request(path, **headers))
    auth.load(ServeConfig(open_metrics=True)).admit(request("/metrics", **headers))


def test_the_environment_holds_keys_in_plain_and_hashed(monkeypatch):
    secret, key = auth.new("ci", "admin")
    monkeypatch.setenv("MLOPS_API_KEYS", f"a-long-enough-secret, {key.line}")
    keys = auth.load(ServeConfig())
    keys.admit(request(x_api_key="a-long-enough-secret"))
    scope = request(x_api_key=secret)
    keys.admit(scope)
    assert auth.require(scope, role="admin") == key


def test_without_keys_everybody_may_ask_and_nobody_administer():
    scope = request()
    auth.load(ServeConfig()).admit(scope)
    with pytest.raises(Forbidden, match="the server has no keys"):
        auth.require(scope, role="admin")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shop", "line 1: this is no API key"),
        ("# mine\nshop: secret-in-plain-text", "line 2: this is no API key"),
        (f"shop: {'a' * 64} boss", "there is no role 'boss'"),
        (f"a shop: {'a' * 64}", "line 1: this is no API key"),
    ],
)
def test_a_line_that_is_no_key_is_named_and_not_shown(tmp_path, text, told):
    file = tmp_path / "keys.txt"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        auth.load(ServeConfig(api_keys=str(file)))
    assert told in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("text", ["", "\n \n", "# shop: not yet\n  # nor ops\n"])
def test_a_file_without_a_key_does_not_open_the_server(mlops, project, trained, text):
    project({"keys.txt": text})
    bundle = ["--bundle", str(trained.path / "bundle"), "--port", "0"]
    done = mlops("serve", *bundle, "serve.api_keys=keys.txt", json=True)
    told = json.loads(done.stderr.splitlines()[-1])
    assert done.exit_code == ConfigError.exit_code
    assert told["error"] == "keys.txt holds no API key, and everybody could ask"
    assert "mlops serve --new-key NAME" in told["hint"]


def test_an_environment_without_a_key_does_not_open_the_server(monkeypatch, tmp_path):
    secret, key = auth.new("shop")
    file = tmp_path / "keys.txt"
    file.write_text(key.line)
    for text in (" ", " , ", ",\n"):
        monkeypatch.setenv("MLOPS_API_KEYS", text)
        for config in (ServeConfig(), ServeConfig(api_keys=str(file))):
            with pytest.raises(ConfigError, match="MLOPS_API_KEYS holds no API key"):
                auth.load(config)
    monkeypatch.setenv("MLOPS_API_KEYS", "")  # As where Compose has nothing to give it.
    assert not auth.load(ServeConfig())
    auth.load(ServeConfig(api_keys=str(file))).admit(request(x_api_key=secret))


def test_mistakes_end_the_command_in_one_line(mlops, project, monkeypatch, trained):
    bundle = ["--bundle", str(trained.path / "bundle"), "--port", "0"]
    done = mlops("serve", *bundle, "serve.api_keys=nowhere.txt", json=True)
    assert (done.exit_code, json.loads(done.stderr)["error"]) == (
        NotFoundError.exit_code,
        "no file of API keys at nowhere.txt",
    )
    monkeypatch.setenv("MLOPS_API_KEYS", "short")
    done = mlops("serve", *bundle)
    assert done.exit_code == ConfigError.exit_code
    assert "MLOPS_API_KEYS, key 1 is shorter than 16 characters" in done.stderr
    assert mlops("serve", "--admin").exit_code == UsageError.exit_code
    assert mlops("serve", "--new-key", "a b").exit_code == UsageError.exit_code
