"""`mlops doctor`: what is wrong comes with its remedy, and nothing secret is shown."""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata

import pytest

SECRET = "sk-0123456789abcdef"


def found(outcome):
    """The findings by area and name."""
    return {(one["area"], one["name"]): one for one in outcome.json["findings"]}


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def begun(project, mlops_script):
    """A project in git with DVC."""
    git(project.path, "init", "-q")
    subprocess.run([mlops_script.with_name("dvc"), "init", "-q"], cwd=project.path, check=True)
    git(project.path, "add", ".")
    git(project.path, "commit", "-qm", "Begin")
    return project


def test_a_project_that_lacks_all_is_told_what_to_type_and_fixed(project, mlops):
    first = mlops("doctor", "--offline", json=True)
    assert first.exit_code == 0, first.stderr
    before = found(first)
    assert (before["git", "repository"]["status"], before["git", "repository"]["remedy"]) == (
        "warning",
        "git init",
    )
    assert before["dvc", "project"]["status"] == "warning"
    assert first.json["warnings"] >= 2
    assert not (project / ".git").exists()

    second = mlops("doctor", "--offline", "--fix", json=True)
    assert second.exit_code == 0, second.stderr
    assert second.json["fixed"] == 2
    assert (project / ".git").is_dir()
    assert (project / ".dvc" / "config").is_file()
    again = found(mlops("doctor", "--offline", "--fix", json=True))
    assert again["dvc", "project"]["status"] == "ok"
    assert again["git", "commit"]["remedy"] == "git add . && git commit -m Begin"


def test_a_folder_that_is_no_project_is_left_alone(empty_folder, mlops):
    done = mlops("doctor", "--offline", "--fix", json=True)
    assert done.exit_code == 0, done.stderr
    assert found(done)["config", "project"]["remedy"] == "mlops init FOLDER"
    assert list(empty_folder.iterdir()) == []


def test_a_mistake_in_the_config_ends_as_the_commands_would(project, mlops):
    project({"configs/config.yaml": "defaults: [base, _self_]\nlrr: 3\n"})
    done = mlops("doctor", "--offline")
    assert done.exit_code == 3
    assert "lrr" in done.stderr
    assert "All is well" not in done.stdout


def test_strict_refuses_warnings(project, mlops):
    assert mlops("doctor", "--offline").exit_code == 0
    done = mlops("doctor", "--offline", "--strict")
    assert done.exit_code == 1
    assert "hint: git init" in done.stderr


def test_the_remote_is_asked(begun, mlops, tmp_path):
    none = found(mlops("doctor", json=True))["remote", "default"]
    assert none["remedy"] == "mlops remote add storage URL --default"
    folder = tmp_path / "storage"
    folder.mkdir()
    assert mlops("remote", "add", "storage", str(folder)).exit_code == 0
    assert found(mlops("doctor", json=True))["remote", "storage"]["status"] == "ok"
    assert mlops("remote", "add", "web", "webdav://127.0.0.1:9/x", "--default").exit_code == 0
    done = mlops("doctor", json=True)
    assert found(done)["remote", "default"]["status"] == "error"
    assert done.exit_code == 5
    assert mlops("doctor", "--offline").exit_code == 0


def test_secrets_are_told_as_there_and_never_shown(begun, mlops, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
    for words in ([], ["--json"]):
        done = mlops("doctor", "--offline", *words)
        assert SECRET not in done.stdout + done.stderr
    told = found(done)
    for name in ("Weights & Biases", "Hugging Face", "AWS"):
        assert told["credentials", name]["status"] == "ok"


def test_logins_that_lie_in_files_are_found_and_never_shown(begun, mlops, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "KUBECONFIG",
                 "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "DOCKER_CONFIG"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ("AWS", "Kubernetes", "Docker registry")

    def told():
        done = mlops("doctor", "--offline", json=True)
        assert SECRET not in done.stdout + done.stderr
        return [found(done)["credentials", name]["status"] for name in names]

    files = {".aws/config": "[default]\nregion = eu-west-1\n", ".docker/config.json": "{}"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    assert told() == ["absent"] * 3
    (tmp_path / ".aws/config").write_text(f"[profile me]\nsso_start_url = https://x/{SECRET}\n")
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {"x": {"auth": SECRET}}}))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(f"users:\n- user: {{token: {SECRET}}}\n")
    assert told() == ["ok"] * 3


def test_hooks_are_told_and_are_no_warning(begun, mlops, mlops_script):
    before = mlops("doctor", "--offline", json=True)
    hooks = found(before)["git", "hooks"]
    assert (hooks["status"], hooks["remedy"]) == ("absent", "dvc install")
    assert "dvc install" in mlops("doctor", "--offline").stdout
    dvc = mlops_script.with_name("dvc")
    subprocess.run([dvc, "install"], cwd=begun.path, check=True, capture_output=True)
    after = mlops("doctor", "--offline", json=True)
    assert found(after)["git", "hooks"]["status"] == "ok"
    assert after.json["warnings"] == before.json["warnings"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_secrets_that_others_can_read_are_closed(begun, mlops):
    held = begun / ".dvc/config.local"
    held.write_text("['remote \"s\"']\n    password = x\n")
    held.chmod(0o644)
    assert found(mlops("doctor", "--offline", json=True))["dvc", "secrets"]["status"] == "warning"
    assert held.stat().st_mode & 0o777 == 0o644
    fixed = mlops("doctor", "--offline", "--fix", json=True)
    assert found(fixed)["dvc", "secrets"]["status"] == "fixed"
    assert held.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", f"KEY={SECRET}\n"),
        ("keys/release.pem", f"-----BEGIN EC {'PRIVATE'} KEY-----\n{SECRET}\n"),
    ],
)
def test_secrets_in_git_are_an_error(begun, mlops, name, text):
    begun({name: text})
    assert mlops("doctor", "--offline").exit_code == 0
    git(begun.path, "add", "-f", name)
    done = mlops("doctor", "--offline")
    assert done.exit_code == 1
    assert f"git rm --cached {name}" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_package_in_a_version_that_does_not_fit(project, mlops, monkeypatch):
    known = metadata.version

    def version(name):
        return "0.1" if name == "starlette" else known(name)

    monkeypatch.setattr(metadata, "version", version)
    done = mlops("doctor", "--offline")
    assert done.exit_code == 4
    assert "starlette is 0.1" in done.stderr


def test_a_package_that_is_missing_is_told_before_it_is_missed(project):
    """In a process of its own, in which the package can't be imported either."""
    hide = (
        "import sys, importlib.metadata as m; sys.modules['onnxruntime'] = None\n"
        "known = m.version\n"
        "def version(name):\n"
        "    if name == 'onnxruntime': raise m.PackageNotFoundError(name)\n"
        "    return known(name)\n"
        "m.version = version; sys.argv = ['mlops', 'doctor', '--offline']\n"
        "from mlops_cli.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "onnxruntime is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_git_there_is_an_error(project, mlops, monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "git" else which(name))
    done = mlops("doctor", "--offline")
    assert done.exit_code == 4
    assert "git is not installed" in done.stderr


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("echo 20.10.24", "ok", "20.10.24"),
        ("echo 'Got permission denied at /x' >&2; exit 1", "warning", "permission denied"),
    ],
    ids=["engine", "refused"],
)
def test_docker_is_asked(project, mlops, monkeypatch, tmp_path, script, status, said):
    tool = tmp_path / "bin" / "docker"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    engine = found(mlops("doctor", json=True))["docker", "engine"]
    assert (engine["status"], said in engine["detail"]) == (status, True)
    assert ("usermod" in engine["remedy"]) == (status == "warning")


def test_json_is_one_object(project, mlops):
    done = mlops("doctor", "--offline", "--json")
    assert json.loads(done.stdout)["errors"] == 0
