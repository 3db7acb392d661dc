"""A model family of a user's own, whose answers can be read off its weights.

Every known word votes for the classes; the logits of a text are the sum of its words' votes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from mlops_cli import config as configs
from mlops_cli import data
from mlops_cli.data.examples import Splits
from mlops_cli.models import Built, save
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.config import Config
from mlops_cli.tasks import Task
from mlops_cli.tasks.encoders.text import TextEncoder
from mlops_cli.tasks.heads.classes import Classes
from mlops_cli.tracking import record
from mlops_cli.tracking.record import Run


class Keywords(torch.nn.Module):
    def __init__(self, votes: torch.Tensor) -> None:
        super().__init__()
        self.votes = torch.nn.Parameter(votes)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        logits = (self.votes[input_ids] * attention_mask[..., None]).sum(dim=1)
        return SimpleNamespace(logits=logits)

    def save_pretrained(self, folder: Path) -> None:
        torch.save(self.votes.data, folder / "votes.pt")


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    raise NotImplementedError("its votes are given, not trained")


def load(folder: Path) -> Keywords:
    return Keywords(torch.load(folder / "votes.pt"))


def keyword_run(
    root: Path,
    words: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    overrides: Sequence[str],
    *,
    max_length: int = 8,
    **facts: object,
) -> Run:
    """A finished run of such a model, on the data that `overrides` choose."""
    config = configs.load(overrides, root=root)
    splits = data.load(config.data, config.seed, SilentReporter())
    fingerprints = {name: split.fingerprint() for name, split in splits.named().items()}
    run = record.create(
        root,
        "keywords",
        {"monitor": "mcc", "data": {"fingerprints": fingerprints}},
        configs.to_yaml(config),
        overrides,
    )
    run.model.mkdir()
    save(run.model, Keywords(_votes(words, labels)), _task(words, labels, max_length), __name__)
    run.update(**{"status": "finished", "metrics": {}, **facts})
    return run


def _votes(words: Mapping[str, Sequence[float]], labels: Sequence[str]) -> torch.Tensor:
    nothing = [[0.0] * len(labels)] * 2
    return torch.tensor(nothing + [list(votes) for votes in words.values()])


def _task(words: Mapping[str, Sequence[float]], labels: Sequence[str], max_length: int) -> Task:
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder = TextEncoder(tokenizer, max_length, pad_id=0)
    return Task("text_classification", encoder, Classes(tuple(labels)))
