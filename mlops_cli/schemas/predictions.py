"""Answers of a model: what each kind of task says of a row."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol


class Prediction(Protocol):
    """The answer to one row; each kind of task has its own, a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def words(self) -> str:
        """The answer alone, in a few words; empty where there is none."""

    def cells(self) -> dict[str, Any]:
        """The answer by the names of `Head.columns`."""


@dataclass(frozen=True)
class ClassPrediction:
    """One label of several.

    Attributes:
        label: The most likely label; None below the threshold, and for a row without input.
        score: Its probability; None for a row without input.
        scores: The most likely labels with their probabilities, best first.
    """

    label: str | None
    score: float | None
    scores: dict[str, float]

    @property
    def words(self) -> str:
        """The label."""
        return self.label or ""

    def cells(self) -> dict[str, Any]:
        """Label, its score, and the scores of the most likely labels."""
        return {"label": self.label, "score": self.score, "scores": self.scores or None}


@dataclass(frozen=True)
class Entity:
    """A part of a text that means one thing.

    Attributes:
        text: The part.
        label: What it is, such as PER.
        start: Its first character's place in the text, from 0.
        end: The place after its last character.
        score: Mean probability of its words' tags.
    """

    text: str
    label: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class EntitiesPrediction:
    """A tag for every word, and the entities that they spell.

    Attributes:
        tags: One a word.
        entities: In the order of the text.
    """

    tags: list[str]
    entities: list[Entity]

    @property
    def words(self) -> str:
        """The entities with their labels; where there are none, a dash."""
        if not self.tags:
            return ""
        return ", ".join(f"{one.text} ({one.label})" for one in self.entities) or "-"

    def cells(self) -> dict[str, Any]:
        """Tags as one text, and the entities."""
        return {"tags": " ".join(self.tags), "entities": self.entities}


@dataclass(frozen=True)
class LabelsPrediction:
    """Any number of labels.

    Attributes:
        labels: The labels from the threshold on, most likely first; none for a row without input.
        scores: The most likely labels with their probabilities, best first.
        separator: What stands between labels in one cell.
    """

    labels: list[str]
    scores: dict[str, float]
    separator: str = field(default="|", repr=False, metadata={"plain": False})

    @property
    def words(self) -> str:
        """The labels."""
        return self.separator.join(self.labels)

    def cells(self) -> dict[str, Any]:
        """The labels in one cell, and the scores of the most likely."""
        return {"labels": self.words or None, "scores": self.scores or None}


@dataclass(frozen=True)
class NumberPrediction:
    """A number.

    Attributes:
        value: The number, in the unit of the training data; None for a row without input.
    """

    value: float | None

    @property
    def words(self) -> str:
        """The number, in six digits."""
        return "" if self.value is None else f"{self.value:.6g}"

    def cells(self) -> dict[str, Any]:
        """The number."""
        return {"value": self.value}


@dataclass(frozen=True)
class Answered:
    """A row and the answer to it.

    Attributes:
        inputs: The raw columns.
        answer: The answer; that of `Head.nothing` for a row that lacks an input.
        there: Whether the row has every input.
    """

    inputs: dict[str, str]
    answer: Prediction
    there: bool


@dataclass(frozen=True)
class PredictResult:
    """Answers to rows.

    Attributes:
        predictions: One for each row, in order: the fields of its answer and its raw columns.
        bundle: Folder of the bundle that answered.
        run: Id of the run it was made from.
    """

    predictions: list[dict[str, Any]]
    bundle: Path
    run: str


@dataclass(frozen=True)
class FilePredictResult:
    """Answers to the rows of a file.

    Attributes:
        output: The file with the answers.
        rows: Rows of the input, all of which are in the output.
        without_text: How many of them have no text and therefore no answer.
        abstained: How many got no label because the score is below the threshold.
        labels: How often each label was given, where labels are what the task gives.
        columns: Names of the columns that were added.
        metrics: Every scalar metric, where the input has the label column; else None.
        labelled: Rows that the metrics are computed from.
        bundle: Folder of the bundle that answered.
        run: Id of the run it was made from.
        seconds: Wall time.
        rows_per_second: Throughput, reading and writing included.
    """

    output: Path
    rows: int
    without_text: int
    abstained: int
    labels: dict[str, int]
    columns: list[str]
    metrics: dict[str, float] | None
    labelled: int
    bundle: Path
    run: str
    seconds: float
    rows_per_second: float
