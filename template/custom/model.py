"""A model of your own, named by configs/model/custom.yaml: a LightningModule like any other."""

from types import SimpleNamespace

import numpy as np
import pytorch_lightning as pl
import torch
from mlops_cli import tasks
from mlops_cli.models import Built
from mlops_cli.tasks.encoders.text import TextEncoder
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn


class Network(nn.Module):
    """What is saved, evaluated and exported: its inputs are the encoder's, its answer `.logits`."""

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


class Learner(pl.LightningModule):
    """How it learns. Figures are logged as val/NAME; `trainer.monitor` names the one that counts."""

    def __init__(self, network, task, lr):
        super().__init__()
        self.network, self.task, self.lr = network, task, lr
        self.seen = []

    def training_step(self, batch, batch_idx):
        labels = batch.pop("labels")
        return nn.functional.cross_entropy(self.network(**batch).logits, labels)

    def validation_step(self, batch, batch_idx):
        labels = batch.pop("labels")
        self.seen.append((self.network(**batch).logits.float().cpu().numpy(), labels.cpu().numpy()))

    def on_validation_epoch_end(self):
        logits, labels = (np.concatenate(side) for side in zip(*self.seen, strict=True))
        self.seen.clear()
        figures = self.task.head.metrics(logits, labels)
        self.log_dict({f"val/{name}": value for name, value in figures.items()})

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


def build(config, splits, reporter):
    """The module to train, and its task fitted to the training rows."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    words = trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(splits.train.inputs["text"], words)
    encoder = TextEncoder(tokenizer, config.model.max_length, pad_id=0)
    task = tasks.fit(config.task, splits.train, encoder)
    width = config.model.params["width"]
    network = Network(tokenizer.get_vocab_size(), width, len(task.labels))
    return Built(Learner(network, task, config.lr), task)


def load(folder):
    """The network that `save_pretrained` wrote."""
    weights = load_file(folder / "model.safetensors")
    words, width = weights["vectors.weight"].shape
    network = Network(words, width, len(weights["answer.bias"]))
    network.load_state_dict(weights)
    return network
