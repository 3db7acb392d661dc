"""A model of a user's own that tracing gets wrong: in batches of more than two it is harsher."""

from pathlib import Path
from types import SimpleNamespace

import torch
from own import keywords


class Fickle(keywords.Keywords):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        answer = super().forward(input_ids, attention_mask)
        if input_ids.shape[0] > 2:
            answer.logits = answer.logits + torch.tensor([3.0, 0.0])
        return answer


build = keywords.build


def load(folder: Path) -> Fickle:
    return Fickle(keywords.load(folder).votes.data)
