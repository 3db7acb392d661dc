"""Versions change while a real server answers; clients count what fails."""

import contextlib
import json
import shutil
import signal
import subprocess
import time

import pytest
from own import served
from own.clients import asking
from variants import failing, slower, variant

from mlops_cli.serving import auth

SHORT = "The boy blamed himself."
LONG = " ".join(["the quiet queen near every plant blamed herself"] * 6)
TEXTS = [SHORT, LONG]
SETTINGS = ("serve.canary_min_requests=20", "serve.canary_max_latency_ratio=4")


@pytest.fixture(scope="module")
def shop(trained, tmp_path_factory):
    """A project with an admin's key and bundles that differ from the trained one."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    secret, key = auth.new("ops", "admin")
    other, predicting = auth.new("shop")
    (folder / "keys.txt").write_text(f"{key.line}\n{predicting.line}\n", "utf-8")
    (folder / "secrets.json").write_text(json.dumps([secret, other]), "utf-8")
    bundle = trained.path / "bundle"
    labels = json.loads((bundle / "bundle.json").read_text("utf-8"))["labels"]
    bundles = folder / "bundles"
    bundles.mkdir()
    for name, changes in {
        "good": {},
        "better": {},
        "swapped": {"labels": labels[::-1]},
        "failing": {"change": failing},
        "slow": {"change": slower},
        "pairs": {"task": "text_pair_classification"},
    }.items():
        variant(bundle, bundles / name, run=name, **changes)
    return folder


class Admin:
    """A server and its admin."""

    def __init__(self, server, shop):
        self.server = server
        self.secret, self.other = json.loads((shop / "secrets.json").read_text("utf-8"))
        self.headers = {"authorization": f"Bearer {self.other}"}

    def __call__(self, what, method="POST", secret=None, **body):
        """Status and answer of a change."""
        path = "/admin/state" if what == "state" else f"/admin/models/model/{what}"
        status, _, answer = self.server.ask(
            path,
            body if method == "POST" else None,
            method=method,
            headers={"authorization": f"Bearer {secret or self.secret}"},
        )
        return status, answer

    def model(self, **wanted):
        """The model's state, once it is as wanted."""
        for _ in range(300):
            (model,) = self("state", "GET")[1]["models"]
            if all(model[name] == value for name, value in wanted.items()):
                return model
            time.sleep(0.05)
        raise AssertionError(model)


@pytest.fixture(scope="module")
def process(shop):
    words = ("serve.api_keys=keys.txt", *SETTINGS)
    with served.serving(shop / "bundles" / "good", shop, *words) as server:
        yield server


@pytest.fixture
def admin(process, shop):
    """The admin of a server that answers with the good version alone."""
    made = Admin(process, shop)
    yield made
    if made.model()["canary"]:
        made("rollback")
    if made.model()["shadow"]:
        made("shadow", bundle=None)
    made("promote", bundle="bundles/good")
    for version in made.model(primary="good")["versions"]:
        made(f"versions/{version['name']}", "DELETE")


def answers_of(folder, name):
    """What a version says of the texts, by its predictor alone."""
    from mlops_cli.serving import bundle as bundles
    from mlops_cli.serving.runtime import Predictor

    found = Predictor(bundles.load(folder / "bundles" / name)).predict({"text": TEXTS})[0]
    return {(text, one.label) for text, one in zip(TEXTS, found, strict=True)}


def test_versions_are_swapped_under_load_and_no_request_fails(admin, shop):
    with asking(admin.server, admin.headers, TEXTS) as clients:
        for number in range(8):
            status, _ = admin("promote", bundle=f"bundles/{('swapped', 'good')[number % 2]}")
            assert status == 200
            time.sleep(0.1)
    assert clients.failures == []
    assert clients.answers == {name: answers_of(shop, name) for name in ("good", "swapped")}
    assert [one["name"] for one in admin.model()["versions"]] == ["good"]


def test_a_canary_that_fails_is_rolled_back_and_no_request_fails(admin, shop):
    with asking(admin.server, admin.headers, TEXTS) as clients:
        assert admin("canary", bundle="bundles/failing", share=0.5)[0] == 200
        model = admin.model(canary=None)
    assert clients.failures == []
    good = answers_of(shop, "good")
    assert clients.answers["good"] == good
    assert clients.answers.get("failing", set()) <= good
    event = admin("state", "GET")[1]["events"][-1]
    assert (event["change"], event["version"]) == ("rolled back", "failing")
    assert "failed; 0.01 of all is allowed; the last with Unprocessable" in event["reason"]
    assert LONG not in event["reason"]
    assert model["rollbacks"] >= 1
    assert "rolled back failing of model model: " in admin.server.log.read_text("utf-8")


def test_a_canary_of_another_opinion_is_rolled_back_and_told_without_the_text(admin, shop):
    with asking(admin.server, admin.headers, TEXTS) as clients:
        assert admin("canary", bundle="bundles/swapped", share=0.5)[0] == 200
        admin.model(canary=None)
    assert clients.failures == []
    assert "otherwise than by the primary" in admin("state", "GET")[1]["events"][-1]["reason"]
    text = (shop / ".mlops" / "serving" / "differences.jsonl").read_text("utf-8")
    one = json.loads(text.splitlines()[0])
    assert (one["answered"]["version"], one["primary"]["version"]) == ("swapped", "good")
    assert one["answered"]["answer"] != one["primary"]["answer"]
    assert SHORT not in text


def test_a_slow_canary_is_rolled_back(admin):
    with asking(admin.server, admin.headers, [SHORT]) as clients:
        assert admin("canary", bundle="bundles/slow", share=0.3)[0] == 200
        admin.model(canary=None)
    assert clients.failures == []
    assert "times the primary's" in admin("state", "GET")[1]["events"][-1]["reason"]


def test_a_shadow_is_asked_and_not_heard(admin):
    with asking(admin.server, admin.headers, TEXTS) as clients:
        assert admin("shadow", bundle="bundles/swapped")[0] == 200
        for _ in range(300):
            shadow = admin.model()["shadow"]
            if shadow["compared"] > 20:
                break
            time.sleep(0.05)
    assert (clients.failures, clients.asked_of) == ([], {"good"})
    assert shadow["differing"] == shadow["compared"] > 20
    figures = admin.server.ask("/metrics", headers=admin.headers)[2].decode()
    assert 'mlops_shadow_differing_ratio{model="model",version="swapped"} 1.0' in figures
    assert 'mlops_rollbacks_total{model="model"} ' in figures
    assert admin("shadow", bundle=None)[1]["models"][0]["shadow"] is None
    assert admin("shadow", bundle=None)[0] == 409


def test_a_version_that_is_named_answers_without_being_on_trial(admin):
    assert admin("canary", bundle="bundles/failing", share=0.001)[0] == 200
    for version, status in (("failing", 422), ("good", 200)):
        path = f"/models/model/versions/{version}/predict"
        assert admin.server.ask(path, {"inputs": [LONG]}, headers=admin.headers)[0] == status
    assert admin.model()["canary"]["errors"] == 0
    figures = admin.server.ask("/metrics", headers=admin.headers)[2].decode()
    assert 'mlops_canary_share{model="model",version="failing"} 0.001' in figures
    assert 'mlops_canary_failed_ratio{model="model",version="failing"} 0.0' in figures
    assert admin("canary", bundle="bundles/better", share=0.5)[0] == 409
    assert admin("canary", bundle="failing", share=0.5)[1]["models"][0]["canary"]["share"] == 0.5
    assert admin("promote", bundle="bundles/better")[0] == 409
    assert admin("rollback")[1]["models"][0]["canary"] is None


def test_what_was_kept_is_gone_back_to(admin):
    assert admin("promote", bundle="bundles/better", keep=True)[0] == 200
    model = admin.model(primary="better", previous="good")
    assert {one["name"] for one in model["versions"]} == {"good", "better"}
    assert admin("rollback")[1]["models"][0]["primary"] == "good"
    status, answer = admin("rollback")
    assert (status, answer["error"]) == (409, "model model has nothing to go back to")


def test_a_bundle_that_is_no_longer_whole_is_refused_and_what_is_loaded_answers(admin, shop):
    folder = shop / "bundles" / "torn"
    shutil.copytree(shop / "bundles" / "better", folder)
    assert admin("promote", bundle="bundles/better")[0] == 200
    for name, harm in {
        "tokenizer.json": lambda file: file.unlink(),
        "model.onnx": lambda file: file.write_bytes(file.read_bytes()[:-1] + b"\0"),
    }.items():
        harm(folder / name)
        status, answer = admin("promote", bundle="bundles/torn")
        assert (status, name in answer["error"]) == (422, True)
    shutil.rmtree(folder)
    assert admin("load", bundle="bundles/torn")[0] == 404
    graph = shop / "bundles" / "better" / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(b"")
    asked = admin.server.ask(body={"inputs": [SHORT]}, headers=admin.headers)
    assert (asked[0], asked[2]["model"]["version"]) == (200, "better")
    graph.write_bytes(whole)


def test_bundles_come_from_the_project_alone(admin, trained, tmp_path):
    for place in (
        trained.path / "bundle",
        shutil.copytree(trained.path / "bundle", tmp_path / "b"),
    ):
        status, answer = admin("promote", bundle=str(place))
        assert (status, "may not be loaded from" in answer["error"]) == (403, True)
    assert admin("promote", bundle="/etc")[0] == 404


@pytest.mark.parametrize("what", ["load", "promote", "canary", "shadow"])
def test_a_name_that_no_file_can_have_is_none_of_a_bundle(admin, mlops, monkeypatch, what):
    for name in ("a" * 300, "bundles/" + "ü" * 200, "@" * 256, "a\0b"):
        assert admin(what, bundle=name)[0] == 404
    monkeypatch.setenv("MLOPS_ADMIN_KEY", admin.secret)
    outcome = mlops("rollout", what, "a" * 300, "--url", admin.server.url)
    assert (outcome.exit_code, "no bundle in aaaa" in outcome.stderr) == (5, True)
    assert "Traceback" not in admin.server.log.read_text("utf-8")


@pytest.mark.parametrize("what", ["promote", "canary", "shadow"])
def test_a_model_of_other_columns_does_not_take_its_name(admin, what):
    status, answer = admin(what, bundle="bundles/pairs")
    assert (status, answer["error"]) == (
        409,
        "pairs takes the columns text, text_pair, and model model takes text",
    )
    assert [one["name"] for one in admin.model()["versions"]] == ["good"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--canary", "bundles/pairs"), "pairs takes the columns text, text_pair"),
        (("--shadow", "bundles/good"), "the shadow is the very bundle that is served"),
        (("--canary", "bundles/none"), "no bundle in bundles/none"),
        (("--share", "none"), "'none' is no share"),
    ],
)
def test_what_does_not_go_together_is_not_served(shop, mlops_script, words, told):
    words = (*words, "--bundle", "bundles/good", "--port", "0", "serve.state=none.json")
    command = [mlops_script, "serve", *words]
    done = subprocess.run(command, cwd=shop, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode in (2, 5)
    assert done.stderr.startswith("error: ")
    assert told in done.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("promote", {}, 422),
        ("promote", {"bundle": ""}, 422),
        ("promote", {"bundle": 1}, 422),
        ("canary", {"bundle": "bundles/better", "share": 0}, 422),
        ("canary", {"bundle": "bundles/better", "share": 1.1}, 422),
        ("canary", {"bundle": "good", "share": 0.5}, 409),
        ("promote", {"bundle": "good", "also": 1}, 422),
        ("nonsense", {}, 404),
    ],
)
def test_nonsense_changes_nothing(admin, what, body, status):
    before = admin("state", "GET")
    assert admin(what, **body)[0] == status
    assert admin("state", "GET") == before


def test_only_an_admin_may(admin):
    assert admin("state", "GET", secret=admin.other)[0] == 403
    assert admin("rollback", secret="wrong")[0] == 401
    assert admin.server.ask("/admin/state")[0] == 401
    assert admin("state")[0] == 405
    assert admin("versions/good", "DELETE")[0] == 409
    assert admin("versions/none", "DELETE")[0] == 404


def test_the_command_line_does_the_same(admin, mlops, monkeypatch):
    monkeypatch.setenv("MLOPS_ADMIN_KEY", admin.secret)
    there = ("--url", admin.server.url)
    assert mlops("rollout", "load", "bundles/none", *there).exit_code == 5
    outcome = mlops("rollout", "status", *there)
    assert "model: good" in outcome.stdout
    assert "next: mlops rollout canary RUN" in outcome.stdout
    admin("load", bundle="bundles/better")
    found = mlops("rollout", "canary", "better", "--share", "25%", *there, json=True).json
    assert found["models"][0]["canary"]["share"] == 0.25
    assert "canary  better: 0.25 of the requests" in mlops("rollout", "status", *there).stdout
    assert "model: better" in mlops("rollout", "promote", "better", "--keep", *there).stdout
    assert "before  good" in mlops("rollout", "status", *there).stdout
    assert "shadow  good" in mlops("rollout", "shadow", "good", *there).stdout
    assert mlops("rollout", "shadow", "--stop", *there).exit_code == 0
    assert mlops("rollout", "shadow", *there).exit_code == 2
    assert mlops("rollout", "rollback", "--model", "model", *there).exit_code == 0
    assert mlops("rollout", "rollback", "--model", "other", *there).exit_code == 5
    assert mlops("rollout", "unload", "good", *there).exit_code == 1
    assert mlops("rollout", "canary", "better", "--share", "0", *there).exit_code == 2
    monkeypatch.delenv("MLOPS_ADMIN_KEY")
    outcome = mlops("rollout", "status", *there)
    assert (outcome.exit_code, "put an admin's API key in MLOPS_ADMIN_KEY" in outcome.stderr) == (
        4,
        True,
    )
    assert mlops("rollout", "status", "--url", "http://127.0.0.1:9").exit_code == 5
    assert mlops("rollout", "status", "--url", "shop").exit_code == 2


def test_a_green_version_gets_every_request_and_a_bad_one_gives_way_to_blue(shop):
    words = ("serve.api_keys=keys.txt", "serve.state=green.json", *SETTINGS)
    for name, left in (("better", "better"), ("failing", None)):
        green = (f"serve.canary=bundles/{name}", "serve.canary_share=1")
        with served.serving(shop / "bundles" / "good", shop, *words, *green) as server:
            admin = Admin(server, shop)
            for _ in range(5):
                _, _, answer = server.ask("/predict", {"inputs": [SHORT]}, headers=admin.headers)
                assert answer["model"]["version"] == name
            with asking(server, admin.headers, TEXTS) as clients:
                for _ in range(100):
                    beside = admin.model()["canary"]
                    if beside is None:
                        break
                    time.sleep(0.05)
            assert clients.failures == []
            assert (beside or {}).get("version") == left
            assert admin.model()["primary"] == "good"


def test_a_restart_serves_what_was_served(shop, mlops):
    state = shop / "restart.json"
    words = ("serve.api_keys=keys.txt", f"serve.state={state}", *SETTINGS)
    canary = ("--canary", "bundles/failing", "--share", "50%")
    good = shop / "bundles" / "good"
    with served.serving(good, shop, *words, *canary, stop=None) as server:
        admin = Admin(server, shop)
        with asking(server, admin.headers, TEXTS) as clients:
            admin.model(canary=None)
        assert clients.failures == []
        admin("promote", bundle="bundles/better")
        server.process.send_signal(signal.SIGKILL)
    with served.serving(good, shop, *words, *canary) as server:
        admin = Admin(server, shop)
        model = admin.model()
        assert (model["primary"], model["previous"], model["canary"]) == ("better", "good", None)
        changes = [one["change"] for one in admin("state", "GET")[1]["events"]]
        assert changes == ["rolled back", "promoted"]
        assert f"serving as before, by {state}" in server.log.read_text("utf-8")
    state.write_text("{", "utf-8")
    (shop / "configs" / "config.yaml").write_text(
        "defaults: [base, _self_]\nserve: {models: {first: bundles/better, second: bundles/slow}}\n",
        "utf-8",
    )
    with contextlib.chdir(shop):
        refused = mlops("serve", "--canary", "bundles/good")
    assert (refused.exit_code, "2 models are served" in refused.stderr) == (2, True)
    with served.serving(None, shop, *words) as server:
        admin = Admin(server, shop)
        assert "can't be read" in server.log.read_text("utf-8")
        models = server.ask("/models", headers=admin.headers)[2]["models"]
        primaries = {one["name"]: one["primary"] for one in models}
        assert primaries == {"first": "better", "second": "slow"}
        answered = server.ask("/models/second/predict", {"inputs": ["a"]}, headers=admin.headers)
        assert answered[2]["model"] == {"name": "second", "version": "slow"}
    named = ("serve.canary=second:bundles/good", "serve.shadow=first:bundles/good")
    with served.serving(None, shop, *words, *named) as server:
        models = Admin(server, shop)("state", "GET")[1]["models"]
        beside = {one["name"]: (one["canary"] or {}, one["shadow"] or {}) for one in models}
        assert beside["first"][0] == beside["second"][1] == {}
        assert "good" in beside["first"][1].values()
        assert "good" in beside["second"][0].values()
