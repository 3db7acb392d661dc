"""Text classification: one text in, one label of several out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mlops_cli.errors import DataError
from mlops_cli.tasks import Inputs
from mlops_cli.tasks.classification import classification_metrics, softmax

_AGAIN = "make it again: mlops train, then mlops export --onnx"


@dataclass(frozen=True)
class TextClassification:
    """A fitted text classification task.

    Attributes:
        labels: Class names; their position is the class id.
        tokenizer: Turns a text into token ids, special tokens included. Its own truncation
            and padding are switched off: `max_length` and `collate` do both.
        max_length: Longest row in tokens, special tokens included.
        pad_id: Token id that fills a batch up.
        input_names: Graph inputs, in order.
    """

    labels: tuple[str, ...]
    tokenizer: Tokenizer
    max_length: int
    pad_id: int
    input_names: tuple[str, ...] = ("input_ids", "attention_mask")
    name: str = "text_classification"
    input_columns: tuple[str, ...] = ("text",)

    def __post_init__(self) -> None:
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.max_length)

    def encode(self, inputs: dict[str, list[str]]) -> list[list[int]]:
        """Texts to token ids, each at most `max_length` long, special tokens included."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(inputs["text"])]

    def count_truncated(self, inputs: dict[str, list[str]]) -> int:
        """How many texts are longer than `max_length` tokens."""
        encodings = self.tokenizer.encode_batch_fast(inputs["text"])
        return sum(bool(encoding.overflowing) for encoding in encodings)

    def collate(self, rows: Sequence[Sequence[int]]) -> Inputs:
        """Pads rows to the longest of them: int64 arrays of shape (batch, sequence)."""
        width = max(len(row) for row in rows)
        ids = np.full((len(rows), width), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for position, row in enumerate(rows):
            ids[position, : len(row)] = row
            mask[position, : len(row)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.input_names:
            inputs["token_type_ids"] = np.zeros_like(ids)
        return inputs

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Softmax over the classes."""
        return softmax(logits)

    def metrics(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64], *, calibration_bins: int = 15
    ) -> dict[str, float]:
        """Every scalar classification metric; see `classification_metrics`."""
        return classification_metrics(softmax(logits), targets, bins=calibration_bins)

    def target_ids(self, targets: list[str]) -> NDArray[np.int64]:
        """Label names to class ids (rows,)."""
        ids = {label: position for position, label in enumerate(self.labels)}
        unknown = sorted(set(targets) - ids.keys())
        if unknown:
            raise DataError(
                f"label {unknown[0]!r} does not occur in the training split",
                hint=f"known labels: {', '.join(self.labels)}",
            )
        return np.array([ids[target] for target in targets], dtype=np.int64)

    def spec(self) -> dict[str, Any]:
        """The task without its tokenizer, as plain JSON."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "max_length": self.max_length,
            "pad_id": self.pad_id,
            "input_names": list(self.input_names),
        }

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json`."""
        self.tokenizer.save(str(folder / "tokenizer.json"))


def load(spec: dict[str, Any], folder: Path) -> TextClassification:
    """Makes the task again from `spec` and `folder/tokenizer.json`.

    Raises:
        DataError: One of them is damaged.
    """
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    try:
        return TextClassification(
            labels=tuple(spec["labels"]),
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


def label_names(targets: Iterable[str]) -> tuple[str, ...]:
    """The labels in a stable order: by value when all are whole numbers, else by name."""
    labels = set(targets)
    if all(label.lstrip("-").isdecimal() for label in labels):
        return tuple(sorted(labels, key=int))
    return tuple(sorted(labels))
