"""Texts to token ids."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mlops_cli.errors import DataError
from mlops_cli.tasks import CellKind, Columns, Inputs
from mlops_cli.tasks.distribution import counts

_AGAIN = "make it again: mlops train, then mlops export --onnx"
_FEWEST = 4
"""Tokens of the longer row of an example."""
_TOKENS = 1000
"""Most frequent tokens that are listed; the rest is counted."""


@dataclass(frozen=True)
class TextEncoder:
    """One text a row.

    Attributes:
        tokenizer: Turns a text into token ids, special tokens included. Its own truncation
            and padding are switched off: `max_length` and `collate` do both.
        max_length: Longest row in tokens, special tokens included.
        pad_id: Token id that fills a batch up.
        input_names: Graph inputs, in order.
        columns: The raw columns it reads.
    """

    tokenizer: Tokenizer
    max_length: int
    pad_id: int
    input_names: tuple[str, ...] = ("input_ids", "attention_mask")
    columns: tuple[str, ...] = ("text",)
    optional: ClassVar[bool] = False

    @property
    def cells(self) -> dict[str, CellKind]:
        """Texts."""
        return dict.fromkeys(self.columns, "text")

    def __post_init__(self) -> None:
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.max_length)

    def encodings(self, inputs: Columns) -> list[Any]:
        """What the tokenizer makes of the rows."""
        found: list[Any] = self.tokenizer.encode_batch_fast(inputs["text"])
        return found

    def encode(self, inputs: Columns) -> Sequence[list[int]]:
        """Texts to token ids, each at most `max_length` long, special tokens included."""
        return [encoding.ids for encoding in self.encodings(inputs)]

    def sizes(self, rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Tokens of each row."""
        return np.array([len(row) for row in rows], dtype=np.int64)

    def token_ids(self, rows: Sequence[Any]) -> set[int]:
        """Every token id that occurs in encoded rows or fills batches up."""
        return {self.pad_id}.union(*rows)

    def count_truncated(self, inputs: Columns) -> int:
        """How many texts are longer than `max_length` tokens."""
        return sum(bool(encoding.overflowing) for encoding in self.encodings(inputs))

    def collate(self, rows: Sequence[Sequence[int]]) -> Inputs:
        """Pads rows to the longest of them: int64 arrays of shape (batch, sequence)."""
        width = max(len(row) for row in rows)
        ids = np.full((len(rows), width), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for position, row in enumerate(rows):
            ids[position, : len(row)] = row
            mask[position, : len(row)] = 1
        inputs: Inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.input_names:
            inputs["token_type_ids"] = np.zeros_like(ids)
        return inputs

    def example(self, rows: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        """Two rows of different length, so that padding is part of what is traced."""
        longest = max(rows, key=len)
        return [[longest[place] for place in places] for places in self.example_places(longest)]

    def example_places(self, row: Sequence[int]) -> list[list[int]]:
        """Which tokens of a row make up each row of the example.

        Both have the row's special tokens: networks such as BART's count on them.
        """
        added = self.tokenizer.get_added_tokens_decoder()
        words = [
            place
            for place, token in enumerate(row)
            if token not in added or not added[token].special
        ] or [0]
        more = [words[0]] * (_FEWEST - len(row))
        left_out = set(words[len(words) // 2 :]) if not more else set()
        shorter = [place for place in range(len(row)) if place not in left_out]
        return [sorted([*range(len(row)), *more]), shorter]

    def axes(self) -> dict[str, dict[int, str]]:
        """Batch and sequence vary."""
        return {name: {0: "batch", 1: "sequence"} for name in self.input_names}

    def describe(self, inputs: Columns, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Characters, tokens, and the most frequent tokens of texts."""
        found = Counter(chain.from_iterable(rows))
        common = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_TOKENS]
        characters = {
            name: counts(np.array([len(value) for value in inputs[name]])) for name in self.columns
        }
        return {
            "characters": characters,
            "tokens": counts(self.sizes(rows)),
            "truncated": self.count_truncated(inputs),
            "vocabulary": {
                "distinct": len(found),
                "total": found.total(),
                "most_frequent": [
                    [self.tokenizer.id_to_token(token), count] for token, count in common
                ],
            },
        }

    def spec(self) -> dict[str, Any]:
        """Everything but the tokenizer, as plain JSON."""
        return {
            "max_length": self.max_length,
            "pad_id": self.pad_id,
            "input_names": list(self.input_names),
        }

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json`."""
        self.tokenizer.save(str(folder / "tokenizer.json"))


def load(spec: dict[str, Any], folder: Path, kind: type[TextEncoder] = TextEncoder) -> TextEncoder:
    """Makes an encoder of this `kind` again from `spec` and `folder/tokenizer.json`.

    Raises:
        DataError: One of them is damaged.
    """
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    try:
        return kind(
            tokenizer=tokenizer,
            max_length=spec["max_length"],
            pad_id=spec["pad_id"],
            input_names=tuple(spec["input_names"]),
        )
    except TypeError as error:
        raise DataError(f"the task in {folder} is damaged", hint=_AGAIN) from error


def read_tokenizer(file: Path, *, hint: str = _AGAIN) -> Tokenizer:
    """The tokenizer in `tokenizer.json`. Raises DataError when there is none."""
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:
        if type(error) is not Exception:  # The library's errors have no class of their own.
            raise
        raise DataError(f"{file} is not a tokenizer: {error}", hint=hint) from error
