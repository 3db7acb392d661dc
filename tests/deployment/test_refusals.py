"""What is refused before any target is asked, and the record that deployments are read from."""

import json

import pytest
from own import held, keys
from own.versions import refused

from mlops_cli.registry import deployments
from mlops_cli.registry.repository import open_repository
from mlops_cli.schemas.deploy import Deployment


def one(action, version, *, name="shop", target="compose", share=None, image="x", at="1"):
    """An entry of the record."""
    return Deployment(
        at=at, by="me <me@example.com>", action=action, target=target, name=name, where="here",
        model="shop", version=version, run="", bundle=f"bundle of {version}", image=image,
        image_digest="", share=share, before="", settings=[], why="", entry="",
    )  # fmt: skip


def now(*entries):
    found = deployments.now(entries, "compose", "shop")
    return (
        found.current and found.current.version,
        found.canary and found.canary.version,
        [entry.version for entry in found.before],
    )


def test_what_a_record_comes_to():
    assert now() == (None, None, [])
    first, second, third = (one("deploy", version) for version in ("v1", "v2", "v3"))
    assert now(first, second) == ("v2", None, ["v1"])
    assert now(first, one("deploy", "v1")) == ("v1", None, [])
    assert now(first, one("deploy", "v1", image="y")) == ("v1", None, ["v1"])
    trial = one("canary", "v2", share=0.1)
    assert now(first, trial) == ("v1", "v2", [])
    assert now(first, trial, one("withdraw", "v2", share=0.1)) == ("v1", None, [])
    assert now(first, trial, second) == ("v2", None, ["v1"])
    back = one("revert", "v2")
    assert now(first, second, third, back) == ("v2", None, ["v1"])
    assert now(first, second, third, back, one("revert", "v1")) == ("v1", None, [])
    assert now(first, second, one("destroy", "v2")) == (None, None, [])
    assert now(first, one("deploy", "v2", name="other")) == ("v1", None, [])
    assert now(first, one("deploy", "v2", target="kubernetes")) == ("v1", None, [])


def test_where_a_version_was_deployed():
    entries = [
        one("deploy", "v1", at="1"),
        one("canary", "v2", share=0.1, at="2"),
        one("deploy", "v2", at="3"),
        one("revert", "v1", at="4"),
        one("destroy", "v1", at="5"),
    ]

    def spans(version):
        return [
            (span["share"], span["since"], span["until"])
            for span in deployments.spans(entries, "shop", version)
        ]

    assert spans("v1") == [(None, "1", "3"), (None, "4", "5")]
    assert spans("v2") == [(0.1, "2", "3"), (None, "3", "4")]


def entries(shop):
    text = shop.git("show", "mlops-registry:models/audit.jsonl")
    return [json.loads(line)["action"] for line in text.splitlines()]


@pytest.mark.slow
def test_what_can_not_be_deployed(shop, mlops, monkeypatch):
    said = "there is no target and no command 'stauts'"
    refused(mlops("deploy", "stauts"), 2, said, "did you mean mlops deploy status?")
    refused(mlops("deploy", "compos"), 3, "target has no choice 'compos'", "target=compose?")
    refused(mlops("deploy", "compose", "shop@v9.0.0"), 5, "shop has no version v9.0.0")
    refused(mlops("deploy", "compose", "shop@stagin"), 5, "no version of shop is in stage 'stagin'")
    refused(mlops("deploy", "compose", "model=bert"), 3, "model=bert: a deployment has no settings")
    refused(mlops("deploy", "compose", "shop", "v1"), 2, "'v1' is no setting", "KEY=VALUE")
    refused(mlops("deploy", "compose", "epochs=3"), 3, "epochs=3: a deployment has no such setting")
    refused(
        mlops("deploy", "compose", "trainer.epochs=3"),
        3,
        "trainer.epochs=3: a deployment has no settings of trainer",
    )
    done = mlops("deploy", "compose", "shop", "target=kubernetes", "--plan")
    refused(done, 2, "target=kubernetes: the target is compose already", "name kubernetes")
    # An empty variable of a script does not deploy what is in production.
    refused(mlops("deploy", "compose", "", "--plan"), 2, "the model that is named is empty")
    refused(mlops("deploy", "check", "compose", ""), 2, "the model that is named is empty")
    refused(mlops("deploy", "check", "compose", "shop", "v1"), 2, "'v1' is no setting")
    refused(mlops("deploy", "compose", "shpo"), 5, "no run 'shpo'", "did you mean shop?")
    done = mlops("deploy", "status", "target.port=9000")
    refused(done, 2, "'target.port=9000' is a setting", "such as compose target.port=9000")
    done = mlops("deploy", "compose", "target.host=localhost")
    refused(done, 3, "target.host 'localhost' is no address", "target.host=127.0.0.1")
    done = mlops("deploy", "compose", "--canary", "0")
    refused(done, 2, "'0' is no share", "such as 10% or 0.1")
    refused(
        mlops("deploy", "compose", "target.memory=lots"), 3, "target.memory 'lots' is no amount"
    )
    done = mlops("deploy", "compose", "--canary", "10%")
    refused(done, 5, "nothing answers as shop on compose", "without --canary first")
    refused(mlops("deploy", "huggingface", "--canary", "10%"), 2, "huggingface has no share")
    refused(mlops("deploy", "status"), 5, "nothing is deployed", "mlops deploy compose")
    refused(mlops("deploy", "status", "kubernetes"), 5, "nothing is deployed to kubernetes")
    refused(mlops("deploy", "rollback", "compose"), 5, "nothing is deployed to compose")
    refused(mlops("deploy", "destroy", "compose", "--yes"), 5, "nothing is deployed to compose")
    assert mlops("models", "deprecate", "shop@v1.1.0").exit_code == 0
    refused(mlops("deploy", "compose", "shop@v1.1.0"), 5, "shop@v1.1.0 is deprecated")
    assert set(entries(shop)) == {"register", "promote", "deprecate"}
    monkeypatch.chdir(shop.root.parent)
    refused(mlops("deploy", "compose"), 5, f"{shop.root.parent} lies in no git repository")


@pytest.mark.slow
def test_what_nobody_who_is_trusted_has_signed_is_not_deployed(shop, mlops, tmp_path):
    private, public = keys.pair(tmp_path)
    keys.trusting(shop.root, public)
    for words in (("compose",), ("compose", "--plan"), ("check", "compose")):
        done = mlops("deploy", *words)
        refused(done, 6, "shop@v1.0.0 has no signature", "mlops models sign shop@v1.0.0 --key FILE")
    assert not (shop.root / "deploy").exists()
    assert not (shop.root / "packages").exists()
    done = mlops("deploy", "compose", "--plan", "registry.require_signature=false")
    assert done.exit_code == 0, done.stderr
    assert "warning: shop@v1.0.0 has no signature" in done.stderr
    assert mlops("models", "sign", "shop@v1.0.0", "--key", private).exit_code == 0
    done = mlops("deploy", "compose", "--plan", json=True)
    assert (done.exit_code, done.stderr, done.json["model"]) == (0, "", "shop@v1.0.0")


@pytest.mark.slow
def test_what_is_damaged_is_not_deployed(shop, mlops):
    bundle = shop.bundle("fair")
    with (bundle / "model.onnx").open("r+b") as graph:
        graph.write(b"another")
    refused(mlops("deploy", "compose", shop.runs["fair"]), 6, "not deployed: ")


@pytest.mark.slow
def test_with_nothing_in_production_a_version_has_to_be_named(registered, shop, mlops):
    shop.git("tag", "--delete", *shop.git("tag", "--list", "shop#production*").split())
    done = mlops("deploy", "compose", "--plan")
    refused(done, 5, "no version of a model is in production", "mlops models promote NAME")
    done = mlops("deploy", "compose", "shop", "--plan", json=True)
    assert done.json["model"] == "shop@v1.1.0"


def test_a_clone_without_the_record_is_not_taken_for_nothing_deployed(
    shop, mlops, tmp_path, monkeypatch
):
    recorded = deployments.write(open_repository(shop.root), one("deploy", "v1.0.0"))
    assert recorded.entry
    hub = tmp_path / "hub.git"
    held.git(tmp_path, "clone", "--quiet", "--bare", str(shop.root), str(hub))
    words = ("clone", "--quiet", "--depth", "1")
    held.git(tmp_path, *words, f"file://{hub}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    fetching = "git fetch --tags origin mlops-registry:mlops-registry"
    for words in (
        ("status",),
        ("status", "compose"),
        ("rollback", "compose"),
        ("destroy", "compose", "--yes"),
    ):
        done = mlops("deploy", *words)
        refused(done, 5, "what is deployed is not in this clone", fetching)
    held.git(tmp_path / "shallow", *fetching.split()[1:])
    assert "what is deployed is not" not in mlops("deploy", "status").stderr
