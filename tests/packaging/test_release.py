"""The workflow `release` of a new project, played with a real engine: an image that answers."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

import pytest
from own.engine import BASE, REGISTRY, needed
from own.servers import free_port

from mlops_cli.reporting import SilentReporter
from mlops_cli.scaffold import init
from mlops_cli.schemas.scaffold import Wishes

MODEL = "release-test"

pytestmark = [
    pytest.mark.slow,
    needed,
]


def typed(folder, *words):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def ours(folder, *words):
    return typed(folder, sys.executable, "-m", "mlops_cli", *words)


PUBLISHED = {
    "docker login ghcr.io": "echo no login at the registry of the tests for",
    "ghcr.io/$owner": f"{REGISTRY}/release-{os.getpid()}",
}
"""What is published goes to the registry of the tests."""


@pytest.fixture
def shop(trained, tmp_path, request):
    """A project whose model is in production, with a remote for its bytes.

    Its workflow has the replacements of `request.param` in it.
    """
    shop = tmp_path / MODEL
    init.run(shop, Wishes(), SilentReporter())
    config = shop / "configs" / "config.yaml"
    config.write_text(f"{config.read_text()}\nimage: {{base: '{BASE}'}}\n")
    workflow = shop / ".github" / "workflows" / "release.yml"
    text, port = workflow.read_text(), free_port()
    for told, here in {
        "--name candidate": f"--name {MODEL}",
        "docker stop candidate": f"docker stop {MODEL}",
        # Containers share the network of the host where there is no bridge.
        "--publish 127.0.0.1:8000:8000": "--network=host",
        'candidate"\n          curl': f'candidate" serve.port={port}\n          curl',
        "http://127.0.0.1:8000/": f"http://127.0.0.1:{port}/",
        **getattr(request, "param", {}),
    }.items():
        assert told in text, told
        text = text.replace(told, here)
    workflow.write_text(text)
    shutil.copytree(trained.root / "runs", shop / "runs")
    ours(shop, "remote", "add", "storage", str(tmp_path / "storage"), "--default", "--force")
    typed(shop, "git", "commit", "-qam", "Base and storage")
    ours(shop, "models", "register", "--message", "first")
    ours(shop, "models", "promote", MODEL, "production", "--message", "good")
    ours(shop, "push")
    return shop


def test_what_is_in_production_becomes_an_image_that_answers(shop):
    try:
        done = json.loads(ours(shop, "ci", "run", "release", "--input", f"model={MODEL}", "--json"))
        which, sign, by_key, image, there, back = done["jobs"]
        assert which["outcome"] == "success"
        steps = {step["name"]: step for step in image["steps"]}
        assert steps["Try it"]["outcome"] == "success"
        assert steps["mlops package --push"]["reason"].startswith("held back: mlops package")
        assert {one["outcome"] for one in (sign, by_key, there, back)} == {"skipped"}
        assert any(one.startswith("docker login ghcr.io") for one in done["held"])
    finally:
        for words in (("rm", "--force", MODEL), ("image", "rm", f"{MODEL}:candidate")):
            subprocess.run(["docker", *words], capture_output=True, check=False)


def played(shop, *words, **variables):
    """The workflow with a target, all the way."""
    command = [sys.executable, "-m", "mlops_cli", "ci", "run", "release", *words]
    done = subprocess.run(
        [*command, "--publish", "--keep", "--json"],
        cwd=shop,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    jobs = {job["name"]: job for job in json.loads(done.stdout)["jobs"]}
    return done, jobs, {step["name"]: step for step in jobs["Deploy"]["steps"]}


def by_hand(*settings):
    inputs = {"model": MODEL, "target": "compose", "settings": " ".join(settings)}
    return [word for name, value in inputs.items() for word in ("--input", f"{name}={value}")]


@pytest.fixture
def swept():
    yield
    container = f"mlops-{MODEL}"
    for words in (
        ("rm", "--force", MODEL, container, f"{container}-trial"),
        ("network", "rm", container, f"{container}-trial", f"{container}-compose"),
        ("image", "rm", "--force", f"{MODEL}:candidate", f"{MODEL}:v1.0.0"),
    ):
        subprocess.run(["docker", *words], capture_output=True, check=False)


@pytest.mark.parametrize("shop", [PUBLISHED], indirect=True, ids=["published"])
def test_it_goes_on_to_where_it_answers(shop, swept):
    port = free_port()
    config = shop / "configs" / "config.yaml"
    config.write_text(f"{config.read_text()}\ntarget: {{port: {port}}}\n")
    typed(shop, "git", "commit", "-qam", "Where it is to answer")
    # The tag of the promotion was pushed: its commit holds records, and no code to release with.
    pushed = ["--event", "push", "--tag", f"{MODEL}#production#1"]
    done, jobs, steps = played(shop, *pushed, MLOPS_TARGET="compose")
    assert done.returncode == 0, done.stdout + done.stderr
    names = ("mlops deploy check", "mlops deploy", "mlops deploy status", "Share the record")
    assert [steps[name]["outcome"] for name in names] == ["success"] * 4, steps
    assert steps["mlops deploy rollback"]["outcome"] == "skipped"
    assert jobs["Roll back"]["outcome"] == "skipped"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/models", timeout=30) as answer:
        (model,) = json.loads(answer.read())["models"]
    known = json.loads(ours(shop, "models", "show", f"{MODEL}@v1.0.0", "--json"))
    assert model["versions"][0]["digest"] == known["record"]["bundle"]["digest"]
    origin = json.loads(done.stdout)["kept"] + "/origin.git"
    log = typed(shop, "git", "-C", origin, "show", "mlops-registry:models/audit.jsonl")
    entry = json.loads(log.splitlines()[-1])
    assert (entry["action"], entry["target"]) == ("deploy", "compose")
    shutil.rmtree(json.loads(done.stdout)["kept"])


SMOKE = 'mlops deploy status "$TARGET" --strict'


@pytest.mark.parametrize(
    "shop", [{**PUBLISHED, SMOKE: f"{SMOKE} && false"}], indirect=True, ids=["failing"]
)
def test_where_it_does_not_answer_both_are_rolled_back(shop, swept):
    done, jobs, steps = played(shop, *by_hand(f"target.port={free_port()}"))
    assert done.returncode != 0
    # It was the first one: there is nothing to go back to, and it is said.
    rolled = steps["mlops deploy rollback"]
    assert (rolled["outcome"], rolled["exit_code"]) == ("failure", 5)
    assert steps["Share the record"]["outcome"] == "success"
    assert "nothing to roll back to" in done.stderr
    assert [step["name"] for step in jobs["Roll back"]["steps"]][-1] == "mlops models rollback"
    shutil.rmtree(json.loads(done.stdout)["kept"])
