"""`mlops train`: what it leaves behind, and what it says when it can't go on."""

import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from own import held
from own.apart import run_apart
from own.stopper import STOPPER
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mlops_cli import config as configs
from mlops_cli.models.module import LearningRateFactor
from mlops_cli.models.objectives import balanced_weights
from mlops_cli.schemas.task import METRICS
from mlops_cli.training import hardware

pytestmark = pytest.mark.slow

# 320 training rows: 10 batches of 32 an epoch; 40 validation rows.
SMALL = [
    "data.size=400",
    "epochs=2",
    "lr=1e-3",
    "batch_size=32",
    "model.hidden_size=32",
    "model.intermediate_size=64",
    "trainer.threads=1",
]


def facts(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]


def latest(project):
    return max((project / "runs").iterdir())


def table(project, rows):
    """A file of (text, label) rows, and the settings that read it."""
    text = "".join(f"{text},{label}\n" for text, label in rows)
    project({"rows.csv": "text,label\n" + text})
    return ["data=file", "data.path=rows.csv", *SMALL[1:]]


# --- what a run leaves behind ---


def test_the_run_folder_is_complete(trained):
    assert {path.name for path in trained.path.iterdir()} >= {
        "config.yaml",
        "overrides.yaml",
        "run.json",
        "metrics.jsonl",
        "system.jsonl",
        "checkpoints",
        "model",
    }
    assert {path.name for path in (trained.path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "task.json",
        "tokenizer.json",
    }
    assert (trained.path / "overrides.yaml").read_text("utf-8") == '- "experiment=smoke"\n'


def test_the_recorded_config_is_the_resolved_one(trained):
    text = (trained.path / "config.yaml").read_text("utf-8")
    config = configs.from_yaml(text)
    assert (config.epochs, config.model.hidden_size, config.data.limit) == (1, 64, 200)
    assert config.lr == config.model.lr
    assert "${" not in text
    assert configs.to_yaml(config) == text


def test_run_json_tells_where_the_model_comes_from(trained):
    said = facts(trained.path)
    assert said["id"] == trained.run
    assert said["status"] == "finished"
    assert (said["model"], said["seed"], said["precision"]) == ("tiny", 0, "32")
    assert said["started"] < said["ended"]
    assert set(said["git"]) == {"commit", "branch", "dirty_hash"}
    assert {name: len(value) for name, value in said["data"]["fingerprints"].items()} == {
        "train": 64,
        "validation": 64,
        "test": 64,
    }
    assert said["environment"]["packages"]["torch"] == torch.__version__
    assert said["environment"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {f"val/{name}" for name in METRICS["classes"]} < set(said["metrics"])


def test_the_model_loads_without_us(trained):
    folder = trained.path / "model"
    network = AutoModelForSequenceClassification.from_pretrained(folder)
    assert network.config.id2label == {0: "acceptable", 1: "unacceptable"}
    assert AutoTokenizer.from_pretrained(folder)("She sleeps.").input_ids[0] == 2  # [CLS]
    assert set(load_file(folder / "model.safetensors")) == set(network.state_dict())


def test_the_checkpoint_holds_nothing_but_plain_values(trained):
    content = torch.load(trained.path / "checkpoints" / "last.ckpt", weights_only=True)
    assert content["global_step"] == 7


@pytest.mark.parametrize("json_mode", [False, True])
def test_the_result_is_shown_to_people_and_programs(project, mlops, json_mode):
    done = mlops("train", *SMALL, json=json_mode)
    run = latest(project)
    assert done.exit_code == 0
    if not json_mode:
        title, next_step = done.stdout.splitlines()
        assert title.startswith("✓ Trained tiny: accuracy 0.")
        assert title.endswith(f"(run {run.name})")
        assert next_step == f"next: mlops evaluate {run.name}"
        return
    assert done.json["run"] == run.name
    assert Path(done.json["path"]) == run
    assert done.json["metrics"] == facts(run)["metrics"]
    assert done.json["epochs"] == 2
    assert done.json["samples_per_second"] > 0
    assert "training 20/20" in done.stderr


def test_quiet_says_nothing(project, mlops):
    done = mlops("train", *SMALL, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_metrics_come_with_step_epoch_and_rate(project, mlops):
    assert mlops("train", *SMALL, "trainer.log_every=5", "trainer.warmup=0.1").exit_code == 0
    written = lines(latest(project))
    assert [(line["step"], line["epoch"], "val/mcc" in line) for line in written] == [
        (5, 0, False),
        (10, 0, False),
        (10, 0, True),
        (15, 1, False),
        (20, 1, False),
        (20, 1, True),
    ]
    assert {"train/loss", "lr", "samples_per_second", "time"} < set(written[3])
    # Up in the first two steps (10 % of 20), down to nothing at the end.
    assert [line["lr"] for line in written if "lr" in line] == pytest.approx(
        [1e-3 * 15 / 18, 1e-3 * 10 / 18, 1e-3 * 5 / 18, 0]
    )


def test_the_record_can_be_read_while_training(project):
    project({"stop": "15 train SIGKILL"})
    assert run_apart("train", *SMALL, *STOPPER, folder=project.path) == -9
    run = latest(project)
    assert facts(run)["status"] == "running"
    assert len(lines(run)) == 16  # 15 steps and one validation
    assert configs.from_yaml((run / "config.yaml").read_text("utf-8")).epochs == 2


# --- the same again ---


def test_the_same_seed_gives_the_same_weights_in_another_process(project, mlops_script):
    def trained(seed_and_hash):
        seed, hash_seed = seed_and_hash
        words = [mlops_script, "train", *SMALL, f"seed={seed}", "--json"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        return Path(json.loads(done.stdout)["path"])

    with ThreadPoolExecutor(3) as pool:
        one, again, other = pool.map(trained, [(3, "1"), (3, "2"), (4, "1")])
    for file in ("model/model.safetensors", "model/tokenizer.json", "model/task.json"):
        assert (one / file).read_bytes() == (again / file).read_bytes(), file
    weights = "model/model.safetensors"
    assert (one / weights).read_bytes() != (other / weights).read_bytes()
    assert facts(one)["metrics"] == facts(again)["metrics"]


# --- settings that change the training ---


def test_accumulated_batches_make_fewer_steps(project, mlops):
    assert mlops("train", *SMALL, "trainer.accumulate=4", "trainer.log_every=1").exit_code == 0
    written = [line for line in lines(latest(project)) if "train/loss" in line]
    assert [line["step"] for line in written] == [1, 2, 3, 4, 5, 6]
    # The mean loss of the batches, not a quarter of it.
    assert written[0]["train/loss"] == pytest.approx(math.log(2), abs=0.1)


@pytest.mark.parametrize(("steps", "epochs"), [(3, 0.3), (10, 1), (13, 1.3)])
def test_a_limit_of_steps_ends_with_a_validated_model(project, mlops, steps, epochs):
    done = mlops("train", *SMALL, f"trainer.max_steps={steps}", json=True)
    run = latest(project)
    assert done.exit_code == 0, done.stderr
    assert done.json["epochs"] == epochs
    assert lines(run)[-1]["step"] == steps
    assert "val/mcc" in lines(run)[-1]
    assert (run / "model" / "model.safetensors").exists()


def test_the_debug_trainer_ends_after_twenty_steps(project, mlops):
    done = mlops("train", "trainer=debug", "model.layers=1", *SMALL[4:], json=True)
    assert done.exit_code == 0, done.stderr
    assert lines(latest(project))[-1]["step"] == 20


def test_training_stops_out_of_patience_and_keeps_the_best(project, mlops):
    # With so high a rate the loss on validation only gets worse.
    settings = ["epochs=9", "lr=1", "trainer.patience=2", "trainer.monitor=log_loss"]
    done = mlops("train", *SMALL, *settings, json=True)
    losses = [line["val/log_loss"] for line in lines(latest(project)) if "val/log_loss" in line]
    best = losses.index(min(losses))
    assert done.json["epochs"] == len(losses) == best + 3 < 9
    assert done.json["metrics"]["val/log_loss"] == min(losses)


# Every bad review says "weak", and so do three in ten of the good ones, which are nine in ten.
WEAK = [(f"{'weak' if n % 10 == 0 or n % 10 in (3, 5, 7) else 'fine'} plot {n // 10}", "good" if n % 10 else "bad") for n in range(500)]  # fmt: skip


@pytest.mark.parametrize(("weights", "recall"), [("none", 0.5), ("balanced", 5 / 6)])
def test_balanced_weights_find_the_rare_class(project, mlops, weights, recall):
    settings = [f"trainer.class_weights={weights}", "epochs=4", "lr=5e-3", "model.vocab_size=64"]
    done = mlops("train", *table(project, WEAK), *settings, json=True)
    assert done.exit_code == 0, done.stderr
    # All the weak ones are taken for bad, or none of them is.
    assert done.json["metrics"]["val/recall_macro"] == pytest.approx(recall, abs=0.05)


def test_balanced_weights_give_every_class_the_same_sum():
    weights = balanced_weights(np.array([90, 9, 1]))
    assert (weights * torch.tensor([90, 9, 1])).tolist() == pytest.approx([100 / 3] * 3)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("linear", [0, 0.5, 1, 0.75, 0.5, 0.25, 0]),
        ("cosine", [0, 0.5, 1, 0.854, 0.5, 0.146, 0]),
        ("constant", [0, 0.5, 1, 1, 1, 1, 1]),
    ],
)
def test_the_rate_warms_up_and_decays(schedule, factors):
    # Of ten steps, two warm up.
    factor = LearningRateFactor(schedule, 0.2, 10)
    shown = [factor(step) for step in (0, 1, 2, 4, 6, 8, 10)]
    assert shown == pytest.approx(factors, abs=1e-3)


def test_no_warm_up_begins_at_the_peak():
    assert LearningRateFactor("linear", 0.0, 10)(0) == 1.0
    assert LearningRateFactor("cosine", 0.5, 1)(1) == 1.0


# --- hardware ---


def test_bf16_trains_and_is_recorded(project, mlops):
    done = mlops("train", *SMALL, "trainer.precision=bf16", "trainer.accelerator=cpu")
    run = latest(project)
    assert done.exit_code == 0, done.stderr
    assert facts(run)["precision"] == "bf16"
    kinds = {tensor.dtype for tensor in load_file(run / "model" / "model.safetensors").values()}
    assert kinds == {torch.float32}


def test_narrow_models_stay_in_float32():
    trainer = configs.from_yaml("").trainer
    assert hardware.precision(trainer, "cpu", 128) == "32"
    assert hardware.precision(trainer, "cpu", 384) in ("32", "bf16")


def test_float16_on_a_cpu_is_refused(project, mlops):
    refused = mlops("train", *SMALL, "trainer.precision=16", "trainer.accelerator=cpu")
    assert refused.exit_code == 3
    assert refused.stderr.splitlines()[-2:] == [
        "error: trainer.precision=16 needs a GPU",
        "hint: trainer.precision=bf16 or trainer.precision=32",
    ]
    assert not (project / "runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused(project, mlops):
    refused = mlops("train", *SMALL, "trainer.accelerator=gpu")
    assert refused.exit_code == 3
    assert refused.stderr == (
        "error: trainer.accelerator=gpu, and this machine has none\n"
        "hint: trainer.accelerator=auto takes what is there\n"
    )
    assert not (project / "runs").exists()


# --- data ---


def test_texts_that_are_cut_are_counted(project, mlops):
    rows = [(f"{'long ' * 30 if n < 9 else 'short'} {n}", n % 2) for n in range(60)]
    data = [*table(project, rows), "data.test_fraction=0", "data.validation_fraction=0.1"]
    done = mlops("train", *data, "model.max_length=16")
    assert done.exit_code == 0, done.stderr
    cut = facts(latest(project))["truncated"]
    assert 6 <= cut <= 9
    assert (
        f"warning: {cut} of 54 training texts are longer than model.max_length=16 tokens "
        "and are cut\n"
    ) in done.stderr


def test_labels_may_be_numbers(project, mlops):
    rows = [(f"text {n}", n % 12) for n in range(240)]
    assert mlops("train", *table(project, rows)).exit_code == 0
    task = json.loads((latest(project) / "model" / "task.json").read_text("utf-8"))["task"]
    assert task["head"]["labels"] == [str(n) for n in range(12)]


# --- when it can't go on ---


def test_a_loss_that_is_no_number_stops_the_run(project, mlops):
    hot = ["lr=1e30", "trainer.gradient_clip=null", "trainer.warmup=0"]
    done = mlops("train", *SMALL, *hot)
    assert done.exit_code == 1
    error, hint = done.stderr.splitlines()[-2:]
    assert error == "error: the loss is nan at step 2, batch 2 of epoch 1"
    assert hint == (
        "hint: a lower lr, trainer.gradient_clip=1.0 or trainer.precision=32 may help; "
        "the last good checkpoint is kept"
    )
    run = latest(project)
    assert facts(run)["status"] == "failed"
    assert facts(run)["error"] == error.removeprefix("error: ")
    assert not (run / "model").exists()


# A model of a user's own whose loss is lost in the fifth batch of the second epoch.
LOST = """
import dataclasses

import torch

from mlops_cli.models import scratch
from mlops_cli.models.scratch import load
from mlops_cli.schemas.model import ScratchModelConfig


def build(config, splits, reporter):
    model = ScratchModelConfig(**vars(config.model), hidden_size=32, intermediate_size=64)
    built = scratch.build(dataclasses.replace(config, model=model), splits, reporter)
    step = built.module.training_step

    def lose(batch, batch_idx):
        return step(batch, batch_idx) * (torch.nan if built.module.global_step == 14 else 1.0)

    built.module.training_step = lose
    return built
"""


def test_the_last_good_checkpoint_is_kept(project, mlops, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    project({"losing/model.py": LOST, "configs/model/losing.yaml": "module: losing.model\n"})
    settings = ["data.size=400", "trainer.threads=1", "trainer.checkpoint_every=0"]
    done = mlops("train", "model=losing", *settings)
    assert done.exit_code == 1
    assert "error: the loss is nan at step 15, batch 5 of epoch 2\n" in done.stderr
    kept = torch.load(latest(project) / "checkpoints" / "last.ckpt")
    assert kept["global_step"] == 14
    assert all(tensor.isfinite().all() for tensor in kept["state_dict"].values())


def test_a_last_step_that_ruins_the_weights_leaves_no_model(project, mlops):
    hot = ["lr=1e38", "trainer.gradient_clip=null", "trainer.warmup=0", "trainer.max_steps=1"]
    done = mlops("train", *SMALL, *hot)
    assert done.exit_code == 1
    assert "error: the validation loss is nan after step 1\n" in done.stderr
    assert facts(latest(project))["status"] == "failed"
    assert not (latest(project) / "model").exists()


def test_memory_that_runs_out_names_the_batch_size_to_try(project):
    # 4 heads look from every token at every other one: 537 MB a batch of 128 rows of 512 tokens.
    rows = [(" ".join(f"w{m % 50}" for m in range(512)) + f" {n}", n % 2) for n in range(160)]
    settings = [*table(project, rows), "model.max_length=512", "batch_size=128"]
    # The libraries that check data reserve more addresses than there are.
    words = [*settings, "--no-validate"]
    code = run_apart("train", *words, folder=project.path, spare_memory=400_000_000)
    assert code == 1
    assert (project / "said").read_text("utf-8").splitlines()[-2:] == [
        "error: out of memory with batch_size=128 and texts of up to 512 tokens",
        "hint: try batch_size=64 trainer.accumulate=2 (the same effective batch), "
        "or model.max_length=256 or a smaller model",
    ]
    assert facts(latest(project))["status"] == "failed"


def test_a_model_that_does_not_fit_is_told_before_there_is_a_run(project):
    wide = ["batch_size=1", "model.hidden_size=1024", "model.intermediate_size=100000"]
    wide.append("--no-validate")
    code = run_apart("train", *SMALL, *wide, folder=project.path, spare_memory=200_000_000)
    assert code == 1
    assert (project / "said").read_text("utf-8").splitlines()[-2:] == [
        "error: out of memory with batch_size=1 and texts of up to 128 tokens",
        "hint: try model.max_length=64 or a smaller model",
    ]
    assert not (project / "runs").exists()


def test_without_the_extra_one_line_says_what_to_install(project, tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['mlops', 'train'];"
        "from mlops_cli.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr == (
        "error: mlops train needs the package torch, which the extra 'train' brings\n"
        "hint: pip install 'mlops-cli[train]'\n"
    )


def test_a_run_that_git_tells_no_commit_says_so(project, mlops, monkeypatch):
    held.git(project.path, "init", "--quiet")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    done = mlops("train", "experiment=smoke")
    assert done.exit_code == 0, done.stderr
    assert "warning: the run will not know its commit: git does not work in" in done.stderr
    assert f"git config --global --add safe.directory {project.path}" in done.stderr
