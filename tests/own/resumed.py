"""What a resumed run is compared by with one that was never stopped."""

import json

import torch

# 320 training rows: 10 batches in each of 3 epochs.
SMALL = [
    "data.size=400",
    "epochs=3",
    "lr=5e-3",
    "batch_size=32",
    "model.hidden_size=32",
    "model.intermediate_size=64",
    "trainer.threads=1",
]
EVERY_STEP = ["trainer.checkpoint_every=0"]


def only_run(folder):
    (found,) = (path for path in (folder / "runs").iterdir())
    return found


def facts(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def metrics(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [
        {key: value for key, value in line.items() if key not in ("time", "samples_per_second")}
        for line in lines
    ]


def checkpoint(run):
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def assert_same_tensors(one, other, place="checkpoint"):
    assert type(one) is type(other), place
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_same_tensors(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same_tensors(left, right, f"{place}[{number}]")
    else:
        assert one == other, place


def assert_same_outcome(run, other):
    for file in ("model/model.safetensors", "model/tokenizer.json", "checkpoints/best.safetensors"):
        assert (run / file).read_bytes() == (other / file).read_bytes(), file
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "global_step", "epoch"):
        assert_same_tensors(checkpoint(run)[part], checkpoint(other)[part], part)
    assert metrics(run) == metrics(other)
    for part in ("status", "metrics", "epochs"):
        assert facts(run)[part] == facts(other)[part]


def assert_tidy(run):
    """Nothing half-written is left, neither in the run nor beside it."""
    assert list(run.parent.rglob(".*")) == []
    expected = {
        "config.yaml",
        "overrides.yaml",
        "run.json",
        "packages.txt",
        "metrics.jsonl",
        "system.jsonl",
        "checkpoints",
        "model",
    }
    assert {path.name for path in run.iterdir()} == expected
    assert {path.name for path in (run / "checkpoints").iterdir()} == {
        "last.ckpt",
        "best.safetensors",
    }
