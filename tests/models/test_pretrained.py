"""`model=pretrained` on a real checkpoint: how it is found, fitted, trained and saved."""

import json
import shutil
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from own import hub_stub
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from mlops_cli import models
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.errors import ConfigError
from mlops_cli.models import pretrained
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import PretrainedModelConfig

pytestmark = pytest.mark.slow

ROWS = "".join(
    f"{text} {n},{label}\n"
    for n in range(20)
    for text, label in [("what a fine film", "good"), ("what a poor film", "bad")]
)
FILES = {"reviews.csv": "text,label\n" + ROWS}
# 32 training rows: two steps of 16.
TRAIN = [
    "train",
    "model=pretrained",
    "data=file",
    "data.path=reviews.csv",
    "epochs=1",
    "batch_size=16",
    "trainer.threads=1",
]


def latest(project):
    return max((project / "runs").iterdir())


@pytest.fixture
def reviews(project):
    project(FILES)
    return project


def copied(checkpoint, folder):
    """A copy of a checkpoint that a test may damage; the weights are linked, not copied."""
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(checkpoint / name, folder)
    (folder / "model.safetensors").symlink_to(checkpoint / "model.safetensors")
    return folder


def refusal(outcome):
    """Error and hint of a command that failed in two lines, after what it said before."""
    assert "Traceback" not in outcome.stderr
    error, hint = outcome.stderr.splitlines()[-2:]
    return error.removeprefix("error: "), hint.removeprefix("hint: ")


# --- training ---


def test_a_checkpoint_is_fine_tuned_and_saved_whole(reviews, mlops, minilm):
    done = mlops(*TRAIN, f"model.path={minilm}", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["epochs"] == 1
    folder = latest(reviews) / "model"
    name = "bert.embeddings.word_embeddings.weight"
    trained = load_file(folder / "model.safetensors")[name]
    original = load_file(minilm / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert trained.shape == original.shape == (30522, 384)
    changed = (trained != original).any(dim=1).nonzero().flatten().tolist()
    assert json.loads((folder / "task.json").read_text("utf-8"))["family"] == "pretrained"
    network, task = models.load(folder)
    used = {task.encoder.pad_id} | {
        token for row in task.encoder.encode({"text": ROWS.splitlines()}) for token in row
    }
    assert 0 < len(changed) <= len(used)
    assert set(changed) <= used
    # And it loads without us.
    again = AutoModelForSequenceClassification.from_pretrained(folder)
    assert again.config.id2label == {0: "bad", 1: "good"}
    assert not network.training


def test_compact_or_full_gives_the_same_model(reviews, mlops, minilm):
    weights = []
    for compact in ("true", "false"):
        settings = [f"trainer.compact_embedding={compact}", "trainer.weight_decay=0"]
        done = mlops(*TRAIN, f"model.path={minilm}", "trainer.precision=32", *settings, json=True)
        assert done.exit_code == 0, done.stderr
        weights.append(load_file(Path(done.json["path"]) / "model" / "model.safetensors"))
    compact, full = weights
    assert compact.keys() == full.keys()
    for name, tensor in full.items():
        torch.testing.assert_close(compact[name], tensor, rtol=1e-3, atol=1e-5, msg=name)


def build(path, rows=("a fine film", "a poor film"), **settings):
    examples = Examples({"text": list(rows)}, ["good", "bad"])
    model = PretrainedModelConfig(name="pretrained", path=str(path), **settings)
    config = Config(model=model)
    return pretrained.build(config, Splits(examples, examples), SilentReporter())


def test_all_of_it_trains(minilm):
    built = build(minilm, dropout=0.3)
    assert all(part.training for part in built.module.modules())
    rates = {part.p for part in built.module.modules() if hasattr(part, "p")}
    assert rates == {0.3}
    assert all(parameter.requires_grad for parameter in built.module.parameters())


def test_an_old_checkpoint_with_pickled_weights_is_read(minilm, tmp_path):
    folder = copied(minilm, tmp_path / "old")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    built = build(folder)
    found = built.module.network.bert.pooler.dense.weight
    assert torch.equal(found, weights["pooler.dense.weight"])


def test_a_checkpoint_with_nothing_but_a_word_list_is_tokenised_the_same(minilm, tmp_path):
    folder = copied(minilm, tmp_path / "words")
    (folder / "tokenizer.json").unlink()
    texts = {"text": ["Unbelievable, the cat's pyjamas!", "naïve 1234 日本"]}
    assert build(folder).task.encoder.encode(texts) == build(minilm).task.encoder.encode(texts)


def small(kind, config, folder, minilm):
    """A tiny random checkpoint of another architecture with MiniLM's tokenizer."""
    kind(config).save_pretrained(folder)
    shutil.copy(minilm / "tokenizer.json", folder)
    return folder


def test_positions_that_roberta_keeps_for_padding_are_not_offered(minilm, tmp_path):
    config = RobertaConfig(
        vocab_size=30522,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=18,
        pad_token_id=1,
    )
    folder = small(RobertaForSequenceClassification, config, tmp_path / "roberta", minilm)
    text = "word " * 40
    built = build(folder, rows=(text, text), max_length=16)
    batch = built.task.encoder.collate(built.task.encoder.encode({"text": [text]}))
    network = built.module.network
    assert network(**{k: torch.from_numpy(v) for k, v in batch.items()}).logits.shape == (1, 2)
    with pytest.raises(ConfigError) as caught:
        build(folder, max_length=17)
    assert caught.value.hint == "model.max_length=16 or less"


def test_a_checkpoint_that_names_no_padding_takes_its_end_token(minilm, tmp_path):
    config = GPT2Config(
        vocab_size=30522, n_embd=8, n_layer=1, n_head=1, n_positions=256, eos_token_id=102
    )
    folder = small(GPT2ForSequenceClassification, config, tmp_path / "gpt2", minilm)
    built = build(folder)
    assert built.task.encoder.pad_id == 102
    batch = built.task.encoder.collate(
        built.task.encoder.encode({"text": ["one", "two words and more"]})
    )
    inputs = {name: torch.from_numpy(array) for name, array in batch.items()}
    assert built.module.network(**inputs).logits.shape == (2, 2)


# --- when there is nothing to train ---


def test_a_folder_without_a_checkpoint(reviews, mlops):
    assert refusal(done := mlops(*TRAIN, "model.path=nowhere")) == (
        "no checkpoint in model.path=nowhere",
        "the folder needs config.json, model.safetensors and tokenizer.json",
    )
    assert done.exit_code == 5
    assert not (reviews / "runs").exists()


def test_no_checkpoint_at_all(reviews, mlops):
    done = mlops(*TRAIN)
    assert done.exit_code == 3
    assert refusal(done) == (
        "model=pretrained needs model.checkpoint or model.path",
        "model.checkpoint=google-bert/bert-base-uncased from the hub, or model.path=DIR",
    )


@pytest.mark.parametrize("name", ["a/b/c", "what is this?"])
def test_a_name_that_no_hub_can_have(reviews, mlops, name):
    done = mlops(*TRAIN, f"model.checkpoint='{name}'")
    assert done.exit_code == 3
    assert refusal(done) == (
        f"{name!r} is not a hub id",
        "ORG/NAME, or model.path=DIR for a folder",
    )


@pytest.mark.parametrize("offline", [True, False])
def test_a_hub_out_of_reach_names_both_ways_out_and_is_not_waited_for(
    reviews, mlops, monkeypatch, offline
):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    start = time.monotonic()
    done = mlops("train", "model=bert", *TRAIN[2:])
    assert time.monotonic() - start < 8
    assert done.exit_code == 5
    assert refusal(done) == (
        "can't reach the hub for google-bert/bert-base-uncased, and it is not in the local cache",
        "give a local copy with model=pretrained model.path=DIR, "
        "or train without a checkpoint: model=tiny",
    )
    assert ("can't be reached: looking in the cache" in done.stderr) is not offline
    assert not (reviews / "runs").exists()


def test_a_hub_that_breaks_off_in_the_middle_of_a_file(reviews, mlops, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(reviews.path / "cache"))
    files = {"config.json": b"{}", "model.safetensors": bytes(2000)}
    with hub_stub.asked(monkeypatch) as hub:
        hub.repositories["acme/reader"] = hub_stub.Repository(False, [("1" * 40, "made", files)])
        hub.cut = "model.safetensors"
        done = mlops(*TRAIN, "model.checkpoint=acme/reader")
    assert done.exit_code == 5
    what, _ = refusal(done)
    assert what == "can't reach the hub for acme/reader, and it is not in the local cache"


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_a_checkpoint_in_the_cache_needs_no_hub(reviews, mlops, minilm, monkeypatch, weights):
    cache = reviews.path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    repository = cache / "models--acme--reader"
    folder = copied(minilm, repository / "snapshots" / "abc123")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc123")
    if weights.endswith(".bin"):
        torch.save(load_file(folder / "model.safetensors"), folder / weights)
        (folder / "model.safetensors").unlink()
    done = mlops(*TRAIN, "model.checkpoint=acme/reader", "trainer.max_steps=1")
    assert done.exit_code == 0, done.stderr


# --- checkpoints that are damaged or do not fit ---


def cut(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 3])


def garbage(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(b"not weights")


def pickled_garbage(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"not weights")


def weightless(folder):
    (folder / "model.safetensors").unlink()


def of_another_kind(folder):
    (folder / "model.safetensors").unlink()
    save_file({"some.other.weight": torch.ones(2, 2)}, folder / "model.safetensors")


def unknown_kind(folder):
    (folder / "config.json").write_text('{"model_type": "abacus"}')


def broken_config(folder):
    (folder / "config.json").write_text('{"model_type": ')


def broken_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")


def strange_tokenizer(folder):
    (folder / "tokenizer.json").write_text('{"hello": 1}')


def no_words(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "can't load the checkpoint in checkpoint: "),
        (garbage, "can't load the checkpoint in checkpoint: "),
        (pickled_garbage, "can't load the checkpoint in checkpoint: "),
        (weightless, "can't load the checkpoint in checkpoint: "),
        (
            of_another_kind,
            "the weights in checkpoint are not those of a BertForSequenceClassification",
        ),
        (unknown_kind, "can't load the checkpoint in checkpoint: "),
        (broken_config, "can't load the checkpoint in checkpoint: "),
        (broken_tokenizer, "checkpoint/tokenizer.json is not a tokenizer: EOF"),
        (strange_tokenizer, "checkpoint/tokenizer.json is not a tokenizer"),
        (no_words, "the tokenizer in checkpoint has 5 tokens, the network embeds 30522"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(reviews, mlops, minilm, damage, message):
    damage(copied(minilm, reviews.path / "checkpoint"))
    done = mlops(*TRAIN, "model.path=checkpoint")
    assert done.exit_code == 5, done.stderr
    error, hint = refusal(done)
    assert error.startswith(message)
    assert len(error) < 300
    assert hint
    assert not (reviews / "runs").exists()


def test_texts_longer_than_the_network_takes(reviews, mlops, minilm):
    done = mlops(*TRAIN, f"model.path={minilm}", "model.max_length=1024")
    assert done.exit_code == 3
    assert refusal(done) == (
        "model.max_length=1024 is more than model takes",
        "model.max_length=512 or less",
    )
