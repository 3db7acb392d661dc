"""Prediction: raw texts to labels with scores. No torch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import DataError, NotFoundError, UsageError
from mlops_cli.schemas.pipeline import BUNDLE
from mlops_cli.schemas.results import Prediction, TextPrediction
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tracking import record

WINDOW = 4096
"""Rows in memory at a time: enough to batch by length well, few enough for any machine."""
_NO_ANSWER = Prediction(None, None, {})

Item = TypeVar("Item")


@dataclass(frozen=True)
class Settings:
    """How to answer.

    Attributes:
        top_k: How many labels each answer names with their scores.
        threshold: Below this score of the best label, an answer has no label.
        batch_size: Most rows in one run of the graph.
    """

    top_k: int = 1
    threshold: float = 0.0
    batch_size: int = 32

    def __post_init__(self) -> None:
        for name, value, usual in (
            ("--top-k", self.top_k, 3),
            ("--batch-size", self.batch_size, 32),
        ):
            if value < 1:
                raise UsageError(
                    f"{name} must be at least 1, not {value}", hint=f"such as {name} {usual}"
                )
        if not 0 <= self.threshold <= 1:
            raise UsageError(
                f"--threshold is a probability, not {self.threshold:g}",
                hint="give a number from 0 to 1, such as 0.8",
            )


def find_bundle(root: Path, bundle: Path | None, run: str | None) -> Path:
    """The folder of the bundle that is meant: given, of a run, the newest, or the pipeline's.

    Raises:
        NotFoundError: There is no such run, or it has no bundle, or none has.
    """
    if bundle is not None:
        return bundle
    if run is not None:
        found = record.find(root, run)
        if not (found.bundle / bundles.MANIFEST).is_file():
            raise NotFoundError(
                f"run {found.id} has no bundle", hint=f"mlops export --onnx {found.id}"
            )
        return found.bundle
    for candidate in reversed(record.all_runs(root)):
        if (candidate.bundle / bundles.MANIFEST).is_file():
            return candidate.bundle
    # A fresh clone has what DVC holds, and no runs.
    if (root / BUNDLE / bundles.MANIFEST).is_file():
        return root / BUNDLE
    raise NotFoundError(
        f"no bundle in {record.runs_folder(root)}",
        hint="export a trained model first: mlops export --onnx; or name one: --bundle DIR",
    )


def open_bundle(folder: Path) -> Predictor:
    """A predictor of the bundle in `folder`; see `serving.bundle.load` for what it checks."""
    return Predictor(bundles.load(folder))


def read_lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """The lines of a UTF-8 stream, one text a line.

    Raises:
        DataError: A line is not UTF-8.
    """
    for number, line in enumerate(stream, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8",
                hint="convert it first: iconv -f CP1252 -t UTF-8",
            ) from error
        yield text.rstrip("\r\n")


def texts(
    predictor: Predictor, given: Iterable[str], settings: Settings
) -> Iterator[TextPrediction]:
    """The answer to each text, in order; an empty text gets none.

    Raises:
        UsageError: The bundle wants several columns.
        DataError: There is no text at all.
    """
    column = text_input(predictor)
    empty = True
    for window in windows(given):
        found = answer_rows(predictor, {column: window}, settings)
        empty = empty and not found.there
        for text, answer in zip(window, found.answers, strict=True):
            yield TextPrediction(answer.label, answer.score, answer.scores, text)
    if empty:
        raise DataError("no text to predict", hint='mlops predict "a text"')


@dataclass(frozen=True)
class Answers:
    """Answers to some rows.

    Attributes:
        answers: One for each row.
        there: Positions of the rows that have every input.
        logits: Their logits, of shape (rows with input, classes).
    """

    answers: list[Prediction]
    there: list[int]
    logits: NDArray[np.float32]


def answer_rows(
    predictor: Predictor, values: Mapping[str, Sequence[str | None]], settings: Settings
) -> Answers:
    """The answers to rows; one that lacks an input gets none."""
    rows = [
        [value for value in row if value is not None and value.strip()]
        for row in zip(*values.values(), strict=True)
    ]
    there = [place for place, row in enumerate(rows) if len(row) == len(values)]
    inputs = {name: [rows[place][column] for place in there] for column, name in enumerate(values)}
    logits = predictor.logits(inputs, batch_size=settings.batch_size)
    found = predictor.answers(logits, top_k=settings.top_k, threshold=settings.threshold)
    answers = [_NO_ANSWER] * len(rows)
    for place, answer in zip(there, found, strict=True):
        answers[place] = answer
    return Answers(answers, there, logits)


def windows(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of at most `WINDOW`."""
    iterator = iter(items)
    while window := list(islice(iterator, WINDOW)):
        yield window


def text_input(predictor: Predictor) -> str:
    """The task's one input column. Raises UsageError when it has several."""
    names = predictor.task.input_columns
    if len(names) > 1:
        raise UsageError(
            f"this model takes {len(names)} inputs: {', '.join(names)}",
            hint="mlops predict --file IN.csv --output OUT.csv",
        )
    return names[0]
