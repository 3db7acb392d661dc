"""Rows of a question as the network takes them, as long as somebody waits for the answer."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from mlops_cli.serving.jobs import Job, late
from mlops_cli.serving.rows import present
from mlops_cli.tasks import Columns, Encoder

_LONG = 50_000
"""Characters that are encoded in one go: a tokenizer can't be stopped."""
_TEXTS = ("text", "words")


def encode(encoder: Encoder, job: Job) -> list[int]:
    """Encodes the rows of a job that have every input.

    Returns:
        Their sizes.

    Raises:
        Late: The asker waits no more.
    """
    _check_waits(job)
    job.there, job.inputs = present(encoder, job.question.inputs)
    if not job.there:
        return []
    job.encoded = _encoded(encoder, job)
    sizes: list[int] = encoder.sizes(job.encoded).tolist()
    return sizes


def _encoded(encoder: Encoder, job: Job) -> Sequence[Any]:
    if len(job.there) == 1:
        return encoder.encode(job.inputs)
    texts = [job.inputs[name] for name, kind in encoder.cells.items() if kind in _TEXTS]
    if sum(len(cell) for cells in texts for cell in cells) <= _LONG:
        return encoder.encode(job.inputs)
    rows: list[Any] = []
    for part in _parts(job.inputs, texts):
        _check_waits(job)
        rows += encoder.encode(part)
    return rows


def _parts(inputs: Columns, texts: list[list[str]]) -> Iterator[Columns]:
    """The rows in parts of so many characters, or of one row that has more."""
    first = characters = 0
    for row, cells in enumerate(zip(*texts, strict=True)):
        more = sum(map(len, cells))
        if row > first and characters + more > _LONG:
            yield {name: column[first:row] for name, column in inputs.items()}
            first, characters = row, 0
        characters += more
    yield {name: column[first:] for name, column in inputs.items()}


def _check_waits(job: Job) -> None:
    if job.over or job.deadline <= time.monotonic():
        raise late()
