"""Words to token ids, and which token each word begins with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import pre_tokenizers

from mlops_cli.tasks import CellKind, Columns
from mlops_cli.tasks.encoders.text import TextEncoder


class WordRow(list[int]):
    """The token ids of one row, special tokens included.

    Attributes:
        starts: Of each word, the position of its first token; -1 of a word that has none, since
            the row is cut before it or the tokenizer drops it.
    """

    def __init__(self, ids: Sequence[int], starts: list[int]) -> None:
        super().__init__(ids)
        self.starts = starts


def split_words(cell: str) -> list[str]:
    """The words of a raw row: those of a JSON list, else what white space parts."""
    if cell.lstrip().startswith("["):
        try:
            words = json.loads(cell)
        except ValueError:
            words = None
        if isinstance(words, list):
            return [str(word) for word in words]
    return cell.split()


@dataclass(frozen=True)
class WordEncoder(TextEncoder):
    """One sequence of words a row; see `split_words`. The network answers for every token."""

    @property
    def cells(self) -> dict[str, CellKind]:
        """Words."""
        return dict.fromkeys(self.columns, "words")

    def __post_init__(self) -> None:
        super().__post_init__()
        split = self.tokenizer.pre_tokenizer
        if isinstance(split, pre_tokenizers.ByteLevel):
            # It marks a word by the space before it, and a word of a list has none.
            split.add_prefix_space = True
            self.tokenizer.pre_tokenizer = split

    def encodings(self, inputs: Columns) -> list[Any]:
        """What the tokenizer makes of the words."""
        words = [split_words(cell) for cell in inputs["text"]]
        found: list[Any] = self.tokenizer.encode_batch(words, is_pretokenized=True)
        return found

    def encode(self, inputs: Columns) -> Sequence[WordRow]:
        """Words to token ids, each row at most `max_length` long, special tokens included."""
        rows = []
        for cell, encoding in zip(inputs["text"], self.encodings(inputs), strict=True):
            starts = [-1] * len(split_words(cell))
            for position, word in enumerate(encoding.word_ids):
                if word is not None and starts[word] < 0:
                    starts[word] = position
            rows.append(WordRow(encoding.ids, starts))
        return rows
