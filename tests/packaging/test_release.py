"""The workflow `release` of a new project, played with a real engine: an image that answers."""

import json
import shutil
import subprocess
import sys

import pytest
from own.engine import BASE, needed
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


@pytest.fixture
def shop(trained, tmp_path):
    """A project whose model is in production, with a remote for its bytes."""
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
        image, back = done["jobs"]
        steps = {step["name"]: step for step in image["steps"]}
        assert steps["Try it"]["outcome"] == "success"
        assert steps["mlops package --push"]["reason"].startswith("held back: mlops package")
        assert back["outcome"] == "skipped"
        assert any(one.startswith("docker login ghcr.io") for one in done["held"])
    finally:
        for words in (("rm", "--force", MODEL), ("image", "rm", f"{MODEL}:candidate")):
            subprocess.run(["docker", *words], capture_output=True, check=False)
