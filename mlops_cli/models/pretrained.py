"""A pretrained checkpoint with a fresh classification head, fine-tuned."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)

from mlops_cli import models, tasks
from mlops_cli.data.examples import Splits
from mlops_cli.errors import ConfigError, DataError, MissingDependencyError
from mlops_cli.models import Built
from mlops_cli.models.adapters import adapt, is_partial
from mlops_cli.models.attention import use_fast_attention
from mlops_cli.models.checkpoints import Checkpoint, local_folder
from mlops_cli.models.compact import CompactEmbedding
from mlops_cli.models.dropout import replace_dropout
from mlops_cli.models.module import TaskModule
from mlops_cli.models.objectives import class_weights
from mlops_cli.models.prior import begin_at_shares
from mlops_cli.models.quiet import quiet_transformers, reading
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import PretrainedModelConfig
from mlops_cli.tasks.encoders import for_tokens
from mlops_cli.tasks.encoders.text import TextEncoder, read_tokenizer

_KINDS: dict[str, Any] = {
    "classes": AutoModelForSequenceClassification,
    "tags": AutoModelForTokenClassification,
    "labels": AutoModelForSequenceClassification,
    "numbers": AutoModelForSequenceClassification,
}
"""The library's networks by what the task predicts."""
_WHOLE = "download the checkpoint again, whole"


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    """Fetches the checkpoint, fits the head to the labels and compacts the embedding."""
    model = config.model
    assert isinstance(model, PretrainedModelConfig)
    folder = local_folder(model, reporter)
    tokenizer = _tokenizer(model, folder)
    settings = _settings(model, folder)
    encoder = for_tokens(
        config.task.inputs,
        tokenizer,
        model.max_length,
        _padding(settings),
        # Checkpoints that were made without segments still have one.
        knows_segments=getattr(settings, "type_vocab_size", 0) > 1,
    )
    task = tasks.fit(config.task, splits.train, encoder)
    network = fitted(model, folder, task, _KINDS[task.head.kind])
    network.config.pad_token_id = encoder.pad_id
    _check_vocabulary(tokenizer, network, folder)
    limit = _longest(network) or model.max_length
    if model.max_length > limit:
        raise ConfigError(
            f"model.max_length={model.max_length} is more than {folder.name} takes",
            hint=f"model.max_length={limit} or less",
        )
    replace_dropout(network)
    use_fast_attention(network)
    # It was loaded for evaluation, and Lightning leaves the mode as it is: no attention dropout.
    network.train()
    # What is not trained needs no compacting; and rows on the disk are not all read beforehand.
    if config.trainer.compact_embedding and not (is_partial(model) or splits.train.streamed):
        _compact(network, encoder, splits)
    weights = class_weights(config.trainer, task, splits.train)
    if weights is None:
        begin_at_shares(network, task, splits.train)
    module = TaskModule(adapt(network, model), task, config, weights)
    return Built(module, task, Checkpoint(model, folder))


def load(folder: Path) -> torch.nn.Module:
    """The fine-tuned network."""
    kind = models.saved_kind(folder)
    with reading(folder):
        network: torch.nn.Module = _KINDS[kind].from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32
        )
    return network


def fitted(
    model: PretrainedModelConfig, folder: Path, task: tasks.Task, kind: Any
) -> PreTrainedModel:
    """The checkpoint's body with a new head for the task.

    Args:
        model: Says how it is loaded.
        folder: Holds it.
        task: Names the outputs.
        kind: The library's class of such networks.

    Raises:
        DataError: There is no such network in the folder, or it is damaged.
    """
    dropouts = {} if model.dropout is None else _dropout_settings(folder, model.dropout)
    network: PreTrainedModel
    found: dict[str, Any]
    with loading(folder):
        network, found = kind.from_pretrained(
            folder,
            output_loading_info=True,
            num_labels=len(task.labels),
            id2label=dict(enumerate(task.labels)),
            label2id={label: position for position, label in enumerate(task.labels)},
            attn_implementation="eager",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            trust_remote_code=model.trust_remote_code,
            **dropouts,
        )
    if len(found["missing_keys"]) > len(network.state_dict()) // 2:
        raise DataError(
            f"the weights in {folder} are not those of a {type(network).__name__}",
            hint="config.json and the weights must come from the same checkpoint",
        )
    return network


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """What is wrong with a checkpoint, in our own words."""
    try:
        with quiet_transformers():
            yield
    except UnpicklingError as error:
        raise DataError(
            f"can't load the checkpoint in {folder}: its pytorch_model.bin holds more than tensors",
            hint="or it is damaged; model.safetensors beside it would be read instead",
        ) from error
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"can't load the checkpoint in {folder}: {reason}",
            hint="it needs a supported architecture and whole weights",
        ) from error


def _longest(network: PreTrainedModel) -> int | None:
    """The most tokens that the network has positions for; None where there is no limit."""
    limit: int = getattr(network.config, "max_position_embeddings", None) or 0
    for name, part in network.named_modules():
        # RoBERTa and its kin count positions from the one after the padding's.
        if limit > 0 and name.endswith("position_embeddings"):
            padding = getattr(part, "padding_idx", None)
            return limit if padding is None else limit - padding - 1
    return limit if limit > 0 else None  # XLNet says -1.


def _dropout_settings(folder: Path, probability: float) -> dict[str, float]:
    """The dropout settings that this architecture's config has, all set to `probability`."""
    return {
        key: probability
        for key, value in read_json(folder / "config.json").items()
        if "drop" in key and isinstance(value, int | float)
    }


def read_json(file: Path) -> dict[str, Any]:
    """The settings in a file of a checkpoint. Raises DataError when it is damaged."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is not valid JSON", hint=_WHOLE) from error
    return content if isinstance(content, dict) else {}


def _tokenizer(model: PretrainedModelConfig, folder: Path) -> Tokenizer:
    """The checkpoint's tokenizer, in the form that serving reads."""
    file = folder / "tokenizer.json"
    if file.is_file():
        return read_tokenizer(file, hint=_WHOLE)
    try:
        converted = AutoTokenizer.from_pretrained(folder, trust_remote_code=model.trust_remote_code)
    except ImportError as error:
        raise MissingDependencyError(
            f"the tokenizer in {folder} can't be converted: {str(error).splitlines()[0]}",
            hint="save it with a tokenizer.json beside the checkpoint",
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"no usable tokenizer in {folder}", hint="tokenizer.json belongs beside the weights"
        ) from error
    return Tokenizer.from_str(converted.backend_tokenizer.to_str())


def _check_vocabulary(tokenizer: Tokenizer, network: PreTrainedModel, folder: Path) -> None:
    """Refuses tokens without embedding, and the empty vocabulary of a conversion from nothing."""
    embedding: Any = network.get_input_embeddings()
    tokens, rows = tokenizer.get_vocab_size(), embedding.num_embeddings
    if not rows // 2 <= tokens <= rows:
        raise DataError(
            f"the tokenizer in {folder} has {tokens} tokens, the network embeds {rows}",
            hint="is the tokenizer.json (or vocab.txt) that belongs to the weights there?",
        )


def _settings(model: PretrainedModelConfig, folder: Path) -> PreTrainedConfig:
    """What the checkpoint says of itself."""
    with loading(folder):
        settings: PreTrainedConfig = AutoConfig.from_pretrained(
            folder, trust_remote_code=model.trust_remote_code
        )
    return settings


def _padding(settings: PreTrainedConfig) -> int:
    """The token id that fills a batch up; checkpoints made to generate text often name none."""
    padding, end = settings.pad_token_id, settings.eos_token_id
    if padding is not None:
        return int(padding)
    return end if isinstance(end, int) else 0


def _compact(network: PreTrainedModel, encoder: TextEncoder, splits: Splits) -> None:
    """Trains only the embedding rows that training and validation use."""
    parts = (part for part in (splits.train, splits.validation) if part is not None)
    used = set().union(*(encoder.token_ids(encoder.encode(part.inputs)) for part in parts))
    full = network.get_input_embeddings()
    # Subclasses (scaled, quantised) compute something else; they are trained as they are.
    if type(full) is torch.nn.Embedding and len(used) < full.num_embeddings:
        network.set_input_embeddings(CompactEmbedding(full, used))
