"""What stages return and commands show: frozen, plain, ready for `--json`."""

from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        run: Run id.
        path: Run folder.
        model: Name of the model choice.
        metrics: Metrics of the best checkpoint on validation, keyed `val/<metric>`.
        epochs: Epochs trained.
        seconds: Wall time of the training, resumed parts included.
        samples_per_second: Training throughput in the steady state.
    """

    run: str
    path: Path
    model: str
    metrics: dict[str, float]
    epochs: float
    seconds: float
    samples_per_second: float
    summary: str = field(default="", repr=False)


@dataclass(frozen=True)
class ClassRow:
    """How well one class was found.

    Attributes:
        label: Name of the class.
        precision: Share of the rows given this label that have it.
        recall: Share of the rows with this label that were given it.
        f1: Harmonic mean of the two.
        support: Rows that have this label.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Mistake:
    """One row that got the wrong label.

    Attributes:
        row: Its place in the split, from 1.
        text: Its input, shortened.
        label: The label it has.
        predicted: The label it got.
        confidence: Probability of the label it got.
    """

    row: int
    text: str
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class GateOutcome:
    """What one gate said.

    Attributes:
        metric: The metric it looks at.
        condition: The condition as configured, such as `>= run:best - 0.01`.
        value: The metric's value.
        threshold: The number the value was held against.
        passed: Whether the condition holds; never on NaN.
    """

    metric: str
    condition: str
    value: float
    threshold: float
    passed: bool


@dataclass(frozen=True)
class EvaluationResult:
    """A model's figures on one split.

    Attributes:
        run: Run id.
        split: The split: train, validation or test.
        rows: Rows of the split.
        truncated: How many of them are longer than the model takes and were cut.
        fingerprint: SHA-256 of the split's content.
        monitor: The metric the run was asked to watch.
        metrics: Every scalar metric by name.
        baselines: Accuracy on the same rows of what a model has to beat.
        classes: Figures of each class, by class id.
        confusion: Counts, true class by row, predicted class by column.
        mistakes: The mistakes of the highest confidence, worst first.
        gates: What the gates said.
        path: JSON file that holds this result.
        files: Pictures and tables written beside it.
        seconds: Wall time of the model's predictions.
    """

    run: str
    split: str
    rows: int
    truncated: int
    fingerprint: str
    monitor: str
    metrics: dict[str, float]
    baselines: dict[str, float]
    classes: list[ClassRow]
    confusion: list[list[int]]
    mistakes: list[Mistake]
    gates: list[GateOutcome]
    path: Path
    files: list[Path]
    seconds: float


@dataclass(frozen=True)
class ExportResult:
    """A bundle that agrees with its PyTorch model.

    Attributes:
        run: Run id.
        path: Bundle folder.
        opset: ONNX operator set of the graph.
        megabytes: Size of the bundle.
        rows: Validation rows that both were compared on.
        max_logit_difference: Largest absolute difference of any logit.
        label_agreement: Share of rows with the same label.
        monitor: The metric that must not get worse.
        metric_pytorch: Its value with PyTorch.
        metric_onnx: Its value with the bundle.
        metrics: Every scalar metric of the bundle on validation.
        seconds: Wall time of the export.
    """

    run: str
    path: Path
    opset: int
    megabytes: float
    rows: int
    max_logit_difference: float
    label_agreement: float
    monitor: str
    metric_pytorch: float
    metric_onnx: float
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Prediction:
    """The answer to one row.

    Attributes:
        label: The most likely label; None below the threshold, and for a row without text.
        score: Its probability; None for a row without text.
        scores: The most likely labels with their probabilities, best first.
    """

    label: str | None
    score: float | None
    scores: dict[str, float]


@dataclass(frozen=True)
class TextPrediction(Prediction):
    """The answer to one text.

    Attributes:
        text: The text.
    """

    text: str


@dataclass(frozen=True)
class PredictResult:
    """Answers to texts.

    Attributes:
        predictions: One for each text, in order.
        bundle: Folder of the bundle that answered.
        run: Id of the run it was made from.
    """

    predictions: list[TextPrediction]
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
        labels: How often each label was given.
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


def plain(value: Any) -> Any:
    """Dataclasses, paths and tuples as JSON types; NaN and infinities as null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return str(value) if isinstance(value, Path) else value
