"""A run that was stopped, however hard, ends as one that never was."""

import dataclasses
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest
import torch
from own.apart import run_apart
from own.resumed import (
    EVERY_STEP,
    SMALL,
    assert_same_outcome,
    assert_tidy,
    checkpoint,
    facts,
    metrics,
    only_run,
)
from own.stopper import STOPPER

from mlops_cli import collectives
from mlops_cli.project import diff, git_facts
from mlops_cli.tracking import record

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("place", "settings", "goes_on_from"),
    [
        pytest.param("1 train", EVERY_STEP, 0, id="before any checkpoint"),
        pytest.param("4 train", EVERY_STEP, 3, id="in the first epoch"),
        pytest.param("17 train", EVERY_STEP, 16, id="in a later epoch"),
        pytest.param("17 train", [], 10, id="with checkpoints between epochs only"),
        pytest.param("20 val", EVERY_STEP, 19, id="while an epoch is validated"),
        pytest.param("21 train", EVERY_STEP, 20, id="right after the end of an epoch"),
        pytest.param("30 val", EVERY_STEP, 29, id="at the very end"),
        pytest.param("7 train", [*EVERY_STEP, "trainer.accumulate=2"], 6, id="two batches a step"),
        pytest.param("6 train", [*EVERY_STEP, "trainer.accumulate=3"], 5, id="a short last step"),
        pytest.param("17 train", [*EVERY_STEP, "trainer.max_steps=23"], 16, id="a limit of steps"),
        pytest.param(
            "17 train", [*EVERY_STEP, "trainer.group_by_length=false"], 16, id="ungrouped"
        ),
        pytest.param("17 train", [*EVERY_STEP, "trainer.precision=bf16"], 16, id="bf16"),
    ],
)
def test_a_killed_run_ends_as_one_that_never_was(
    project, mlops, unstopped, place, settings, goes_on_from
):
    project({"stop": f"{place} SIGKILL"})
    code = run_apart("train", *SMALL, *STOPPER, *settings, folder=project.path)
    assert code == -signal.SIGKILL, (project / "said").read_text()
    run = only_run(project.path)
    assert facts(run)["status"] == "running"
    assert not (run / "model").exists()
    # What a kill in the middle of a write leaves behind.
    (run / "checkpoints" / ".last.ckpt.abc.ckpt").write_text("half")
    (run / ".run.json.abc.json").write_text("{")
    (run / ".model.abc").mkdir()
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 999, "epo')

    resumed = mlops("train", "--resume", "latest")

    assert resumed.exit_code == 0, resumed.stderr
    assert f"going on with {run.name} from step {goes_on_from}\n" in resumed.stderr
    assert_same_outcome(run, unstopped(*settings))
    assert_tidy(run)


def test_a_run_that_is_killed_twice(project, mlops, unstopped):
    for place in ("4 train", "22 train"):
        project({"stop": f"{place} SIGKILL"})
        words = (
            ["--resume", "latest"]
            if (project / "runs").exists()
            else [*SMALL, *STOPPER, *EVERY_STEP]
        )
        assert run_apart("train", *words, folder=project.path) == -signal.SIGKILL
    assert mlops("train", "--resume", "latest").exit_code == 0
    assert_same_outcome(only_run(project.path), unstopped(*EVERY_STEP))


@pytest.mark.parametrize("signals", ["SIGINT", "SIGTERM", "SIGINT SIGINT"])
def test_ctrl_c_saves_and_says_how_to_go_on(project, mlops, unstopped, signals):
    project({"stop": f"15 train {signals}"})

    stopped = mlops("train", *SMALL, *STOPPER)

    run = only_run(project.path)
    assert stopped.exit_code == 130
    assert stopped.stdout == ""
    assert facts(run)["status"] == "interrupted"
    if signals != "SIGINT SIGINT":  # The second ends it at once.
        assert stopped.stderr.splitlines()[-2:] == [
            f"error: interrupted; run {run.name} is saved",
            f"hint: mlops train --resume {run.name}",
        ]
        assert checkpoint(run)["global_step"] == 15
    assert mlops("train", "--resume", run.name).exit_code == 0
    assert_same_outcome(run, unstopped())
    assert_tidy(run)


def test_ctrl_c_while_the_processes_agree_stops_after_the_next_step(project, mlops, monkeypatch):
    agree, asked = collectives.any_of, []

    def agree_late(*flags):
        agreed = agree(*flags)
        if not asked:
            asked.append(True)
            signal.raise_signal(signal.SIGINT)
        return agreed

    monkeypatch.setattr(collectives, "any_of", agree_late)
    done = mlops("train", *SMALL)
    assert done.exit_code == 130, done.stderr
    assert facts(only_run(project.path))["status"] == "interrupted"
    assert checkpoint(only_run(project.path))["global_step"] == 2


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def lines_written(folder):
    return sum(len(path.read_text().splitlines()) for path in folder.glob("runs/*/metrics.jsonl"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_the_installed_command_is_stopped_from_outside(
    project, mlops, mlops_script, unstopped, number, code
):
    settings = ["trainer.log_every=1", *EVERY_STEP]
    process = subprocess.Popen([mlops_script, "train", *SMALL, *settings], stderr=subprocess.PIPE)
    wait_for(lambda: lines_written(project.path) >= 3)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == code
    run = only_run(project.path)
    assert facts(run)["status"] == ("interrupted" if code == 130 else "running")

    resumed = mlops("train", "--resume", run.name, json=True)

    assert resumed.exit_code == 0, resumed.stderr
    assert resumed.json["run"] == run.name
    assert_same_outcome(run, unstopped(*EVERY_STEP))
    assert_tidy(run)


def test_only_the_model_was_missing(interrupted, mlops, unstopped):
    assert mlops("train", "--resume", "latest").exit_code == 0
    assert_same_outcome(interrupted, unstopped())


def test_patience_is_not_given_a_second_time(project, mlops):
    # log_loss gets worse with a rate of learning that is far too high.
    settings = ["lr=1", "epochs=6", "trainer.patience=1", "trainer.monitor=log_loss"]
    assert mlops("train", *SMALL, *settings).exit_code == 0
    run = only_run(project.path)
    before = metrics(run)
    assert facts(run)["epochs"] < 6
    run_json = facts(run)
    (run / "run.json").write_text(json.dumps({**run_json, "status": "interrupted"}))
    assert mlops("train", "--resume", "latest").exit_code == 0
    assert metrics(run) == before
    assert facts(run)["epochs"] == run_json["epochs"]


def test_code_that_changed_since_the_run_began_is_told(interrupted, project, mlops):
    def git(*words):
        done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8", check=True)
        return done.stdout.strip()

    project({".gitignore": "/runs/\n", "own/part.py": "A = 1\n", "own/other.py": "B = 1\n"})
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "the state it began with")
    began = git("rev-parse", "HEAD")
    project({"own/other.py": "B = 2\n"})
    said = {**facts(interrupted), "git": dataclasses.asdict(git_facts(project.path))}

    def resumed():
        (interrupted / "run.json").write_text(json.dumps(said))
        shutil.rmtree(interrupted / "model", ignore_errors=True)
        done = mlops("train", "--resume", interrupted.name)
        assert done.exit_code == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "the code is not" in line]

    (interrupted / "git.diff").write_bytes(diff(project.path))
    assert resumed() == []

    project({"own/part.py": "A = 2\n"})
    begins = f"warning: the code is not what run {interrupted.name} began with: "
    assert resumed() == [f"{begins}the uncommitted changes of own/part.py are others"]

    git("checkout", "-q", "own/part.py")
    git("commit", "-qam", "a later state")
    now = git("rev-parse", "HEAD")
    assert resumed() == [
        f"{begins}it began at commit {began[:12]}, and {now[:12]} is checked out; "
        "the uncommitted changes of own/other.py are others"
    ]


def test_a_finished_run_is_not_resumed(interrupted, mlops):
    said = facts(interrupted)
    (interrupted / "run.json").write_text(json.dumps({**said, "status": "finished"}))
    refused = mlops("train", "--resume", "latest")
    assert refused.exit_code == 5
    assert f"run {interrupted.name} is finished, and its weights are gone" in refused.stderr
    assert f"hint: make it again: mlops runs rerun {interrupted.name};" in refused.stderr
    (interrupted / "model").mkdir()
    (interrupted / "model" / "task.json").write_text("{}")
    refused = mlops("train", "--resume", "latest")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"error: run {interrupted.name} is finished\n"
        f"hint: mlops evaluate {interrupted.name}, or mlops train\n"
    )


def test_a_run_in_training_is_left_alone(interrupted, mlops):
    # The process that trains is known by its command line.
    living = subprocess.Popen(["mlops", "60"], executable=shutil.which("sleep"))
    try:
        said = {**facts(interrupted), "status": "running", "pid": living.pid}
        said["resumed"] = record.now()  # A process that began later than the run is another one.
        (interrupted / "run.json").write_text(json.dumps(said))
        refused = mlops("train", "--resume", interrupted.name)
        assert refused.exit_code == 1
        assert refused.stderr == (
            f"error: run {interrupted.name} is being trained by process {living.pid}\n"
            "hint: wait for it, or stop that process first\n"
        )
    finally:
        living.kill()
    # Dead, but its parent has not asked after it: a zombie.
    wait_for(lambda: psutil.Process(living.pid).status() == psutil.STATUS_ZOMBIE)
    assert mlops("train", "--resume", interrupted.name).exit_code == 0
    living.wait()


def test_a_run_that_is_being_taken_up_is_left_alone(interrupted, mlops):
    before = facts(interrupted)
    folder = os.open(interrupted, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    refused = mlops("runs", "resume", "latest")
    os.close(folder)
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"error: run {interrupted.name} is being trained by another process\n"
        "hint: wait for it, or stop that process first\n"
    )
    assert facts(interrupted) == before


def test_settings_cannot_be_changed(interrupted, mlops):
    refused = mlops("train", "--resume", "latest", "lr=1e-4", "epochs=9")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "error: --resume keeps the run's own settings, so lr=1e-4 can't be changed\n"
        "hint: mlops train lr=1e-4 epochs=9 starts a new run\n"
    )


def test_an_unknown_run_is_told_with_the_nearest(interrupted, mlops):
    refused = mlops("train", "--resume", interrupted.name[:-1] + "x")
    assert refused.exit_code == 5
    assert f"hint: did you mean {interrupted.name}?" in refused.stderr


def test_data_that_changed_is_refused(project, mlops):
    rows = [f"{word} {number},{word}" for number in range(40) for word in ("good", "bad")]
    project({"rows.csv": "\n".join(["text,label", *rows])})
    data = ["data=file", "data.path=rows.csv", "trainer.log_every=1"]
    project({"stop": "3 train SIGINT"})
    assert mlops("train", *SMALL[1:], *STOPPER, *data).exit_code == 130
    run = only_run(project.path)
    project({"rows.csv": "\n".join(["text,label", "another,good", *rows])})

    refused = mlops("train", "--resume", "latest")

    assert refused.exit_code == 5
    assert refused.stderr.splitlines()[-2:] == [
        f"error: the train data has changed since run {run.name} began",
        "hint: restore it (dvc checkout), or start a new run: mlops train",
    ]
    assert facts(run)["status"] == "interrupted"


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribble(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def replace(path):
    path.write_text("no checkpoint at all")


def forget(path):
    path.write_text("{}")


def swap(path):
    torch.save({"something": "else"}, path)


def remove(path):
    path.unlink()


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *(("checkpoints/last.ckpt", damage) for damage in (cut, scribble, empty, replace, swap)),
        *(("checkpoints/best.safetensors", damage) for damage in (cut, empty, replace, remove)),
        *(("run.json", damage) for damage in (cut, empty, replace, forget)),
        *(("config.yaml", damage) for damage in (empty, replace, remove)),
    ],
)
def test_what_is_damaged_is_named_in_one_line(interrupted, mlops, file, damage):
    damage(interrupted / file)
    refused = mlops("train", "--resume", str(interrupted))
    assert refused.exit_code == 5
    error = next(line for line in refused.stderr.splitlines() if line.startswith("error: "))
    assert file.rpartition("/")[2] in error or "checkpoint" in error
    assert "Traceback" not in refused.stderr


def test_metrics_that_are_lost_do_not_stop_it(interrupted, mlops, unstopped):
    (interrupted / "metrics.jsonl").unlink()
    assert mlops("train", "--resume", "latest").exit_code == 0
    model = "model/model.safetensors"
    assert (interrupted / model).read_bytes() == (unstopped() / model).read_bytes()
