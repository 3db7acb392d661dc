"""`mlops repro`: what changed runs, what did not stays, and what was interrupted goes on."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import run_mlops

from mlops_cli import config
from mlops_cli.pipeline import params
from mlops_cli.versioning.pipeline import alone

SMOKE = ("experiment=smoke", "epochs=3000", "trainer.max_steps=5")
FILES = ["dvc.yaml", "dvc.lock", "params.yaml", "pipeline/metrics.json", "pipeline/.gitignore"]
STAGES = ["prepare", "validate", "train", "evaluate", "export"]
WORDS = {"good": ["lovely", "great", "fine", "splendid"], "bad": ["awful", "poor", "sad", "dull"]}


def reviews():
    draw = random.Random(0)
    rows = ["review,stars"]
    for number in range(240):
        stars = draw.choice(["good", "bad"])
        rows.append(f"the trip number {number} was {draw.choice(WORDS[stars])},{stars}")
    return "\n".join(rows) + "\n"


def outcome(result):
    return {stage["name"]: stage["status"] for stage in result["stages"]}


def ran(result):
    return [stage["name"] for stage in result["stages"] if stage["status"] == "ran"]


def why(result, name):
    return next(stage["why"] for stage in result["stages"] if stage["name"] == name)


def repro(*words):
    done = run_mlops("repro", *words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with git and DVC, right after `mlops init` and the first `mlops repro`."""
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "reviews.csv").write_text(reviews(), "utf-8")
    with contextlib.chdir(folder):
        done = run_mlops("init", "project", "--data", "reviews.csv", "--yes")
        assert done.exit_code == 0, done.stderr
    with contextlib.chdir(folder / "project"):
        first = repro(*SMOKE)
    return folder / "project", first


@pytest.fixture
def piped(made, tmp_path, monkeypatch):
    """A copy of that project, as the current folder."""
    shutil.copytree(made[0], tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_the_first_run_makes_everything_and_says_what_to_commit(made):
    root, first = made
    assert outcome(first) == dict.fromkeys(STAGES, "ran")
    assert set(first["commit"]) == {*FILES, "pipeline/validation.json"}
    assert (root / "pipeline/bundle/bundle.json").is_file()
    run = root / "runs" / first["run"]
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    ignored = (root / "pipeline/.gitignore").read_text().split()
    assert {"/data", "/model", "/bundle"} <= set(ignored)
    text = (root / "params.yaml").read_text()
    assert text.startswith("# Written by `mlops repro`")
    assert yaml.safe_load(text)["trainer"]["max_steps"] == 5


def test_nothing_changed_runs_nothing(piped, mlops):
    before = (piped / "dvc.lock").read_bytes()
    done = mlops("repro", *SMOKE, json=True)
    assert outcome(done.json) == dict.fromkeys(STAGES, "unchanged")
    assert done.stderr == ""
    assert (piped / "dvc.lock").read_bytes() == before
    by_hand = subprocess.run(
        [Path(sys.executable).with_name("dvc"), "status"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "up to date" in by_hand.stdout, by_hand.stderr


@pytest.mark.parametrize(
    ("setting", "runs", "reason"),
    [
        ("lr=2e-3", ["train"], ["lr: 0.0007 → 0.002"]),
        ("trainer.weight_decay=0.1", ["train"], ["trainer.weight_decay: 0.01 → 0.1"]),
        ('gates.mcc=">= -1"', ["evaluate"], ["gates.mcc: (not set) → >= -1"]),
        ("export.opset=17", ["export"], ["export.opset: 18 → 17"]),
        ("validation.html=info", ["validate"], ["validation.html: warning → info"]),
        ("data.test_fraction=0.2", STAGES[:2], ["data.test_fraction: 0.1 → 0.2"]),
    ],
)
def test_a_dry_run_says_what_would_run_and_why_and_writes_nothing(piped, setting, runs, reason):
    before = {path: path.read_bytes() for path in piped.glob("*") if path.is_file()}
    result = repro("--dry", *SMOKE, setting)
    assert [s["name"] for s in result["stages"] if s["status"] == "would run"] == runs
    assert why(result, runs[0]) == reason
    later = STAGES[STAGES.index(runs[-1]) + 1 :]
    assert [s["name"] for s in result["stages"] if s["status"] == "might run"] == later
    assert {path: path.read_bytes() for path in piped.glob("*") if path.is_file()} == before


def test_a_learning_rate_runs_train_evaluate_and_export_wherever_it_is_written(piped):
    first = (piped / "dvc.lock").read_bytes()
    assert ran(repro(*SMOKE, "lr=2e-3")) == ["train", "evaluate", "export"]
    typed = (piped / "dvc.lock").read_bytes()
    back = repro(*SMOKE)
    assert outcome(back) == dict.fromkeys(STAGES[:2], "unchanged") | dict.fromkeys(
        STAGES[2:], "restored"
    )
    assert (piped / "dvc.lock").read_bytes() == first
    with (piped / "configs/config.yaml").open("a") as file:
        file.write("\nlr: 2e-3\n")
    repro(*SMOKE)
    assert (piped / "dvc.lock").read_bytes() == typed
    # Not only DVC remembers: a training from the beginning gives the same bytes.
    assert ran(repro("train", "--force", *SMOKE)) == ["prepare", "validate", "train"]
    assert (piped / "dvc.lock").read_bytes() == typed


def test_a_gate_runs_evaluate_alone_also_where_the_run_is_gone(piped, mlops):
    shutil.rmtree(piped / "runs")
    assert ran(repro(*SMOKE, 'gates.accuracy=">= 0"')) == ["evaluate"]
    lock = (piped / "dvc.lock").read_bytes()
    failed = mlops("repro", *SMOKE, 'gates.accuracy="> 1"', json=True)
    assert failed.exit_code == 6
    assert failed.stdout == ""
    assert json.loads(failed.stderr.splitlines()[-1])["error"].startswith("stage evaluate failed")
    assert (piped / "dvc.lock").read_bytes() == lock


def kill_while_training(script, known, *words):
    """Starts `mlops repro` and kills it with all its stages after a checkpoint."""
    process = subprocess.Popen(
        [script, "repro", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (
        new := {p.parents[1].name for p in known.parent.glob("*/checkpoints/last.ckpt")}
        - {known.name}
    ):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return new.pop()


def test_a_row_runs_everything_and_a_kill_in_training_costs_no_finished_stage(
    made, piped, mlops_script
):
    words = ["experiment=smoke", "epochs=3000", "trainer.max_steps=150"]
    words += ["trainer.checkpoint_every=0"]
    data = piped / "data/reviews.csv"
    data.write_text(data.read_text().replace("number 7 ", "number 7000 "))
    expected = repro("--dry", *words)
    assert list(outcome(expected).values()) == ["would run"] * 3 + ["might run"] * 2
    assert why(expected, "prepare") == ["data/reviews.csv changed"]

    killed = kill_while_training(str(mlops_script), piped / "runs" / made[1]["run"], *words)
    facts = json.loads((piped / "runs" / killed / "run.json").read_text())
    assert facts["status"] == "running"

    done = repro("train", *words)
    assert outcome(done) == {"prepare": "unchanged", "validate": "unchanged", "train": "ran"}
    assert done["run"] == killed
    facts = json.loads((piped / "runs" / killed / "run.json").read_text())
    assert (facts["status"], "resumed" in facts) == ("finished", True)
    assert "data/reviews.csv.dvc" in done["commit"]


@pytest.mark.parametrize("cut", [False, True], ids=["emptied", "cut"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_lock_file_that_was_half_written_is_the_one_from_before(piped, mlops, cut, kept):
    file, copy = piped / "dvc.lock", piped / ".dvc" / "tmp" / "mlops-dvc.lock"
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.index(b"outs:") + 2 if cut else 0])
    if not kept:
        copy.unlink()
    done = mlops("repro", *SMOKE, json=True)
    assert done.exit_code == 0, done.stderr
    assert "warning: dvc.lock was half written when a command was killed" in done.stderr
    assert yaml.safe_load(file.read_bytes()) == yaml.safe_load(whole)
    # What DVC holds comes back; a stage whose results are in git may be done again.
    told = outcome(done.json)
    assert "ran" not in {told[name] for name in ("prepare", "train", "evaluate", "export")}


def test_a_lock_file_in_a_merge_is_left_to_its_people(piped, mlops):
    text = "<<<<<<< HEAD\n" + (piped / "dvc.lock").read_text("utf-8")
    (piped / "dvc.lock").write_text(text, "utf-8")
    assert mlops("repro", *SMOKE).exit_code == 5
    assert (piped / "dvc.lock").read_text("utf-8") == text


def test_a_run_that_was_trained_already_is_found(piped, mlops):
    shutil.rmtree(piped / "pipeline/model")
    shutil.rmtree(piped / ".dvc/cache")
    before = (piped / "dvc.lock").read_bytes()
    assert "train" in ran(repro("train", *SMOKE))
    assert (piped / "dvc.lock").read_bytes() == before


def test_without_git_it_works_and_without_dvc_it_says_so(tmp_path, monkeypatch, mlops, project):
    refused = mlops("repro", *SMOKE)
    assert refused.exit_code == 5
    assert "is no DVC project" in refused.stderr
    assert "dvc init" in refused.stderr
    assert [path.name for path in project.path.iterdir()] == ["configs"]

    assert mlops("init", str(tmp_path / "plain"), "--no-git", "--yes").exit_code == 0
    monkeypatch.chdir(tmp_path / "plain")
    result = repro("prepare", "experiment=smoke")
    assert outcome(result) == {"prepare": "ran"}
    assert result["commit"] == []


def test_a_copy_that_lost_its_git_folder_is_a_project_too(tmp_path, monkeypatch, mlops):
    assert mlops("init", str(tmp_path / "copied"), "--yes").exit_code == 0
    shutil.rmtree(tmp_path / "copied/.git")
    monkeypatch.chdir(tmp_path / "copied")
    assert outcome(repro("prepare", "experiment=smoke")) == {"prepare": "ran"}
    for words in (["push"], ["status"], ["pull"]):
        assert mlops(*words).exit_code == 0, words
    (tmp_path / "copied/.git").mkdir()
    refused = mlops("status")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: DVC refuses: ")


def test_mistakes_are_told_in_one_line(piped, mlops):
    unknown = mlops("repro", "nostage")
    assert unknown.exit_code == 5
    assert "no stage 'nostage'" in unknown.stderr
    assert "stages: prepare, validate, train, evaluate, export" in unknown.stderr
    assert mlops("repro", "lrr=1").exit_code == 3
    missing = mlops("repro", "prepare", "data.path=gone.csv", *SMOKE)
    assert missing.exit_code == 5
    assert "gone.csv, which is not there" in missing.stderr
    (piped / "dvc.yaml").write_text("stages: [")
    assert mlops("repro").exit_code == 3


def test_the_order_of_settings_says_nothing(project):
    gates = ['gates.mcc=">= 0.1"', 'gates.accuracy=">= 0.2"', "lr=1e-5"]
    there, back = (
        params.render(config.load(words, root=project.path)) for words in (gates, gates[::-1])
    )
    assert there == back
    assert params.parse(there)["lr"] == 1e-5


def test_two_at_once_would_mix_their_settings(piped, mlops):
    before = (piped / "params.yaml").read_bytes()
    with alone(piped):
        refused = mlops("repro", "lr=1e-5")
    assert refused.exit_code == 1
    assert "another mlops repro is at work" in refused.stderr
    assert (piped / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("train", "lr=1"),
        ("train", "--no-validate"),
        ("train", "--resume", "latest"),
        ("evaluate", "--split", "test"),
        ("evaluate", "latest"),
        ("export", "--onnx", "best"),
        ("data", "split", "--name", "other"),
        ("data", "split", "--format", "csv"),
        ("data", "validate", "--against", "other.csv"),
    ],
    ids=" ".join,
)
def test_a_stage_command_takes_its_settings_from_the_file_alone(project, mlops, words):
    done = mlops(*words, "--params", "params.yaml")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: --params takes every setting from its file, and goes")


def test_a_stage_command_tells_who_writes_its_settings(project, mlops):
    done = mlops("evaluate", "--params", "other.yaml")
    assert (done.exit_code, "mlops repro writes it" in done.stderr) == (5, True)
