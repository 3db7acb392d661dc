"""Deployments that were killed before they were recorded, and images whose name another one took."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import pytest
from conftest import run_mlops
from own import versions
from own.engine import BASE, docker, needed
from own.servers import free_port
from own.versions import refused

NAME = f"broken-{os.getpid()}"

# One worker has the whole file (--dist loadfile): the tests share the engine.
pytestmark = [
    pytest.mark.slow,
    needed,
]


def settled(root, name):
    """Gives the deployments of a project a name and a port of their own."""
    config, port = root / "configs" / "config.yaml", free_port()
    lines = f"image: {{base: '{BASE}'}}\ntarget: {{deployment: {name}, port: {port}}}\n"
    config.write_text(config.read_text("utf-8") + lines, "utf-8")
    return SimpleNamespace(root=root, port=port, container=f"mlops-{name}")


def swept(home):
    for name in docker("ps", "--all", "--format", "{{.Names}}").split():
        if name.startswith(home.container):
            docker("rm", "--force", name, check=False)
    for end in ("", "-trial", "-compose"):
        docker("network", "rm", home.container + end, check=False)


@pytest.fixture
def home(shop):
    home = settled(shop.root, NAME)
    yield home
    swept(home)


def deploy(*words):
    done = run_mlops("deploy", *words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


def container(name):
    return json.loads(docker("container", "inspect", name))[0]


def answers(port):
    """Digest of what answers, as the server says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/models", timeout=30) as answer:
        (model,) = json.loads(answer.read())["models"]
    return next(one["digest"] for one in model["versions"] if one["name"] == model["primary"])


def digest(version):
    return run_mlops("models", "show", version, json=True).json["record"]["bundle"]["digest"]


def killed_before_the_record(*words):
    """Runs `mlops deploy WORDS`, which is killed once the target has it."""
    process = os.fork()  # What is imported here is there already.
    if not process:
        with contextlib.suppress(BaseException):
            from mlops_cli.registry import deployments

            deployments.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            run_mlops("deploy", *words)
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


def test_a_first_one_that_was_not_recorded_is_seen_and_taken_down(home):
    killed_before_the_record("compose")
    assert answers(home.port) == digest("shop@v1.0.0")
    (standing,) = deploy("status")["deployments"]
    assert (standing["agrees"], standing["live"]["state"]) == (False, "running")
    assert standing["said"].startswith("a deployment of shop@v1.0.0 was begun at ")
    assert "mlops deploy destroy compose takes it down; it is not recorded" in standing["said"]
    refused(run_mlops("deploy", "rollback", "compose"), 5, f"nothing to roll back to: {NAME}")
    gone = deploy("destroy", "compose", "--yes")
    assert gone["removed"] == [f"the container {home.container}"]
    assert docker("ps", "--all", "--quiet", "--filter", f"name={home.container}") == ""
    refused(run_mlops("deploy", "status"), 5, "nothing is deployed")
    refused(run_mlops("deploy", "destroy", "compose", "--yes"), 5, "nothing is deployed to comp")
    assert run_mlops("audit", "verify").exit_code == 0


def test_one_that_was_killed_while_it_was_tried_out_is_taken_down(home):
    words = [sys.executable, "-m", "mlops_cli", "deploy", "compose"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8") as process:
        for line in process.stderr:
            if line.startswith("trying"):
                break
        until = time.monotonic() + 60
        while not docker("ps", "--quiet", "--filter", f"name={home.container}-trial"):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.kill()
    (standing,) = deploy("status")["deployments"]
    assert f"{home.container}-trial is left of a deployment" in standing["said"]
    gone = deploy("destroy", "compose", "--yes")
    assert gone["removed"] == [f"the container {home.container}-trial"]
    assert docker("ps", "--all", "--quiet", "--filter", f"name={home.container}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name={home.container}") == ""


def test_one_that_was_not_recorded_is_gone_back_from(home):
    deploy("compose")
    killed_before_the_record("compose", "shop@v1.1.0")
    assert answers(home.port) == digest("shop@v1.1.0")
    (standing,) = deploy("status")["deployments"]
    assert (standing["agrees"], standing["record"]["version"]) == (False, "v1.0.0")
    assert "mlops deploy rollback compose goes back; another bundle answers" in standing["said"]
    back = deploy("rollback", "compose")
    assert (back["record"]["version"], answers(home.port)) == ("v1.0.0", digest("shop@v1.0.0"))
    (standing,) = deploy("status")["deployments"]
    assert (standing["agrees"], standing["said"]) == (True, "")
    # The same command again records what is there.
    killed_before_the_record("compose", "shop@v1.1.0")
    begun = container(home.container)["Id"]
    assert deploy("compose", "shop@v1.1.0")["record"]["version"] == "v1.1.0"
    assert container(home.container)["Id"] == begun
    assert deploy("status")["deployments"][0]["agrees"] is True
    # So it is with a way back: it goes on, and no further.
    killed_before_the_record("rollback", "compose")
    assert answers(home.port) == digest("shop@v1.0.0")
    back = deploy("rollback", "compose")
    assert (back["record"]["action"], back["record"]["version"]) == ("revert", "v1.0.0")
    assert answers(home.port) == digest("shop@v1.0.0")


def test_a_strict_look_fails_where_it_does_not_run(home):
    deploy("compose")
    assert run_mlops("deploy", "status", "--strict", json=True).exit_code == 0
    docker("stop", "--time", "1", home.container)
    done = run_mlops("deploy", "status", "compose", "--strict")
    refused(done, 6, f"compose {NAME} is not as recorded: shop@v1.0.0 does not run", "rollback")


def test_one_that_fails_leaves_no_note(home):
    done = run_mlops("deploy", "compose", "target.memory=12m")
    assert done.exit_code == 1, done.stderr
    refused(run_mlops("deploy", "status"), 5, "nothing is deployed")


def test_two_projects_whose_models_have_one_name(home, tmp_path):
    """Each runs and goes back to its own image, whichever of both has the name."""
    first, ours = deploy("compose"), digest("shop@v1.0.0")
    found = container(home.container)
    assert found["Config"]["Image"] == found["Image"] == first["record"]["image_digest"]
    assert found["Config"]["Labels"]["mlops.image"] == "shop:v1.0.0"
    (tmp_path / "theirs" / "shop").mkdir(parents=True)
    with contextlib.chdir(tmp_path / "theirs" / "shop"):
        made = versions.make(tmp_path / "theirs" / "shop")
        assert run_mlops("models", "register", made.runs["best"]).exit_code == 0
        other = settled(made.root, f"{NAME}-theirs")
        try:
            theirs = deploy("compose", "shop@v1.0.0")
            assert theirs["record"]["image"] == first["record"]["image"] == "shop:v1.0.0"
            assert answers(other.port) == digest("shop@v1.0.0") != ours
        finally:
            swept(other)
    assert docker("image", "inspect", "--format", "{{.Id}}", "shop:v1.0.0") != found["Image"]
    again = deploy("compose")
    assert (again["changed"], container(home.container)["Id"]) == (False, found["Id"])
    assert deploy("status")["deployments"][0]["agrees"] is True
    deploy("compose", "shop@v1.1.0")
    back = deploy("rollback", "compose")
    assert (back["record"]["version"], answers(home.port)) == ("v1.0.0", ours)
    assert container(home.container)["Image"] == found["Image"]
