"""A small BERT-style encoder trained from scratch, with a tokenizer of its own."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification

from mlops_cli import models, tasks
from mlops_cli.data.examples import Splits
from mlops_cli.models import Built
from mlops_cli.models.attention import use_fast_attention
from mlops_cli.models.dropout import replace_dropout
from mlops_cli.models.module import TaskModule
from mlops_cli.models.objectives import class_weights
from mlops_cli.models.prior import begin_at_shares
from mlops_cli.models.quiet import reading
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import ScratchModelConfig
from mlops_cli.tasks.encoders import for_tokens
from mlops_cli.tasks.encoders.words import split_words

_KINDS: dict[str, Any] = {
    "classes": BertForSequenceClassification,
    "tags": BertForTokenClassification,
    "labels": BertForSequenceClassification,
    "numbers": BertForSequenceClassification,
}
"""The library's networks by what the task predicts."""
_FITTED_TO = 100_000
"""Texts that the tokenizer of rows on the disk is fitted to."""
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def train_tokenizer(texts: Iterable[str], vocab_size: int, *, cased: bool = False) -> Tokenizer:
    """A byte-pair tokenizer (Sennrich et al., 2016) fitted to `texts`; lower-casing unless `cased`.

    Words are marked where they begin and not where they go on: with a mark on continuations the
    trainer's vocabulary depends on the order of a hash map and differs from call to call.
    """
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    # NFKC and not NFD: decomposing would take Hangul syllables apart.
    lower = [] if cased else [normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), *lower])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=_SPECIAL,
        # Rare characters of large alphabets (Hangul, Han) leave room for words.
        limit_alphabet=vocab_size // 2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # The trainer numbers the special tokens first, in their order.
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", _SPECIAL.index("[SEP]")), ("[CLS]", _SPECIAL.index("[CLS]"))
    )
    return tokenizer


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    """Fits the tokenizer to the training split and makes an untrained network."""
    model = config.model
    assert isinstance(model, ScratchModelConfig)
    train = splits.train.thinned(_FITTED_TO) if splits.train.streamed else splits.train
    texts: Iterable[str] = chain.from_iterable(train.inputs.values())
    words = config.task.inputs == "words"
    if words:  # As the encoder reads them: each begins with the mark of a word.
        texts = (" ".join(split_words(cell)) for cell in texts)
    # Names are told by their capitals.
    tokenizer = train_tokenizer(texts, model.vocab_size, cased=words)
    padding = _SPECIAL.index("[PAD]")
    encoder = for_tokens(
        config.task.inputs, tokenizer, model.max_length, padding, knows_segments=True
    )
    task = tasks.fit(config.task, splits.train, encoder)
    network = _KINDS[task.head.kind](
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=model.hidden_size,
            num_hidden_layers=model.layers,
            num_attention_heads=model.heads,
            intermediate_size=model.intermediate_size,
            max_position_embeddings=model.max_length,
            hidden_dropout_prob=model.dropout,
            attention_probs_dropout_prob=model.dropout,
            initializer_range=model.initializer_range,
            pad_token_id=encoder.pad_id,
            id2label=dict(enumerate(task.labels)),
            label2id={label: i for i, label in enumerate(task.labels)},
        )
    )
    replace_dropout(network)
    use_fast_attention(network)
    weights = class_weights(config.trainer, task, splits.train)
    if weights is None:
        begin_at_shares(network, task, splits.train)
    return Built(TaskModule(network, task, config, weights), task)


def load(folder: Path) -> torch.nn.Module:
    """The trained network."""
    kind = models.saved_kind(folder)
    with reading(folder):
        network: torch.nn.Module = _KINDS[kind].from_pretrained(folder, attn_implementation="eager")
    return network
