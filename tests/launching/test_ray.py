"""A real Ray cluster of two nodes. `.ci/run` starts it; here: scripts/ray-cluster up."""

import json
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from own import losing

CLUSTER, NETWORK = (os.environ.get(f"MLOPS_TEST_RAY{name}", "") for name in ("", "_NETWORK"))

# One worker has the whole file (--dist loadfile): the tests share the cluster, and one of them ends
# a node.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CLUSTER, reason='no Ray (eval "$(scripts/ray-cluster up)" starts one)'),
]

SMALL = ("data.size=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1")
RAY = ("launcher=ray", f"launcher.address={CLUSTER}")


@pytest.fixture
def inside():
    """`inside("train", …)`: the command line in the cluster's network."""

    def run(*words):
        enter = ["nsenter", "-t", NETWORK, "-n"]
        return subprocess.run(
            [*enter, sys.executable, "-m", "mlops_cli", *words],
            env=os.environ | {"RAY_ADDRESS": CLUSTER},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    return run


def facts(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def runs(project):
    return sorted(path.parent for path in (project.path / "runs").glob("*/run.json"))


def cluster(*words):
    subprocess.run([REPOSITORY / "scripts" / "ray-cluster", *words], check=True, timeout=120)


def test_a_sweep_on_the_cluster(project, inside):
    done = inside("train", "-m", *SMALL, *RAY, "seed=0,1", "--json")
    assert done.returncode == 0, done.stderr
    assert [facts(run)["status"] for run in runs(project)] == ["finished"] * 2


def test_a_search_on_the_cluster(project, inside):
    words = (*SMALL, *RAY, "lr=7e-4,7e-3", "--trials", "2", "--name", "s", "--json")
    done = inside("tune", *words)
    assert done.returncode == 0, done.stderr
    assert [trial["state"] for trial in json.loads(done.stdout)["trials"]] == ["finished"] * 2
    assert {facts(run)["study"] for run in runs(project)} == {"s"}


def test_a_mistake_is_told_with_the_words_of_the_job(project, inside):
    done = inside("train", *SMALL, *RAY, "lr=1e30")
    assert done.returncode == 1
    assert "the loss is" in done.stderr or "validation loss" in done.stderr


def test_a_training_on_two_nodes_outlives_one_of_them(project, inside):
    thread = losing.node_in_training(project, cluster, "second", 1)
    long = (*SMALL, "epochs=20", "batch_size=7", "trainer.checkpoint_every=0.5")
    done = inside("train", *long, *RAY, "trainer.nodes=2", "--json")
    thread.join()
    assert done.returncode == 0, done.stderr
    (run,) = runs(project)
    assert json.loads(done.stdout)["epochs"] == 20
    assert "started again" in done.stderr
    assert "resumed" in facts(run)
    said = facts(run)["processes"]
    assert said["world"] == 2
    assert len(set(said["weights"])) == 1


def test_rows_of_a_file_are_answered_as_on_this_machine_though_a_node_is_lost(
    trained, inside, tmp_path
):
    texts = "".join(
        f"{number},The boy near the queen blamed himself {number}.\n" for number in range(12_000)
    )
    (tmp_path / "in.csv").write_text("id,sentence\n" + texts + "12000,\n", "utf-8")
    words = ["predict", "--bundle", str(trained.path / "bundle"), "--text", "sentence", "--file", str(tmp_path / "in.csv"), "--output"]  # fmt: skip
    here = inside(*words, str(tmp_path / "here.csv"), "--json")
    thread, lost = losing.node_in_writing(tmp_path / "there.csv", cluster, "second")
    there = inside(*words, str(tmp_path / "there.csv"), "--launcher", "ray", "--json")
    thread.join()
    cluster("start", "second")
    assert there.returncode == 0, there.stderr
    assert lost.is_set()
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert json.loads(there.stdout)["labels"] == json.loads(here.stdout)["labels"]


def test_no_cluster(project, mlops):
    done = mlops("train", *SMALL, "launcher=ray", "launcher.address=127.0.0.1:1")
    assert done.exit_code == 1
    assert "no Ray cluster answers" in done.stderr
