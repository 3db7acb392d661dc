"""Dropout whose mask costs 16 random bits an element, four elements a draw.

On a CPU the random numbers of dropout cost more than the multiplication. The keep probability is
rounded to a multiple of 1/65536, and the scale follows it, so that the expectation is exact.
"""

import torch
from torch import nn

_ONE = 0x3F80
"""The bits of 1.0 in bfloat16."""


def fast_dropout(values: torch.Tensor, probability: float) -> torch.Tensor:
    """Zeroes elements with `probability` and scales the others so that the expectation stays."""
    if probability == 0.0:
        return values
    cut = round(probability * 65536)
    draws = torch.empty((values.numel() + 3) // 4, dtype=torch.int64, device=values.device)
    # The whole int64 range, so that each of its four 16-bit parts is uniform.
    draws.random_(-(2**63), None)
    bits = draws.view(torch.int16)[: values.numel()].view(values.shape)
    # Compared in place, they are the integers 0 and 1: torch converts booleans far slower.
    ones = bits.ge_(cut - 32768).mul_(_ONE).view(torch.bfloat16)
    return values * ones.to(values.dtype).mul_(65536 / (65536 - cut))


class FastDropout(nn.Module):
    """`nn.Dropout` with a cheaper mask."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.p = probability

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Values of any shape; the same shape comes back."""
        return fast_dropout(values, self.p) if self.training else values


def replace_dropout(network: nn.Module) -> None:
    """Swaps every `nn.Dropout` inside `network` for the cheaper one, in place."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, FastDropout(child.p).train(child.training))
