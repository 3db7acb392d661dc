"""Scripts of a new project's workflows at work: signing, trying an image out, staging."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from own import held, keys
from own.served import serving

from mlops_cli.ci import events
from mlops_cli.reporting import SilentReporter
from mlops_cli.scaffold import init
from mlops_cli.schemas.scaffold import Wishes

STUB = """#!/bin/sh
for word in "$@"; do [ -f "$word" ] && stat -c %a "$word" >> modes; done
exec {python} -m mlops_cli "$@"
"""


@pytest.fixture(scope="module")
def workflows(tmp_path_factory):
    """`workflows["release"]`."""
    folder = tmp_path_factory.mktemp("made") / "new"
    init.run(folder, Wishes(), SilentReporter(), dvc=True)
    files = (folder / ".github" / "workflows").iterdir()
    return {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in files}


@pytest.fixture
def play(registry, tmp_path, workflows):
    """`play("release", "image", "Try it", NAME="value")`: runs the script of one step."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "mlops").write_text(STUB.format(python=sys.executable))
    (programs / "docker").write_text("#!/bin/sh\n")
    for file in programs.iterdir():
        file.chmod(0o755)
    (tmp_path / "temporary").mkdir()

    def does(workflow, job, name, replaced=("", ""), **variables):
        steps = workflows[workflow]["jobs"][job]["steps"]
        script = next(step["run"] for step in steps if step.get("name") == name)
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script.replace(*replaced)],
            env={
                **os.environ,
                "PATH": f"{programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}"
                + os.environ["PATH"],
                "RUNNER_TEMP": str(tmp_path / "temporary"),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
                "GITHUB_RUN_ID": "42",
                "MODEL": "shop",
                **variables,
            },
            cwd=registry.root,
            capture_output=True,
            text=True,
            check=False,
        )

    return does


def test_a_release_is_signed_with_the_key_of_a_secret(registry, register, promote, play, tmp_path):
    register("fair")
    promote("shop", "production")
    held.git(tmp_path, "init", "--quiet", "--bare", "origin")
    registry.git("remote", "add", "origin", str(tmp_path / "origin"))
    private, public = keys.pair(tmp_path, password="open sesame")

    wrong = play("release", "sign-by-key", "mlops models sign", KEY="no key")
    assert "is no private key" in wrong.stderr
    assert list((tmp_path / "temporary").iterdir()) == []

    told = {"KEY": private.read_text().strip(), "MLOPS_SIGNING_PASSWORD": "open sesame"}
    done = play("release", "sign-by-key", "mlops models sign", **told)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert set((registry.root / "modes").read_text().split()) == {"600"}
    log = held.git(tmp_path / "origin", "show", "mlops-registry:models/audit.jsonl")
    assert json.loads(log.splitlines()[-1])["action"] == "sign"
    keys.trusting(registry.root, public)
    first = promote("shop", "staging")["checks"][0]
    assert (first["name"], first["passed"]) == ("signed", True)


def test_each_kind_of_signing_may_do_no_more_than_it_needs(workflows):
    jobs = workflows["release"]["jobs"]
    kinds = {jobs[name]["if"]: set(jobs[name]["permissions"]) for name in ("sign", "sign-by-key")}
    assert kinds == {
        "vars.MLOPS_SIGN == 'keyless'": {"contents", "id-token"},
        "vars.MLOPS_SIGN == 'key'": {"contents"},
    }
    assert jobs["image"]["needs"] == ["which", "sign", "sign-by-key"]


def test_the_tag_of_a_promotion_to_production_starts_a_release_and_no_other_does(
    registry, register, promote, workflows
):
    file = registry.root / ".github" / "workflows" / "release.yml"
    file.parent.mkdir(parents=True)
    file.write_text("name: As it is committed\n")
    action = registry.root / ".github" / "actions" / "größer setup" / "action.yml"
    action.parent.mkdir(parents=True)
    action.write_text("name: Set up\n")
    action.chmod(0o755)  # As a script beside it would be.
    registry.git("add", ".github")
    registry.git("commit", "--quiet", "-m", "A workflow")
    file.write_text("name: As nobody committed it\n")
    register("fair")
    promote("shop@v1.0.0", "staging")
    promote("shop@v1.0.0", "production")
    filters = workflows["release"][True]["push"]["tags"]  # YAML reads `on` as true.
    started = [tag for tag in registry.git("tag").split() if events.matches(tag, filters)]
    assert len(started) == 1
    assert started[0].startswith("shop#production")
    # GitHub reads the workflow in the commit that the tag points to.
    assert (
        registry.git("show", f"{started[0]}:.github/workflows/release.yml")
        == "name: As it is committed\n"
    )
    kept = registry.git("show", f"{started[0]}:.github/actions/größer setup/action.yml")
    assert kept == "name: Set up\n"
    listed = registry.git("ls-tree", "-r", started[0], ".github/actions")
    assert listed.startswith("100755 blob")
    script = next(iter(workflows["release"]["jobs"]["which"]["steps"]))["run"]
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "NAMED": started[0], "GITHUB_OUTPUT": "/dev/null"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "model=shop\n"


def test_a_version_has_no_workflow_that_the_project_gave_up(registry, register):
    file = registry.root / ".github" / "workflows" / "release.yml"
    file.parent.mkdir(parents=True)
    file.write_text("name: Release\n")
    registry.git("add", ".github")
    registry.git("commit", "--quiet", "-m", "A workflow")
    register("fair")
    registry.git("rm", "--quiet", str(file))
    registry.git("commit", "--quiet", "-m", "No more releases")
    register("better")
    for version, has in {"shop@v1.0.0": True, "shop@v1.1.0": False}.items():
        listed = registry.git("ls-tree", "-r", "--name-only", version).splitlines()
        assert (".github/workflows/release.yml" in listed) == has
        assert "models/audit.jsonl" in listed


def test_a_project_without_a_release_registers_its_records_alone(registry, register):
    register("fair")
    held = registry.git("ls-tree", "-r", "--name-only", "shop@v1.0.0").splitlines()
    assert held
    assert not any(name.startswith(".github") for name in held)


@pytest.mark.skipif(not shutil.which("jq") or not shutil.which("curl"), reason="no jq or no curl")
def test_an_image_has_to_answer_the_question_that_it_shows(registry, play, tmp_path):
    with serving(registry.bundle("fair"), tmp_path) as server:
        here = ("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        done = play("release", "image", "Try it", here)
        assert done.returncode == 0, done.stderr
        assert '"predictions"' in done.stdout
        other = ("127.0.0.1:8000/predict", f"127.0.0.1:{server.port}/nothing")
        assert play("release", "image", "Try it", other).returncode != 0


def test_what_was_trained_anew_is_staged_unless_it_is_worse(register, play, mlops, tmp_path):
    def staged(version):
        (tmp_path / "temporary" / "registered.json").write_text(json.dumps(version))
        return play("retrain", "retrain", "mlops models promote")

    for name, version in (("fair", "v1.0.0"), ("worse", "v1.0.0"), ("better", "v1.2.0")):
        done = staged(register(name))
        assert done.returncode == 0, done.stderr
        there = mlops("models", "list", json=True).json
        assert there["models"][0]["stages"]["staging"] == version
    assert staged({"model": "shop", "version": "v9.0.0"}).returncode != 0
