"""Trees in training: the trainer's settings, one process, Ctrl-C."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightgbm")
pytestmark = pytest.mark.slow

TASK = ["task=tabular_classification", "model=trees", "trainer.threads=1"]
TABLE = ["data=table", "data.path=own.csv", "data.label=kind"]


def facts(project, run):
    return json.loads((project / "runs" / run / "run.json").read_text("utf-8"))


def apart(*words):
    """`mlops train` in a process of its own."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "mlops_cli", "train", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )


def rare_kinds(rows=1500):
    """Three kinds that overlap, of which 90 %, 6 % and 4 % of the rows are."""
    draw = random.Random(0)
    lines = []
    for _ in range(rows):
        kind = draw.choices((0, 1, 2), (90, 6, 4))[0]
        numbers = (draw.gauss(1.2 * (kind == 1), 1), draw.gauss(1.2 * (kind == 2), 1))
        lines.append(f"{numbers[0]:.3f},{numbers[1]:.3f},{'abc'[kind]}")
    return "x,y,kind\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("kinds", [2, 3])
def test_balanced_weights_find_rare_classes_as_those_of_a_network_do(project, mlops, kinds):
    content = rare_kinds()
    project({"own.csv": content if kinds == 3 else content.replace(",c\n", ",b\n")})

    def recall(*words):
        done = mlops("train", *TASK, *TABLE, "trainer.monitor=log_loss", *words, json=True)
        assert done.exit_code == 0, done.stderr
        return done.json["metrics"]["val/balanced_accuracy"]

    short = ["epochs=40", "trainer.patience=1"]
    network = ["model=mlp", "epochs=3", "batch_size=64"]
    balanced = "trainer.class_weights=balanced"
    assert recall(*short) < 1.3 / kinds
    assert recall(*short, balanced) > recall(*short) + 0.05
    assert recall(*short, balanced) == pytest.approx(recall(*network, balanced), abs=0.1)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("trainer.label_smoothing=0.1", "trainer.label_smoothing=0.0"),
        ("trainer.weight_decay=0.1", "trainer.weight_decay=0.01"),
        ("trainer.schedule=cosine", "trainer.schedule=linear"),
        ("trainer.warmup=0.2", "trainer.warmup=0.1"),
        ("trainer.gradient_clip=null", "trainer.gradient_clip=1.0"),
        ("trainer.accumulate=2", "trainer.accumulate=1"),
        ("trainer.precision=bf16", "trainer.precision=auto"),
        ("trainer.processes=2", "trainer.processes=1"),
    ],
)
def test_what_trees_have_no_use_for_is_refused(project, mlops, word, told):
    refused = mlops("train", *TASK, word)
    assert refused.exit_code == 3
    assert f"error: {word.partition('=')[0]}" in refused.stderr
    assert "model=trees grows trees" in refused.stderr
    assert f"hint: {told}" in refused.stderr
    assert not (project / "runs").exists()


def test_the_shipped_choices_go_with_trees_and_max_steps_ends_the_rounds(project, mlops):
    project({"own.csv": rare_kinds(300)})
    done = mlops("train", *TASK, *TABLE, "trainer=debug", "model.min_rows=2", json=True)
    assert done.exit_code == 0, done.stderr
    lines = (project / "runs" / done.json["run"] / "metrics.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20]
    smoke = mlops("train", "experiment=smoke", *TASK, *TABLE, "epochs=5", json=True)
    assert smoke.exit_code == 0, smoke.stderr
    # Not what the hardware could multiply in: a resume elsewhere would be refused.
    assert facts(project, done.json["run"])["precision"] == "32"


def test_a_resume_with_two_processes_is_refused_at_once(project, mlops):
    project({"own.csv": rare_kinds(300), "stop": "20 val SIGINT"})
    words = [*TASK, *TABLE, "epochs=50", "tracker.module=own.stopper"]
    assert mlops("train", *words).exit_code == 130
    refused = apart("--resume", "latest", "trainer.processes=2")
    assert refused.returncode == 3, refused.stderr
    assert "error: model=trees trains in one process, not in 2" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_an_interrupted_training_says_how_to_go_on_and_ends_the_same(project, mlops, signal):
    project({"own.csv": rare_kinds(300)})
    words = [*TASK, *TABLE, "epochs=50"]
    whole = mlops("train", *words, json=True)
    project({"stop": f"20 val {signal}"})
    # In a process of its own: SIGTERM is taken there for the rest of its life.
    stopped = apart(*words, "tracker.module=own.stopper")
    assert stopped.returncode == 130, stopped.stderr
    run = max(path.name for path in (project / "runs").iterdir() if path.is_dir())
    assert f"error: interrupted; run {run} is kept" in stopped.stderr
    assert f"hint: mlops train --resume {run}" in stopped.stderr
    before = facts(project, run)
    assert before["status"] == "interrupted"
    # As an older version recorded it on a machine whose networks have bf16.
    file = project / "runs" / run / "run.json"
    file.write_text(json.dumps(before | {"precision": "bf16"}))
    resumed = mlops("train", "--resume", run, json=True)
    assert resumed.exit_code == 0, resumed.stderr
    assert facts(project, run)["precision"] == "32"
    first, second = (
        (project / "runs" / done.json["run"] / "model" / "model.txt").read_text("utf-8")
        for done in (whole, resumed)
    )
    assert first == second
