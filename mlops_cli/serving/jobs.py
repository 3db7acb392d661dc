"""Questions on their way through the engine, and how their askers are told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mlops_cli.errors import MlopsError
from mlops_cli.schemas.predictions import Prediction
from mlops_cli.serving.refusals import Late, Unprocessable
from mlops_cli.tasks import Columns, Outputs

Found = TypeVar("Found")


@dataclass(frozen=True)
class Question:
    """Rows to be answered.

    Attributes:
        inputs: Raw columns, all of one length of at least 1.
        top_k: How many labels an answer names with their scores.
        threshold: Below this score of the best label, an answer has no label.
    """

    inputs: Columns
    top_k: int = 1
    threshold: float = 0.0

    @property
    def rows(self) -> int:
        """How many rows are asked about."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Answer:
    """What the model says of a question.

    Attributes:
        predictions: One for each row.
        outputs: What the network said of the rows that have every input.
        waited: Seconds from the question until its first batch began.
        batch: Rows of the largest batch it was part of.
    """

    predictions: list[Prediction]
    outputs: Outputs
    waited: float
    batch: int


@dataclass(eq=False)
class Job:
    """A question on its way.

    `waiting` counts its rows that the network has not answered yet; `over` says that its asker was
    told, or waits no more.
    """

    question: Question
    deadline: float
    asked: float
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Answer]
    waiting: int
    there: list[int] = field(default_factory=list)
    inputs: Columns = field(default_factory=dict)
    encoded: Sequence[Any] = ()
    outputs: dict[int, Outputs] = field(default_factory=dict)
    batch: int = 0
    began: float = 0.0
    over: bool = False

    @property
    def whole(self) -> bool:
        """Whether the network has answered every row that can be answered."""
        return len(self.outputs) == len(self.there)

    def take(self, row: int, outputs: Outputs, *, began: float, batch: int) -> None:
        """Takes what the network said of a row, in a batch of so many rows that began then."""
        self.began = self.began or began
        self.batch = max(self.batch, batch)
        self.outputs[row] = outputs[None]


@dataclass(eq=False)
class Item:
    """One encoded row of a job."""

    size: int
    number: int
    row: int
    job: Job


def late() -> Late:
    """What is told when a deadline passed."""
    return Late("the answer did not come in time", retry_after=1)


def attempt(work: Callable[[], Found]) -> Found | Exception:
    """What work gives, or what its asker is told of its failure.

    Whatever it fails with ends one request, not the thread. A row that the model can't take is
    the asker's affair.
    """
    try:
        return work()
    except MlopsError as error:
        return Unprocessable(error.message, hint=error.hint)
    except Exception as error:
        return error


def tell(outcomes: list[tuple[Job, Answer | Exception]]) -> None:
    """Tells askers their outcomes, each once, in one call to their loop."""
    news = []
    for job, outcome in outcomes:
        if not job.over:
            job.over = True
            news.append((job.future, outcome))
    if news:
        outcomes[0][0].loop.call_soon_threadsafe(_settle, news)


def _settle(news: list[tuple[asyncio.Future[Answer], Answer | Exception]]) -> None:
    for future, outcome in news:
        if future.done():  # The asker has gone.
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
