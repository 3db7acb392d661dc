"""Attention as transformers' eager form computes it, with the cheaper dropout of `dropout`."""

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from mlops_cli.models.dropout import fast_dropout
from mlops_cli.models.quiet import quiet_transformers

_NAME = "eager_fast_dropout"


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled dot-product attention (Vaswani et al., 2017).

    Args:
        module: The layer that asks; tells whether it is training.
        query: Shape (batch, heads, length, width), as `key` and `value`.
        key: What the queries are compared with.
        value: What is averaged.
        attention_mask: Added to the scores; shape (batch, 1 or heads, length, length), or None.
        scaling: Factor of the scores; 1/sqrt(width) by default.
        dropout: Probability that a weight is zeroed in training.

    Returns:
        The averages, shape (batch, length, heads, width), and the weights, shape
        (batch, heads, length, length).
    """
    # Keys by queries, not queries by keys: softmax along a short last axis is up to 4 times slower.
    scores = torch.matmul(key, query.transpose(2, 3))
    scores = scores * (query.size(-1) ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores + attention_mask.transpose(2, 3)
    weights = nn.functional.softmax(scores, dim=2)
    if module.training:
        weights = fast_dropout(weights, dropout)
    weights = weights.transpose(2, 3)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(_NAME, attention)
AttentionMaskInterface.register(_NAME, eager_mask)


def use_fast_attention(network: PreTrainedModel) -> None:
    """Lets a network that drops attention weights do it cheaply; others are left alone."""
    settings = network.config
    heads = getattr(settings, "num_attention_heads", None)
    shared = getattr(settings, "num_key_value_heads", None) or heads
    names = ("attention_probs_dropout_prob", "attention_dropout")
    drops = any(getattr(settings, name, 0.0) for name in names)
    # Networks whose heads share keys have more to do, and none of them drops attention weights.
    if drops and shared == heads and settings._attn_implementation == "eager":
        # Architectures with attention of their own keep it, and say so at length.
        with quiet_transformers():
            network.set_attn_implementation(_NAME)
