"""Bundles of models whose answers can be read off their words, made by the real export."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from own.keywords import keyword_run
from transformers import BertConfig, BertForSequenceClassification

from mlops_cli import config as configs
from mlops_cli import export, models
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.results import ExportResult
from mlops_cli.serving.bundle import Bundle, load
from mlops_cli.tracking.record import Run

TRAIN = "text,label\ngood film,pos\nbad film,neg\na good one,pos\na bad one,neg\ngood,pos\n"
VALIDATION = "text,label\ngood good story,pos\nbad story,neg\ngood plot,neg\na plot,pos\n"
FILES = {"train.csv": TRAIN, "validation.csv": VALIDATION}
DATA = [
    "data=file",
    "data.path=train.csv",
    "data.validation_path=validation.csv",
    "data.test_fraction=0",
]
WORDS = {"good": [0.0, 2.0], "bad": [2.0, 0.0], "plot": [0.5, 0.0]}
LABELS = ["neg", "pos"]


def export_run(
    root: Path, run: Run, *overrides: str, reporter: Reporter | None = None
) -> ExportResult:
    """What `mlops export` does."""
    config = configs.load_for_run(run.config_path.read_text("utf-8"), overrides, root=root)
    return export.run(run, config, reporter or SilentReporter())


def keyword_bundle(
    root: Path,
    words: Mapping[str, Sequence[float]] = WORDS,
    labels: Sequence[str] = LABELS,
    data: Sequence[str] = DATA,
) -> Bundle:
    """A bundle of a keyword model in the project `root`, which holds the files of `data`."""
    return load(export_run(root, keyword_run(root, words, labels, data)).path)


def copied(bundle: Bundle, folder: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(bundle.path, folder))


def with_transformer(run: Run) -> Run:
    """The run with a small transformer, untrained, in the place of its model."""
    _, task = models.load(run.model)
    torch.manual_seed(0)
    network = BertForSequenceClassification(
        BertConfig(
            vocab_size=task.encoder.tokenizer.get_vocab_size(),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=32,
            max_position_embeddings=task.encoder.max_length,
            id2label=dict(enumerate(task.labels)),
            pad_token_id=task.encoder.pad_id,
            initializer_range=0.5,
        )
    )
    shutil.rmtree(run.model)
    run.model.mkdir()
    models.save(run.model, network.eval(), task, "scratch")
    return run
