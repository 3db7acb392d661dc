"""Deployments to a model hub on loopback, by the real client."""

import hashlib
import json

import pytest
from huggingface_hub import constants
from own import hub_stub
from own.servers import free_port
from own.versions import refused

from mlops_cli.serving import bundle as bundles

pytestmark = pytest.mark.slow
REPOSITORY = "target.repository=team/reviews"


@pytest.fixture
def hub(shop, monkeypatch):
    """A hub that knows whoever deploys."""
    with hub_stub.asked(monkeypatch) as hub:
        yield hub


def deploy(mlops, *words):
    done = mlops("deploy", *words, json=True)
    assert done.exit_code == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.json


def digest_in(files, folder):
    """Digest of the bundle that a repository has, read as a bundle."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return bundles.load(folder).digest


def test_a_version_goes_there_is_replaced_and_comes_back(hub, shop, mlops, tmp_path):
    checked = deploy(mlops, "check", "huggingface", REPOSITORY)
    assert [need["there"] for need in checked["needs"]] == [True] * 4
    assert hub.repositories == {}
    first = deploy(mlops, "huggingface", REPOSITORY, "--message", "for all to see")
    repository = hub.repositories["team/reviews"]
    assert (repository.private, len(repository.commits)) == (True, 2)
    _, said, files = repository.head
    assert said == "shop@v1.0.0, by mlops deploy"
    card = mlops("models", "card", "shop@v1.0.0").stdout
    assert files["README.md"].decode().strip() == card.strip()
    sent = {name: content for name, content in files.items() if name != "README.md"}
    assert digest_in(sent, tmp_path / "first") == first["record"]["bundle"]
    assert hashlib.sha256(files["model.onnx"]).hexdigest() in hub.large

    assert deploy(mlops, "huggingface", REPOSITORY)["changed"] is False
    assert len(repository.commits) == 2

    repository.head[2]["notes.md"] = b"of somebody else"
    second = deploy(mlops, "huggingface", "shop@v1.1.0", REPOSITORY)
    sent = {
        name: content
        for name, content in repository.head[2].items()
        if name.endswith((".json", ".onnx"))
    }
    assert digest_in(sent, tmp_path / "second") == second["record"]["bundle"]
    (standing,) = deploy(mlops, "status", "huggingface")["deployments"]
    assert (standing["agrees"], standing["record"]["version"]) == (True, "v1.1.0")

    back = deploy(mlops, "rollback", "huggingface")
    assert (back["record"]["action"], back["record"]["version"]) == ("revert", "v1.0.0")
    now = json.loads(repository.head[2]["bundle.json"])
    assert now["digest"] == first["record"]["bundle"]
    span = mlops("models", "show", "shop@v1.0.0", json=True).json["lineage"]["deployed"][-1]
    assert span["where"] == f"{hub.url}/team/reviews@main"

    deploy(mlops, "destroy", "huggingface", "--yes")
    assert set(repository.head[2]) == {"notes.md"}
    assert mlops("audit", "verify").exit_code == 0
    assert hub_stub.WRITER not in shop.git("show", "mlops-registry:models/audit.jsonl")


def test_a_token_that_is_missing_wrong_or_may_only_read(hub, mlops, monkeypatch, tmp_path):
    refused(mlops("deploy", "huggingface"), 4, "repository: none is named", "OWNER/shop")
    monkeypatch.setenv("HF_TOKEN", "hf_of_yesterday")
    done = mlops("deploy", "huggingface", REPOSITORY)
    refused(done, 4, f"hub: {hub.url} does not know the token", "hf auth login")
    assert "hf_of_yesterday" not in done.stderr
    monkeypatch.setenv("HF_TOKEN", hub_stub.READER)
    done = mlops("deploy", "huggingface", REPOSITORY)
    refused(done, 4, "token: the token of team may only read", "hf auth login")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    done = mlops("deploy", "huggingface", REPOSITORY)
    refused(done, 4, "token: there is none for the hub", "hf auth login")
    assert hub.repositories == {}


def test_a_hub_that_does_not_answer(hub, shop, mlops, monkeypatch):
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    done = mlops("deploy", "huggingface", REPOSITORY)
    refused(done, 4, f"hub: the hub at {url} does not answer", "the same command again")
    assert "deploy" not in shop.git("show", "mlops-registry:models/audit.jsonl")


def test_what_is_changed_meanwhile_or_lost_is_told(hub, shop, mlops):
    def race(repository):
        repository.commits.append(("1" * 40, "somebody else", dict(repository.head[2])))

    hub.race = race
    done = mlops("deploy", "huggingface", REPOSITORY)
    said = "team/reviews was changed by somebody else meanwhile"
    refused(last(done), 1, said, "the same command again")
    assert "model.onnx" not in hub.repositories["team/reviews"].head[2]
    hub.race, hub.spoil = None, "tokenizer.json"
    done = mlops("deploy", "huggingface", REPOSITORY)
    refused(last(done), 6, "the hub has not the tokenizer.json that was sent")
    assert "deploy" not in shop.git("show", "mlops-registry:models/audit.jsonl")


def last(done):
    """Without what was told of progress."""
    lines = done.stderr.splitlines()
    kept = [line for line in lines if line.startswith(("error", "hint"))]
    assert "Traceback" not in done.stderr
    return type(done)(done.exit_code, done.stdout, "\n".join(kept))
