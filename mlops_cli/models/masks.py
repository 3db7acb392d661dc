"""The mask of padded tokens in the form in which graph optimisers know it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.masking_utils import (
    ALL_MASK_ATTENTION_FUNCTIONS,
    bidirectional_mask_function,
    eager_mask,
)


@contextmanager
def simple_masks() -> Iterator[None]:
    """Lets transformers' eager attention build its mask by the few operations it was once made of.

    The library's own work for any attention there is, in some fifty operations of the graph, and
    onnxruntime's fusion does not find the attention around them. The values are the same.
    """
    before = ALL_MASK_ATTENTION_FUNCTIONS["eager"]
    ALL_MASK_ATTENTION_FUNCTIONS["eager"] = _mask
    try:
        yield
    finally:
        ALL_MASK_ATTENTION_FUNCTIONS["eager"] = before


def _mask(
    *,
    attention_mask: torch.Tensor | None = None,
    mask_function: Any = bidirectional_mask_function,
    dtype: torch.dtype = torch.float32,
    **others: Any,
) -> torch.Tensor | None:
    """What is added to the scores: 0 for a token, the least number for padding."""
    if mask_function is not bidirectional_mask_function or attention_mask is None:
        mask: torch.Tensor | None = eager_mask(
            attention_mask=attention_mask,
            mask_function=mask_function,
            dtype=dtype,
            **others,
        )
        return mask
    rows, length = attention_mask.shape
    padding = 1.0 - attention_mask[:, None, None, :].expand(rows, 1, 1, length).to(dtype)
    return padding.masked_fill(padding.to(torch.bool), torch.finfo(dtype).min)
