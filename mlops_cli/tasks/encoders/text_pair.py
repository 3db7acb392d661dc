"""Pairs of texts to token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.tasks import Columns, Inputs
from mlops_cli.tasks.encoders import text
from mlops_cli.tasks.encoders.text import TextEncoder


class PairRow(list[int]):
    """The token ids of two texts, special tokens included.

    Attributes:
        segments: Which of the two texts each token belongs to, 0 or 1.
    """

    def __init__(self, ids: Sequence[int], segments: list[int]) -> None:
        super().__init__(ids)
        self.segments = segments


@dataclass(frozen=True)
class TextPairEncoder(TextEncoder):
    """Two texts a row, read as one sequence; what is too long is taken off the longer text.

    With `token_type_ids` among its `input_names`, these tell the network the two texts apart.
    """

    columns: tuple[str, ...] = ("text", "text_pair")

    def encodings(self, inputs: Columns) -> list[Any]:
        """What the tokenizer makes of the pairs."""
        pairs = list(zip(inputs["text"], inputs["text_pair"], strict=True))
        found: list[Any] = self.tokenizer.encode_batch_fast(pairs)
        return found

    def encode(self, inputs: Columns) -> Sequence[PairRow]:
        """Pairs to token ids, each at most `max_length` long, special tokens included."""
        return [PairRow(found.ids, found.type_ids) for found in self.encodings(inputs)]

    def collate(self, rows: Sequence[Any]) -> Inputs:
        """Pads rows to the longest of them: int64 arrays of shape (batch, sequence)."""
        inputs = super().collate(rows)
        if "token_type_ids" in inputs:
            for segments, row in zip(inputs["token_type_ids"], rows, strict=True):
                segments[: len(row)] = row.segments
        return inputs

    def example(self, rows: Sequence[Any]) -> Sequence[PairRow]:
        """Two rows of different length, so that padding is part of what is traced."""
        longest = max(rows, key=len)
        return [
            PairRow([longest[p] for p in places], [longest.segments[p] for p in places])
            for places in self.example_places(longest)
        ]


def load(spec: dict[str, Any], folder: Path) -> TextPairEncoder:
    """Makes the encoder again from `spec` and `folder/tokenizer.json`.

    Raises:
        DataError: One of them is damaged.
    """
    encoder = text.load(spec, folder, TextPairEncoder)
    assert isinstance(encoder, TextPairEncoder)
    return encoder
