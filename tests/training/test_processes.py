"""One training over several processes: what one would have found, in one run folder."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file

from mlops_cli.place import Place, here

pytestmark = pytest.mark.slow

SMALL = ("data.size=200", "model.hidden_size=32", "trainer.threads=1", "model.dropout=0")
# Batches of 7 rows don't split evenly, and the last has one row.
UNEVEN = (*SMALL, "batch_size=7", "epochs=4", "lr=0.01", "trainer.eval_batch_size=16")
WEIGHTED = ("trainer.class_weights=balanced", "trainer.accumulate=2")


def only_run(project):
    (run,) = (project.path / "runs").iterdir()
    return run


def facts(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def weights(run):
    return load_file(run / "model" / "model.safetensors")


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]


def alike(first, second, tolerance):
    # A softmax does not see the bias of its keys: their gradients are nothing but rounding.
    names = [name for name in first if not name.endswith("key.bias")]
    return all(torch.allclose(first[name], second[name], atol=tolerance) for name in names)


@pytest.fixture
def one(project, mlops):
    """The same training in one process, made away with from the project."""

    def train(*words):
        done = mlops("train", *words, json=True)
        assert done.exit_code == 0, done.stderr
        run = only_run(project)
        kept = run.rename(project.path / "alone")
        return done.json, kept

    return train


def test_two_processes_find_what_one_finds(project, mlops, one):
    expected, alone = one(*UNEVEN, *WEIGHTED)
    done = mlops("train", *UNEVEN, *WEIGHTED, "trainer.processes=2", json=True)
    assert done.exit_code == 0, done.stderr
    run = only_run(project)
    assert alike(weights(alone), weights(run), 2e-4)
    assert done.json["epochs"] == expected["epochs"]
    # One pair of rows whose scores differ in the last digit may change places.
    metrics, wanted = done.json["metrics"], dict(expected["metrics"])
    assert abs(metrics.pop("val/auroc") - wanted.pop("val/auroc")) < 0.02
    assert metrics == pytest.approx(wanted, abs=1e-4)
    kept, found = lines(alone), lines(run)
    assert [line["step"] for line in found] == [line["step"] for line in kept]
    losses = [
        [line["train/loss"] for line in part if "train/loss" in line] for part in (kept, found)
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    said = facts(run)["processes"]
    assert said["world"] == 2
    assert len(said["weights"]) == 2
    assert len(set(said["weights"])) == 1


def test_bf16_comes_out_alike(project, mlops, one):
    bf16 = (*UNEVEN, "epochs=1", "trainer.precision=bf16", "trainer.gradient_clip=0.1")
    expected, _ = one(*bf16)
    done = mlops("train", *bf16, "trainer.processes=2", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["metrics"]["val/loss"] == pytest.approx(
        expected["metrics"]["val/loss"], abs=0.02
    )


def members():
    """The other processes of the training that runs in this one."""
    return [
        child
        for child in psutil.Process().children()
        if "mlops_cli.training.member" in " ".join(child.cmdline())
    ]


def when_training(project, act):
    """Calls `act` once the run has its first line of metrics, from a thread of its own."""

    def wait():
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if any((project.path / "runs").glob("*/metrics.jsonl")):
                act()
                return
            time.sleep(0.02)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


LONG = (*SMALL, "batch_size=7", "epochs=12", "lr=0.001", "trainer.checkpoint_every=0.2")


def test_a_lost_process_ends_the_training_and_the_run_goes_on_with_fewer(project, mlops, one):
    _, alone = one(*LONG)
    thread = when_training(project, lambda: [member.kill() for member in members()])
    done = mlops("train", *LONG, "trainer.processes=2")
    thread.join()
    run = only_run(project)
    assert done.exit_code == 75, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith(("error", "hint"))]
    assert said == [
        "error: one of the 2 processes that train together was lost",
        f"hint: mlops train --resume {run.name}",
    ]
    assert facts(run)["status"] == "interrupted"
    resumed = mlops("train", "--resume", run.name, "trainer.processes=1")
    assert resumed.exit_code == 0, resumed.stderr
    assert facts(run)["status"] == "finished"
    assert alike(weights(alone), weights(run), 1e-2)


def test_a_signal_stops_all_after_the_same_step(project, mlops, one):
    longer = (*LONG, "epochs=30")  # The signal must find them at work.
    _, alone = one(*longer)
    thread = when_training(project, lambda: os.kill(os.getpid(), signal.SIGTERM))
    done = mlops("train", *longer, "trainer.processes=2")
    thread.join()
    run = only_run(project)
    assert done.exit_code == 130, done.stderr
    assert "is saved" in done.stderr
    assert members() == []
    assert facts(run)["status"] == "interrupted"
    resumed = mlops("train", "--resume", run.name)
    assert resumed.exit_code == 0, resumed.stderr
    assert facts(run)["processes"]["world"] == 2
    assert alike(weights(alone), weights(run), 1e-2)


def test_torchrun_starts_them_on_two_nodes(project):
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    meeting = ["--master-addr=127.0.0.1", "--master-port=29761"]
    mine = ["-m", "mlops_cli", "train", *SMALL, "epochs=1", "--json"]
    nodes = [
        subprocess.Popen(
            [*command, *meeting, f"--node-rank={rank}", *mine],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [node.communicate(timeout=180) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    run = only_run(project)
    assert json.loads(said[0][0])["run"] == run.name
    assert said[1][0] == ""
    assert facts(run)["processes"]["world"] == 2


def test_more_machines_than_there_are(mlops, project):
    done = mlops("train", *SMALL, "trainer.nodes=2")
    assert done.exit_code == 3
    assert "trainer.nodes=2, and this is one process on one machine" in done.stderr


def test_only_the_number_of_processes_changes_on_resume(mlops, project):
    done = mlops("train", "--resume", "latest", "lr=1")
    assert done.exit_code == 2
    done = mlops("train", "--resume", "latest", "trainer.processes=none")
    assert done.exit_code == 2
    assert "whole number" in done.stderr


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, Place()),
        (
            {
                "TORCHELASTIC_RUN_ID": "x",
                "RANK": "3",
                "WORLD_SIZE": "4",
                "LOCAL_RANK": "1",
                "LOCAL_WORLD_SIZE": "2",
            },
            Place(3, 4, 1, 2, "torchrun"),
        ),
        (
            {
                "SLURM_STEP_ID": "0",
                "SLURM_NTASKS": "4",
                "SLURM_NNODES": "2",
                "SLURM_PROCID": "2",
                "SLURM_LOCALID": "0",
            },
            Place(2, 4, 0, 2, "slurm"),
        ),
        # A batch script is no task of its job, and a job of one task is alone.
        ({"SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_PROCID": "0"}, Place()),
        ({"SLURM_STEP_ID": "0", "SLURM_NTASKS": "1", "SLURM_PROCID": "0"}, Place()),
    ],
    ids=["alone", "torchrun", "srun", "batch script", "one task"],
)
def test_the_place_of_a_process(environment, place):
    assert here(environment) == place
