"""What stages return and commands show: frozen, plain, ready for `--json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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


def summary(metrics: Mapping[str, float], monitor: str) -> str:
    """The main validation metrics in a few words."""
    return ", ".join(
        f"{name} {metrics[key]:.3f}"
        for name in dict.fromkeys(("accuracy", monitor))
        if (key := f"val/{name}") in metrics
    )


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
    """One row that got a wrong answer.

    Attributes:
        row: Its place in the split, from 1.
        text: Its input, shortened.
        label: The target it has.
        predicted: The answer it got.
        confidence: Probability of the answer it got; None where the task gives none.
        error: By how much the answer is off; None where that is no number.
    """

    row: int
    text: str
    label: str
    predicted: str
    confidence: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class SliceRow:
    """The figure of some rows of a split that have something in common.

    Attributes:
        by: The column that sets them apart, or `length` or `size` of the input.
        value: The value or range they have there.
        rows: How many they are.
        metric: The monitored metric, where it is a mean over the rows; else one that is.
        figure: Its value on them.
        difference: By how much that is more than on the whole split.
        chance_low: The least that as many rows drawn at random have, but for a rare case.
        chance_high: The most of it. Both None where that is not known.
        worse: Whether the figure is worse than chance explains.
        asked: Whether `data.slice_by` asked for it.
    """

    by: str
    value: str
    rows: int
    metric: str
    figure: float
    difference: float
    chance_low: float | None = None
    chance_high: float | None = None
    worse: bool = False
    asked: bool = False


_SLICE: dict[str, Any] = {
    "by": str, "value": str, "rows": int, "metric": str, "figure": int | float,
    "difference": int | float, "chance_low": int | float | None, "chance_high": int | float | None,
}  # fmt: skip


def slice_rows(content: Any) -> list[SliceRow]:
    """The slices in the file of an evaluation; none in one of before there were any."""
    names = [one.name for one in fields(SliceRow)]
    return [
        SliceRow(**{name: one[name] for name in names if name in one})
        for one in (content if isinstance(content, list) else ())
        if isinstance(one, Mapping)
        and all(isinstance(one.get(name), kind) for name, kind in _SLICE.items())
    ]


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
        baselines: The same rows' `baseline_metric` of what a model has to beat.
        baseline_metric: The metric that the baselines tell.
        classes: Figures of each class, by class id; of tags, those of each type of entity.
        confusion: Counts, true class by row, predicted class by column; empty where the task
            has no classes.
        confusion_labels: Names of its rows and columns.
        mistakes: The mistakes of the highest confidence, worst first.
        gates: What the gates said.
        path: JSON file that holds this result.
        files: Pictures and tables written beside it.
        seconds: Wall time of the model's predictions.
        slices: Figures of rows that have something in common, the worst first.
    """

    run: str
    split: str
    rows: int
    truncated: int
    fingerprint: str
    monitor: str
    metrics: dict[str, float]
    baselines: dict[str, float]
    baseline_metric: str
    classes: list[ClassRow]
    confusion: list[list[int]]
    confusion_labels: list[str]
    mistakes: list[Mistake]
    gates: list[GateOutcome]
    path: Path
    files: list[Path]
    seconds: float
    slices: list[SliceRow] = field(default_factory=list)


@dataclass(frozen=True)
class GraphFigures:
    """What one graph of a bundle is worth.

    Attributes:
        name: Its name in the bundle.
        kind: What was done to it, in words.
        file: Its file in the bundle.
        megabytes: Its size.
        latency_ms: Median milliseconds for one row.
        rows_per_second: In batches of rows of like length.
        max_logit_difference: Largest absolute difference of any logit from PyTorch.
        label_agreement: Share of validation rows with PyTorch's label.
        metric: The monitored metric.
        metric_loss: By how much that is worse than PyTorch's.
        kept: Whether it is in the bundle; the other one by its name is, otherwise.
    """

    name: str
    kind: str
    file: str
    megabytes: float
    latency_ms: float
    rows_per_second: float
    max_logit_difference: float
    label_agreement: float
    metric: float
    metric_loss: float
    kept: bool


@dataclass(frozen=True)
class ExportResult:
    """A bundle that agrees with its PyTorch model; the figures are those of the preferred graph.

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
        inputs: The raw columns that the model takes.
        graphs: Every graph that was made.
        preferred: Name of the one that answers.
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
    inputs: list[str] = field(default_factory=list)
    graphs: list[GraphFigures] = field(default_factory=list)
    preferred: str = ""
