"""`data=stream` of words with tags, and of texts with several labels."""

import json
import random

import numpy as np
import pytest

from mlops_cli import data
from mlops_cli.errors import DataError
from mlops_cli.models.objectives import class_weights
from mlops_cli.models.scratch import train_tokenizer
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import FileDataConfig, StreamDataConfig
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.tasks import IGNORED, Task
from mlops_cli.tasks.encoders import for_tokens
from mlops_cli.tasks.heads import tags

SMALL = ["data=stream", "trainer.threads=1", "model.hidden_size=32", "model.max_length=16"]
SMALL += ["model.vocab_size=200", "epochs=6", "lr=5e-3", "batch_size=16", "tracker.energy=false"]


def sentences(count):
    draw = random.Random(0)
    lines = []
    for n in range(count):
        words = [draw.choice(["Anna", "Bert", "runs", "eats", "home"]) for _ in range(2 + n % 9)]
        named = ["B-PER" if word in ("Anna", "Bert") else "O" for word in words]
        lines.append(json.dumps({"text": words, "label": named}))
    return "\n".join(lines) + "\n"


def read(kind):
    name = {"name": "stream", "split": "hash"} if kind is StreamDataConfig else {"name": "file"}
    config = kind(**name, path="tags.jsonl", inputs="words", targets="tags")
    return data.read(config, SilentReporter()).train


@pytest.fixture
def tagged(project):
    project({"tags.jsonl": sentences(300)})
    return project


def test_a_batch_has_the_rows_and_tags_that_it_has_in_memory(tagged):
    streamed, held = read(StreamDataConfig), read(FileDataConfig)
    assert streamed.fingerprint() == held.fingerprint()
    tokenizer = train_tokenizer(["Anna Bert runs eats home"] * 5, 100)
    head = tags.Tags(tags.tag_names(streamed.targets))
    encoder = for_tokens("words", tokenizer, 8, 0)
    rows, expected = streamed.encoded(encoder), held.encoded(encoder)
    found, wanted = streamed.expected(head, rows), held.expected(head, expected)
    for batch in (np.array([299, 0, 7]), np.arange(40, 90)):
        assert [rows[row] for row in batch] == [expected[row] for row in batch]
        width = found[batch].shape[1]
        np.testing.assert_array_equal(found[batch], wanted[batch][:, :width])
        assert (wanted[batch][:, width:] == IGNORED).all()
    task, settings = Task("token_classification", encoder, head), TrainerConfig()
    settings.class_weights = "balanced"
    first, second = (class_weights(settings, task, part) for part in (streamed, held))
    assert first.tolist() == second.tolist()


def test_a_row_with_a_tag_too_few_is_told_by_its_line(tagged):
    tagged({"tags.jsonl": sentences(30) + '{"text": ["Anna", "runs"], "label": ["O"]}\n'})
    with pytest.raises(DataError, match=r"tags\.jsonl, line 31: 2 words and 1 tags"):
        read(StreamDataConfig)
    assert not list((tagged / "runs" / ".streams").rglob("*.arrow"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [StreamDataConfig, FileDataConfig])
def test_a_tag_that_training_lacks_is_told_by_its_line(tagged, kind):
    tagged({"later.jsonl": sentences(3) + '{"text": ["Rome"], "label": ["B-LOC"]}\n'})
    name = {"name": "stream", "split": "hash"} if kind is StreamDataConfig else {"name": "file"}
    config = kind(
        **name, path="tags.jsonl", validation_path="later.jsonl", inputs="words", targets="tags"
    )
    with pytest.raises(DataError) as caught:
        data.read(config, SilentReporter())
    assert caught.value.message == (
        "later.jsonl, line 4: tag 'B-LOC' does not occur in the training rows"
    )
    assert caught.value.hint == "training tags: B-PER, O"


def test_from_words_on_the_disk_to_a_verified_bundle(tagged, mlops):
    words = [*SMALL, "task=token_classification", "data.path=tags.jsonl"]
    done = mlops("train", *words, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["metrics"]["val/entity_f1"] > 0.9
    assert mlops("evaluate", "--split", "test", json=True).json["metrics"]["entity_f1"] > 0.9
    exported = mlops("export", "--onnx", json=True)
    assert exported.exit_code == 0, exported.stderr


@pytest.mark.slow
def test_several_labels_are_learnt_from_the_disk(project, mlops):
    draw, lines = random.Random(0), ["text,label"]
    for n in range(400):
        fine, red = draw.random() < 0.5, draw.random() < 0.5
        labels = "|".join(name for name, there in (("good", fine), ("warm", red)) if there)
        lines.append(f"{n} {'fine' if fine else 'poor'} {'red' if red else 'blue'},{labels}")
    project({"reviews.csv": "\n".join(lines) + "\n"})
    words = [*SMALL, "task=multi_label_classification", "data.path=reviews.csv"]
    done = mlops("train", *words, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["metrics"]["val/f1_micro"] > 0.9
    told = mlops("evaluate", json=True).json
    # A bag of words would read all texts.
    assert list(told["baselines"]) == ["frequent_labels"]
