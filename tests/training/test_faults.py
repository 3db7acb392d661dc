"""What can go wrong between a run's beginning and its end: one clear line, and nothing is lost."""

import contextlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from own.apart import ended, run_apart, start_apart
from own.resumed import EVERY_STEP, SMALL, assert_same_outcome, facts, only_run
from own.stopper import STOPPER

pytestmark = pytest.mark.slow


def last_words(refused):
    """The error and its hint."""
    assert "Traceback" not in refused.stderr
    return refused.stderr.splitlines()[-2:]


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


class Trap:
    """What touches a file where it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.fixture
def stopped(project, unstopped):
    """A copy of a run that was stopped in its second epoch, with both of its checkpoints."""
    project({"stop": "15 train SIGINT"})
    assert run_apart("train", *SMALL, *STOPPER, *EVERY_STEP, folder=project.path) == 130
    run = only_run(project.path)
    assert facts(run)["status"] == "interrupted"
    return run


@pytest.mark.parametrize("damage", ["cut", "pickled"])
def test_a_damaged_checkpoint_costs_one_step(stopped, mlops, unstopped, damage):
    last = stopped / "checkpoints" / "last.ckpt"
    trap = stopped.parent / "sprung"
    if damage == "cut":
        cut(last)
    else:
        torch.save(torch.load(last) | {"global_step": Trap(trap)}, last)
    resumed = mlops("train", "--resume", "latest")
    assert resumed.exit_code == 0, resumed.stderr
    assert f"checkpoint {last} can't be read: the one before it is taken\n" in resumed.stderr
    assert f"going on with {stopped.name} from step 14\n" in resumed.stderr
    assert not trap.exists()
    assert_same_outcome(stopped, unstopped(*EVERY_STEP))


def test_damaged_checkpoints_are_told_and_the_run_can_begin_anew(stopped, mlops, unstopped):
    last, previous = (stopped / "checkpoints" / f"{name}.ckpt" for name in ("last", "previous"))
    last.write_bytes(b"")
    torch.save({"weights": torch.zeros(2)}, previous)
    before = facts(stopped)

    refused = mlops("train", "--resume", "latest")

    assert refused.exit_code == 5
    assert last_words(refused) == [
        f"error: no checkpoint in {last.parent} can be read",
        f"hint: remove {last.parent}, and mlops train --resume {stopped.name} begins at step 0, "
        "to the same end",
    ]
    assert facts(stopped) == before
    shutil.rmtree(last.parent)
    assert mlops("train", "--resume", "latest").exit_code == 0
    assert_same_outcome(stopped, unstopped(*EVERY_STEP))


def test_best_weights_that_are_damaged_are_told_before_the_training_goes_on(stopped, mlops):
    best = stopped / "checkpoints" / "best.safetensors"
    content = bytearray(best.read_bytes())
    content[-100] ^= 1
    best.write_bytes(content)
    refused = mlops("train", "--resume", "latest")
    assert refused.exit_code == 5
    assert last_words(refused)[0] == f"error: the best weights in {best} can't be read"
    assert "going on" not in refused.stderr


def test_the_settings_of_a_run_are_its_own(project, stopped, mlops, unstopped):
    project({"configs/config.yaml": "defaults: [base, _self_]\nseed: 7\nlr: 1.0\n"})
    resumed = mlops("train", "--resume", "latest")
    assert resumed.exit_code == 0
    # The learning rate was typed.
    assert (
        f"warning: run {stopped.name} goes on with the settings it began with, not with seed=7\n"
    ) in resumed.stderr
    assert_same_outcome(stopped, unstopped(*EVERY_STEP))


def test_a_run_goes_on_while_the_projects_settings_are_wrong(project, stopped, mlops, unstopped):
    project({"configs/config.yaml": "defaults: [base, _self_]\nsede: 7\n"})
    resumed = mlops("train", "--resume", "latest")
    assert resumed.exit_code == 0
    assert f"warning: run {stopped.name} goes on with its own settings; " in resumed.stderr
    assert_same_outcome(stopped, unstopped(*EVERY_STEP))


def test_a_run_whose_config_was_edited_is_refused(stopped, mlops):
    config = stopped / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("lr: 0.005", "lr: 0.001"))
    assert config.read_text() != text
    refused = mlops("train", "--resume", "latest")
    assert refused.exit_code == 5
    assert last_words(refused) == [
        f"error: config.yaml of run {stopped.name} has been changed since the run began",
        "hint: undo the change, or start a new run: mlops train",
    ]
    assert facts(stopped)["status"] == "interrupted"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_missing(project, mlops):
    refused = mlops("train", *SMALL, "trainer.accelerator=gpu")
    assert refused.exit_code == 3
    assert last_words(refused) == [
        "error: trainer.accelerator=gpu, and this machine has none",
        "hint: trainer.accelerator=auto takes what is there",
    ]
    assert not (project / "runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_run_that_began_on_a_gpu(interrupted, mlops):
    said = facts(interrupted) | {"device": "cuda"}
    (interrupted / "run.json").write_text(json.dumps(said))
    resumed = mlops("train", "--resume", "latest")
    assert resumed.exit_code == 0
    assert f"warning: run {interrupted.name} began on cuda and goes on on cpu: " in resumed.stderr

    config = interrupted / "config.yaml"
    config.write_text(config.read_text().replace("accelerator: auto", "accelerator: gpu"))
    del said["config_sha256"]
    (interrupted / "run.json").write_text(json.dumps(said))
    refused = mlops("train", "--resume", "latest")
    assert refused.exit_code == 1
    assert last_words(refused) == [
        f"error: run {interrupted.name} began with trainer.accelerator=gpu, and this machine has "
        "none",
        "hint: resume where it began: nothing is lost; or start a new run: mlops train",
    ]
    assert facts(interrupted) == said


@contextlib.contextmanager
def paused(folder, *words):
    """A training that stands still after its fourth step, and then goes on to its end."""
    (folder / "stop").write_text("4 train SIGSTOP")
    process = start_apart("train", *SMALL, *STOPPER, *EVERY_STEP, *words, folder=folder)
    try:
        end = time.monotonic() + 60
        while (folder / "stop").exists():
            assert time.monotonic() < end, (folder / "said").read_text()
            time.sleep(0.01)
        yield process
        os.kill(process.pid, signal.SIGCONT)
        assert ended(process) == 0
    finally:
        process.kill()


def test_a_run_in_training_is_left_alone_by_all_others(project, mlops, unstopped):
    with paused(project.path, "--run-id", "mine") as process:
        run = project / "runs/mine"
        # Not even a record that is wrong makes two train it.
        for status in ("running", "interrupted"):
            said = facts(run)
            (run / "run.json").write_text(json.dumps(said | {"status": status}))
            refused = mlops("train", "--resume", "mine")
            (run / "run.json").write_text(json.dumps(said))
            who = f"process {process.pid}" if status == "running" else "another process"
            assert refused.exit_code == 1
            assert last_words(refused) == [
                f"error: run mine is being trained by {who}",
                "hint: wait for it, or stop that process first",
            ]
        assert mlops("runs", "delete", "mine", "--yes").exit_code == 1
    assert_same_outcome(run, unstopped(*EVERY_STEP))


def test_trainings_that_begin_in_the_same_moment(project, unstopped):
    words = [*SMALL, *STOPPER, *EVERY_STEP]
    together = [start_apart("train", *words, folder=project.path) for _ in range(2)]
    assert [ended(process) for process in together] == [0, 0]
    one, other = (project / "runs").iterdir()
    assert_same_outcome(one, other)
    assert_same_outcome(one, unstopped(*EVERY_STEP))


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".", "-x", "a b"])
def test_an_id_that_is_no_name_of_a_folder_is_refused(project, mlops, name):
    refused = mlops("train", *SMALL, f"--run-id={name}")
    assert refused.exit_code == 2
    assert last_words(refused)[0] == f"error: --run-id {name!r} is no name for a folder"
    assert not (project / "runs").exists()


def test_two_that_begin_or_take_up_the_same_run(project, mlops, unstopped):
    beginning = [*SMALL, *STOPPER, *EVERY_STEP, "--run-id", "same"]
    for words in (beginning, ["--resume", "same"]):
        together = [start_apart("train", *words, folder=project.path) for _ in range(2)]
        codes = sorted(ended(process) for process in together)
        # The other came too late, or waited until it was finished.
        assert codes in ([0, 1], [0, 2])
        run = only_run(project.path)
        assert_same_outcome(run, unstopped(*EVERY_STEP))
        shutil.rmtree(run / "model")
        said = (run / "run.json").read_text().replace('"finished"', '"interrupted"')
        (run / "run.json").write_text(said)
