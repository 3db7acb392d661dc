"""Training a part of a checkpoint: a new head alone, or low-rank additions to its layers.

Low-rank additions (LoRA; Hu et al., 2022) are `peft`'s. What is saved is a plain network, the
additions merged into its weights, so that whatever reads a model reads this one; beside it, in
`adapter/`, lie the additions alone.
"""

import warnings
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from mlops_cli.errors import ConfigError
from mlops_cli.extras import extra
from mlops_cli.schemas.model import PretrainedModelConfig

_LINEAR = (nn.Linear, Conv1D)


def adapt(network: PreTrainedModel, model: PretrainedModelConfig) -> nn.Module:
    """The network to train, with what the settings leave out of training at rest.

    Args:
        network: A checkpoint's body and a new head.
        model: Says what of the body is trained.

    Raises:
        ConfigError: The network has no layers of the names that LoRA is to be added to.
        MissingDependencyError: LoRA is asked for, and peft is not installed.
    """
    if model.lora_rank is not None:
        return _with_lora(network, model)
    if model.freeze:
        body = _body(network)
        # At rest: no dropout, and no running means of what passes.
        body.requires_grad_(requires_grad=False).eval()
    return network


def is_partial(model: PretrainedModelConfig) -> bool:
    """Whether the body's own weights stay as they are."""
    return model.freeze or model.lora_rank is not None


def merged(network: nn.Module, folder: Path) -> nn.Module:
    """The plain network; what LoRA added goes into its weights, and into `folder/adapter`."""
    if not hasattr(network, "merge_and_unload"):
        return network
    adapted: Any = network
    adapted.save_pretrained(folder / "adapter")
    plain: nn.Module = adapted.merge_and_unload()
    return plain


def _with_lora(network: PreTrainedModel, model: PretrainedModelConfig) -> nn.Module:
    with extra("lora", "LoRA"):
        from peft import LoraConfig, get_peft_model
    body = _body(network)
    prefix = next(name for name, part in network.named_modules() if part is body)
    linear = [
        f"{prefix}.{name}" for name, part in body.named_modules() if isinstance(part, _LINEAR)
    ]
    wanted = model.lora_layers
    chosen = [name for name in linear if not wanted or name.rpartition(".")[2] in wanted]
    if not chosen:
        known = sorted({name.rpartition(".")[2] for name in linear})
        raise ConfigError(
            f"model.lora_layers={wanted}: {type(network).__name__} has no linear layer of that name"
            if wanted
            else f"{type(network).__name__} has no linear layers that LoRA could be added to",
            hint=f"its layers: {', '.join(known)}" if known else "model.freeze=true",
        )
    settings = LoraConfig(
        r=model.lora_rank or 1,
        lora_alpha=model.lora_alpha,  # type: ignore[arg-type]  # it takes any number
        lora_dropout=model.lora_dropout,
        target_modules=chosen,
        modules_to_save=_heads(network, body),
    )
    with warnings.catch_warnings():
        # It asks the library for what that now calls by another name.
        warnings.simplefilter("ignore", FutureWarning)
        # What it then sets right by itself, for the transposed layers of GPT-2.
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to", UserWarning)
        adapted: nn.Module = get_peft_model(network, settings)
    return adapted


def _body(network: PreTrainedModel) -> nn.Module:
    """The checkpoint's own part, without the head."""
    body: nn.Module = network.base_model
    if body is network:
        raise ConfigError(
            f"{type(network).__name__} has no head of its own: all of it is trained or nothing",
            hint="model.freeze=false model.lora_rank=null",
        )
    return body


def _heads(network: PreTrainedModel, body: nn.Module) -> list[str]:
    """Names of the parts that are new, and trained whole."""
    return [
        name
        for name, part in network.named_children()
        if part is not body and any(True for _ in part.parameters())
    ]
