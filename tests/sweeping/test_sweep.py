"""`mlops train -m`: real trainings of the smallest model."""

import json
import os
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.slow

SMALL = ("data.limit=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1")


def statuses(project):
    files = sorted((project / "runs").glob("*/run.json"))
    return {path.parent.name: json.loads(path.read_text("utf-8"))["status"] for path in files}


def rows(count, label):
    return "text,label\n" + "".join(f"row {n} {n % label},{n % label}\n" for n in range(count))


def test_one_failure_does_not_stop_the_others_and_is_tried_again(project, mlops):
    """The second file appears between the first call and the second."""
    project({"first.csv": rows(80, 2)})
    words = ("data=file", "data.path=first.csv,second.csv", "data.label=label", "seed=range(2)")
    done = mlops("train", "-m", *SMALL, *words, "--jobs", "2", json=True)
    assert done.exit_code == 1
    assert "2 of 4 runs failed" in done.stderr
    assert "second.csv" in done.stderr
    result = done.json
    assert result["failed"] == 2
    assert [run["status"] for run in result["runs"]] == ["finished"] * 2 + ["failed"] * 2
    scores = [run["score"] for run in result["runs"][:2]]
    assert scores == sorted(scores, reverse=True)
    (group,) = result["groups"]
    assert group["runs"] == 2
    assert group["settings"] == {"data.path": "first.csv"}
    assert group["mean"] == pytest.approx(sum(scores) / 2)
    before = {run: (project / "runs" / run / "run.json").stat() for run in statuses(project)}
    records = [json.loads((project / "runs" / run / "run.json").read_text()) for run in before]
    assert {facts["sweep"] for facts in records} == {result["sweep"]}

    project({"second.csv": rows(80, 2)})
    again = mlops("train", "-m", "--resume", "latest", "--jobs", "2", json=True)
    assert again.exit_code == 0, again.stderr
    assert again.json["failed"] == 0
    assert "2 of them finished before" in again.stderr
    assert len(statuses(project)) == 4
    for run, stat in before.items():
        assert (project / "runs" / run / "run.json").stat().st_mtime_ns == stat.st_mtime_ns


def test_a_sweep_that_is_killed_goes_on(project, mlops, mlops_script):
    long = tuple("epochs=20" if word == "epochs=1" else word for word in SMALL)
    child = subprocess.Popen(
        [mlops_script, "train", "-m", *long, "seed=range(2)", "--jobs", "2", "--quiet"],
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 180
    while len(list((project / "runs").glob("*/checkpoints/last.ckpt"))) < 2:
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    while set(statuses(project).values()) == {"running"} and time.monotonic() < until:
        time.sleep(0.1)  # the runs see that nobody waits for them, and save themselves
    done = mlops("train", "-m", "--resume", "latest", "--jobs", "2", json=True)
    assert done.exit_code == 0, done.stderr
    assert set(statuses(project).values()) == {"finished"}
    assert [run["status"] for run in done.json["runs"]] == ["finished", "finished"]
    alone = mlops("train", *long, "seed=1", json=True)
    same = next(run for run in done.json["runs"] if run["settings"] == {"seed": "1"})
    assert alone.json["metrics"] == same["metrics"], "a job trains as a training of its own does"


def test_settings_can_not_be_changed_on_the_way(project, mlops):
    refused = mlops("train", "-m", "--resume", "latest", "lr=1", json=True)
    assert refused.exit_code == 2
    missing = mlops("train", "-m", "--resume", "latest", json=True)
    assert missing.exit_code == 5
    assert "no sweeps" in missing.stderr
