"""`tracker=tensorboard`: what TensorBoard's own reader finds."""

import os
import subprocess

import pytest
from own import trigger
from own.apart import run_apart
from own.tracked import SMALL, Trained, latest, until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

pytestmark = pytest.mark.slow


def events(run):
    found = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    found.Reload()
    return found


def test_everything_can_be_read_back(train, mlops, untracked):
    trained = train("tracker=tensorboard")
    assert trained.warnings == []
    assert trained.weights == untracked.weights
    found = events(trained.path)
    losses = found.Scalars("train/loss")
    ours = [line for line in trained.lines if "train/loss" in line]
    assert [event.step for event in losses] == [line["step"] for line in ours] == [*range(1, 11)]
    assert [event.value for event in losses] == pytest.approx([line["train/loss"] for line in ours])
    assert len(found.Scalars("val/mcc")) == 2
    assert found.Scalars("system/memory_bytes")
    assert {"config/text_summary", "status/text_summary"} <= set(found.Tags()["tensors"])
    assert trained.state("tensorboard")["lines"] == 12

    evaluated = mlops("evaluate")
    assert evaluated.exit_code == 0, evaluated.stderr
    found = events(trained.path)
    assert "evaluation/validation/mcc" in found.Tags()["scalars"]
    assert "evaluation/validation/validation-confusion" in found.Tags()["images"]
    assert "evaluation/validation/mistakes/text_summary" in found.Tags()["tensors"]

    size = sum(file.stat().st_size for file in (trained.path / "tensorboard").iterdir())
    again = mlops("runs", "sync", "latest", json=True)
    assert again.exit_code == 0, again.stderr
    assert again.json == {"sent": [], "complete": 1, "running": []}
    assert sum(f.stat().st_size for f in (trained.path / "tensorboard").iterdir()) == size


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_costs_nothing_but_the_events(train, mlops, tmp_path, untracked):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", small], check=True)
    trigger.AT["start"] = lambda run: (run.path / "tensorboard").symlink_to(small)
    try:
        trained = train("tracker=several", "tracker.use=[tensorboard,own.trigger]")
        assert len(trained.warnings) == 1
        assert "no space left on device" in trained.warnings[0]
        assert trained.weights == untracked.weights
        full = mlops("runs", "sync", "latest")
        assert full.exit_code == 1
        subprocess.run(["mount", "-o", "remount,size=4m", small], check=True)
        mended = mlops("runs", "sync", "latest")
        assert mended.exit_code == 0, mended.stderr
        steps = [event.step for event in events(trained.path).Scalars("train/loss")]
        assert steps == [*range(1, 11)]
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_killed_training_and_its_resumed_rest_are_one_curve(project, mlops, untracked):
    """What the killed one left unsent is sent by the process that outlives it for a moment."""
    project({"stop": "7 train SIGKILL"})
    uses = ["tracker=several", "tracker.use=[tensorboard,own.stopper]"]
    assert run_apart(*SMALL, *uses, "trainer.checkpoint_every=0", folder=project.path) == -9
    killed = Trained(latest(project.path), "")
    until((killed.path / "tracking" / "tensorboard.json").exists)
    until(lambda: killed.state("tensorboard")["status"] == "killed")
    assert killed.state("tensorboard")["lines"] == len(killed.lines)
    resumed = mlops("train", "--resume", killed.path.name)
    assert resumed.exit_code == 0, resumed.stderr
    assert killed.weights == untracked.weights
    steps = [event.step for event in events(killed.path).Scalars("train/loss")]
    assert steps == [*range(1, 11)]
    assert killed.state("tensorboard")["status"] == "finished"
