"""Prediction: raw inputs to answers. No torch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mlops_cli.errors import DataError, UsageError
from mlops_cli.schemas.predictions import Answered, Prediction
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.rows import present
from mlops_cli.serving.runtime import Predictor
from mlops_cli.serving.settings import recorded
from mlops_cli.tasks import Outputs
from mlops_cli.wording import counted

WINDOW = 4096
"""Rows in memory at a time: enough to batch by length well, few enough for any machine."""

_TYPED = 2
"""Most inputs of a row that are typed one by one; a table comes as a file."""

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


def open_bundle(folder: Path, graph: str | None = None) -> Predictor:
    """A predictor of the bundle in `folder`; see `serving.bundle.load` for what it checks.

    Args:
        folder: The bundle.
        graph: Which of its graphs answers; None takes the one that `mlops benchmark` found the
            fastest here, else the one that the bundle prefers.
    """
    bundle = bundles.load(folder)
    measured = recorded(bundle)
    if measured is None or graph not in (None, measured.graph):
        return Predictor(bundle, graph=graph)
    threads = measured.sessions * measured.threads
    return Predictor(bundle, graph=measured.graph, threads=threads, sessions=measured.sessions)


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


def texts(predictor: Predictor, given: Iterable[str], settings: Settings) -> Iterator[Answered]:
    """The answer to each text, or to two and two of a model that takes pairs, in order.

    An empty text gets no answer.

    Raises:
        UsageError: The last of the texts lacks its partner, or the model takes a table.
        DataError: There is no text at all.
    """
    return _answered(predictor, _grouped(given, predictor.task.encoder.columns), settings)


def lines(
    predictor: Predictor, given: Iterable[str], name: str, settings: Settings
) -> Iterator[Answered]:
    """The answer to each line; the texts of a model that takes pairs are parted by a tab.

    Args:
        predictor: Answers.
        given: The lines.
        name: What a message calls their source.
        settings: How to answer.

    Raises:
        DataError: A line has too few or too many texts, or there is no text at all.
    """
    return _answered(predictor, _parted(given, name, predictor.task.encoder.columns), settings)


def _answered(
    predictor: Predictor, rows: Iterable[tuple[str, ...]], settings: Settings
) -> Iterator[Answered]:
    """The answer to each row of texts."""
    columns = predictor.task.encoder.columns
    if len(columns) > _TYPED:
        raise UsageError(
            f"this model takes {len(columns)} inputs: {', '.join(columns)}",
            hint="mlops predict --file IN.csv --output OUT.csv",
        )
    empty = True
    for window in windows(rows):
        values = dict(zip(columns, map(list, zip(*window, strict=True)), strict=True))
        found = answer_rows(predictor, values, settings)
        empty = empty and not found.there
        there = set(found.there)
        for place, (row, answer) in enumerate(zip(window, found.answers, strict=True)):
            yield Answered(dict(zip(columns, row, strict=True)), answer, place in there)
    if empty:
        example = " ".join(['"a text"', '"another"'][: len(columns)])
        raise DataError("no text to predict", hint=f"mlops predict {example}")


def _grouped(given: Iterable[str], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """As many texts together as there are columns."""
    row: list[str] = []
    for text in given:
        row.append(text)
        if len(row) == len(columns):
            yield tuple(row)
            row = []
    if row:
        raise UsageError(
            f"this model takes {len(columns)} texts at a time ({', '.join(columns)}), and the last "
            f"one stands alone: {row[-1][:40]!r}",
            hint='mlops predict "first" "second"',
        )


def _parted(given: Iterable[str], name: str, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The texts of each line; a line without any stands for a row without any."""
    for number, line in enumerate(given, 1):
        row = (line,) if len(columns) == 1 else tuple(line.split("\t"))
        if not line.strip():
            row = ("",) * len(columns)
        if len(row) != len(columns):
            count = counted(len(row), "text")
            raise DataError(
                f"{name}, line {number}: {count}, and the model takes {len(columns)} "
                f"({', '.join(columns)})",
                hint="part them by a tab: one pair a line",
            )
        yield row


@dataclass(frozen=True)
class Answers:
    """Answers to some rows.

    Attributes:
        answers: One for each row.
        there: Positions of the rows that have every input.
        rows: These rows as the task's encoder made them.
        outputs: What the network said of them.
    """

    answers: list[Prediction]
    there: list[int]
    rows: Sequence[Any]
    outputs: Outputs


def answer_rows(
    predictor: Predictor, values: Mapping[str, Sequence[str | None]], settings: Settings
) -> Answers:
    """The answers to rows; one that lacks an input gets none."""
    there, inputs = present(predictor.task.encoder, values)
    found, outputs, encoded = predictor.predict(
        inputs,
        top_k=settings.top_k,
        threshold=settings.threshold,
        batch_size=settings.batch_size,
    )
    answers = [predictor.task.head.nothing] * len(next(iter(values.values())))
    for place, answer in zip(there, found, strict=True):
        answers[place] = answer
    return Answers(answers, there, encoded, outputs)


def windows(items: Iterable[Item], size: int = WINDOW) -> Iterator[list[Item]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while window := list(islice(iterator, size)):
        yield window


def meant(predictor: Predictor, given: Sequence[str] | None) -> list[str] | None:
    """What was typed; for a model of images, with the images of a folder in its place.

    Raises:
        DataError: A folder holds no image.
    """
    if not given or predictor.task.encoder.columns != ("image",):
        return list(given) if given else None
    from mlops_cli.tasks import pictures

    return list(pictures.files(given))
