"""Adding a model is one YAML file, or YAML and one module: shown by doing it, end to end."""

import json
import sys

import pytest

pytestmark = pytest.mark.slow

# The label is a word of the text: any model that works at all learns it.
ROWS = "".join(
    f"{opening} {word} {thing},{label}\n"
    for opening in ("what a", "such a", "quite a", "truly a", "well a")
    for thing in ("film", "book", "song", "play", "tale", "meal", "game", "trip")
    for word, label in (("fine", "good"), ("great", "good"), ("poor", "bad"), ("weak", "bad"))
)
FILES = {"reviews.csv": "text,label\n" + ROWS}
DATA = ["data=file", "data.path=reviews.csv", "trainer.threads=1"]


def used_from_end_to_end(mlops, model):
    """Trains the model, then does with it whatever is done with any model."""
    trained = mlops("train", f"model={model}", *DATA, json=True)
    assert trained.exit_code == 0, trained.stderr
    assert trained.json["model"] == model
    assert trained.json["metrics"]["val/accuracy"] == 1.0
    evaluated = mlops("evaluate", "latest", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    assert evaluated.json["metrics"]["accuracy"] == 1.0
    exported = mlops("export", "--onnx", "latest", json=True)
    assert exported.exit_code == 0, exported.stderr
    assert exported.json["label_agreement"] == 1.0
    answers = mlops("predict", "what a great game", "such a weak play", json=True)
    assert answers.exit_code == 0, answers.stderr
    assert [answer["label"] for answer in answers.json["predictions"]] == ["good", "bad"]
    return trained.json["run"]


def test_a_model_is_one_yaml_file(project, mlops):
    wide = """
# Half as deep and twice as wide as the default: mlops train model=wide
name: wide
module: scratch
lr: 5e-3
epochs: 3
max_length: 32
layers: 1
hidden_size: 256
heads: 2
"""
    project({**FILES, "configs/model/wide.yaml": wide})
    run = used_from_end_to_end(mlops, "wide")
    saved = json.loads((project / f"runs/{run}/model/config.json").read_text("utf-8"))
    assert (saved["hidden_size"], saved["num_hidden_layers"]) == (256, 1)


def test_a_model_may_build_on_another_file(project, mlops):
    project({**FILES, "configs/model/slow.yaml": "defaults: [tiny]\nname: slow\nlayers: 3\n"})
    shown = mlops("config", "show", "model=slow", json=True)
    assert shown.exit_code == 0, shown.stderr
    assert shown.json["model"]["layers"] == 3


# The mean of word vectors, and one layer above it: a whole model family in one file.
BAG = '''
"""The mean of word vectors."""

from types import SimpleNamespace

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn

from mlops_cli.models import Built
from mlops_cli import tasks
from mlops_cli.models.module import TaskModule
from mlops_cli.tasks.encoders.text import TextEncoder


class Bag(nn.Module):
    def __init__(self, words, width, classes):
        super().__init__()
        self.vectors = nn.Embedding(words, width)
        self.answer = nn.Linear(width, classes)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[..., None].float()
        mean = (self.vectors(input_ids) * mask).sum(1) / mask.sum(1)
        return SimpleNamespace(logits=self.answer(mean))

    def save_pretrained(self, folder):
        save_file(self.state_dict(), folder / "model.safetensors")


def build(config, splits, reporter):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(splits.train.inputs["text"], trainer)
    encoder = TextEncoder(tokenizer, config.model.max_length, pad_id=0)
    task = tasks.fit(config.task, splits.train, encoder)
    network = Bag(tokenizer.get_vocab_size(), config.model.params["width"], len(task.labels))
    return Built(TaskModule(network, task, config), task)


def load(folder):
    weights = load_file(folder / "model.safetensors")
    words, width = weights["vectors.weight"].shape
    network = Bag(words, width, len(weights["answer.bias"]))
    network.load_state_dict(weights)
    return network
'''


@pytest.fixture
def bag(project, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    choice = """
# The mean of word vectors: mlops train model=bag
name: bag
module: reading.bag
lr: 5e-2
epochs: 5
max_length: 32
params: {width: 16}
"""
    project({**FILES, "reading/bag.py": BAG, "configs/model/bag.yaml": choice})
    return project


def test_a_model_family_is_one_yaml_file_and_one_module(bag, mlops):
    run = used_from_end_to_end(mlops, "bag")
    spec = json.loads((bag / f"runs/{run}/model/task.json").read_text("utf-8"))
    assert spec["family"] == "reading.bag"
    wider = mlops("train", "model=bag", "model.params.width=8", *DATA, json=True)
    assert wider.exit_code == 0, wider.stderr


def test_the_module_is_found_from_a_folder_below(bag, mlops, monkeypatch):
    (bag / "notebooks").mkdir()
    monkeypatch.chdir(bag / "notebooks")
    data = ["data=file", "data.path=../reviews.csv", "trainer.threads=1"]
    done = mlops("train", "model=bag", *data, "epochs=1", json=True)
    assert done.exit_code == 0, done.stderr


def test_weights_may_be_shared(bag, mlops):
    tied = BAG.replace(
        "        self.answer =", "        self.again = self.vectors\n        self.answer ="
    ).replace("save_file(self.state_dict(), ", "save_model(self, ")
    tied = tied.replace("save_file", "save_model")
    choice = "module: reading.tied\nparams: {width: 8}\n"
    bag({"reading/tied.py": tied, "configs/model/tied.yaml": choice})
    done = mlops("train", "model=tied", *DATA, json=True)
    assert done.exit_code == 0, done.stderr


def test_a_module_without_the_contract_is_told(bag, mlops):
    bag({"reading/empty.py": "", "configs/model/empty.yaml": "module: reading.empty\n"})
    refused = mlops("train", "model=empty", *DATA)
    assert refused.exit_code == 3
    assert refused.stderr.splitlines()[-2:] == [
        "error: reading.empty is no model module: it has no build(config, splits, reporter)",
        f"hint: modules of your own are looked for in {bag.path}",
    ]
