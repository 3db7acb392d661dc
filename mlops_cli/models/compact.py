"""Training only the embedding rows that can occur: the optimiser skips the rest of the table.

A pretrained vocabulary has tens of thousands of rows of which a small data set touches a few
thousand. The others get no gradient, so leaving them out changes nothing but the time: they keep
their pretrained values (weight decay is not applied to rows the data never uses).
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class CompactEmbedding(nn.Module):
    """The rows of an embedding that occur in the data, addressed by the original token ids.

    Args:
        full: The embedding to stand in for; kept unchanged until `expand`.
        used: Token ids that can occur; all others must not be asked for.
    """

    lookup: torch.Tensor

    def __init__(self, full: nn.Embedding, used: Iterable[int]) -> None:
        super().__init__()
        ids = torch.tensor(sorted(set(used)), dtype=torch.long)
        lookup = torch.zeros(full.num_embeddings, dtype=torch.long)
        lookup[ids] = torch.arange(len(ids))
        self.register_buffer("lookup", lookup, persistent=False)
        self.weight = nn.Parameter(full.weight.detach()[ids].clone())
        self._ids = ids
        self._padding = None if full.padding_idx is None else int(lookup[full.padding_idx])
        # In a list, so that the full table is no submodule: no gradients, not in checkpoints.
        self._full = [full]

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Rows of shape (..., width) for token ids of shape (...)."""
        return nn.functional.embedding(self.lookup[input_ids], self.weight, self._padding)

    def expand(self) -> nn.Embedding:
        """The full embedding with the trained rows in their places."""
        full = self._full[0]
        with torch.no_grad():
            full.weight[self._ids.to(full.weight.device)] = self.weight.to(full.weight.device)
        return full


def expand_embeddings(network: Any) -> None:
    """Puts the full embedding back where a compact one stands, trained rows included."""
    for part in list(network.modules()):
        if isinstance(part, CompactEmbedding):
            network.set_input_embeddings(part.expand())
