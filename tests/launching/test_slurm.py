"""A real Slurm cluster of two nodes. `.ci/run` starts it; here: scripts/slurm-cluster up."""

import json
import os
import subprocess
import time

import pytest
from conftest import REPOSITORY
from own import losing

# One worker has the whole file (--dist loadfile): the tests share the cluster, and one of them ends
# a node.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "MLOPS_TEST_SLURM" not in os.environ,
        reason='no Slurm (eval "$(scripts/slurm-cluster up)" starts one)',
    ),
]

SMALL = ("data.size=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1")
# Names of the nodes of a cluster on loopback are no names of machines.
SLURM = ("launcher=slurm", "launcher.setup=['export MASTER_ADDR=127.0.0.1']")


def facts(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def runs(project):
    return sorted(path.parent for path in (project.path / "runs").glob("*/run.json"))


def cluster(*words):
    subprocess.run([REPOSITORY / "scripts" / "slurm-cluster", *words], check=True, timeout=60)


def assert_nothing_is_queued():
    """Slurm takes a moment to clean up after a job that has ended."""
    until = time.monotonic() + 60
    while subprocess.run(["squeue", "-h"], check=True, capture_output=True, timeout=60).stdout:
        assert time.monotonic() < until
        time.sleep(0.5)


def test_one_training_on_two_nodes(project, mlops):
    done = mlops("train", *SMALL, *SLURM, "trainer.nodes=2", json=True)
    assert done.exit_code == 0, done.stderr
    (run,) = runs(project)
    assert done.json["run"] == run.name
    assert done.json["metrics"] == facts(run)["metrics"]
    said = facts(run)["processes"]
    assert (said["world"], said["starter"]) == (2, "slurm")
    assert len(set(said["weights"])) == 1


def test_a_sweep_on_the_cluster(project, mlops):
    done = mlops("train", "-m", *SMALL, *SLURM, "seed=0,1", json=True)
    assert done.exit_code == 0, done.stderr
    assert [facts(run)["status"] for run in runs(project)] == ["finished"] * 2
    assert_nothing_is_queued()


def test_a_search_on_the_cluster(project, mlops):
    done = mlops("tune", *SMALL, *SLURM, "lr=7e-4,7e-3", "--trials", "2", "--name", "s", json=True)
    assert done.exit_code == 0, done.stderr
    assert [trial["state"] for trial in done.json["trials"]] == ["finished"] * 2
    assert {facts(run)["study"] for run in runs(project)} == {"s"}
    logs = project.path / "studies" / "s" / "logs"
    assert len(list(logs.glob("*.sbatch"))) == 2, "each trial was a job of the cluster"
    assert_nothing_is_queued()


def test_a_mistake_is_told_with_the_words_of_the_job(project, mlops):
    done = mlops("train", *SMALL, *SLURM, "lr=1e30")
    assert done.exit_code == 1
    assert "the loss is" in done.stderr or "validation loss" in done.stderr
    assert_nothing_is_queued()


def test_a_lost_node_ends_in_a_resumed_run(project, mlops):
    thread = losing.node_in_training(project, cluster, "n2", 2)
    long = (*SMALL, "epochs=20", "batch_size=7", "trainer.checkpoint_every=0.5")
    done = mlops("train", *long, *SLURM, "trainer.nodes=2", json=True)
    thread.join()
    assert done.exit_code == 0, done.stderr
    (run,) = runs(project)
    assert facts(run)["status"] == "finished"
    assert "resumed" in facts(run)
    assert done.json["epochs"] == 20
    log = (project.path / "runs" / ".jobs" / f"{run.name}.log").read_text("utf-8")
    assert "one of the 2 processes that train together was lost" in log
    assert f"going on with {run.name}" in log


def test_a_partition_that_is_not_there(project, mlops):
    done = mlops("train", *SMALL, *SLURM, "launcher.partition=nowhere")
    assert done.exit_code == 1
    assert "invalid partition" in done.stderr.lower()
