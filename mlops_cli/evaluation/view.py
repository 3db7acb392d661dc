"""What an evaluation has to show, in the form that every kind of target fills in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.data.examples import Examples
from mlops_cli.reports.cells import quoted
from mlops_cli.schemas.results import ClassRow, Mistake
from mlops_cli.tasks import Outputs, Targets, Task

WORST = 20
"""Mistakes in the result; the table beside it has them all."""
_SHORT = 160
"""Characters of a mistake's input in the result."""


@dataclass(frozen=True)
class Predicted:
    """What a model said of every row of a split.

    Attributes:
        task: Its head judges the outputs.
        examples: The rows.
        rows: The same as the encoder made them.
        outputs: What the network said.
        targets: What it should have said.
        metrics: Every scalar metric.
        seconds: Wall time.
    """

    task: Task
    examples: Examples
    rows: Sequence[Any]
    outputs: Outputs
    targets: Targets
    metrics: dict[str, float]
    seconds: float

    def shown(self, row: int) -> str:
        """A row's input in one printable line of bounded length."""
        cells = (self.examples.inputs[name][row] for name in self.task.encoder.columns)
        return quoted(" | ".join(cells), _SHORT)


@dataclass(frozen=True)
class View:
    """What is shown of an evaluation.

    Attributes:
        baselines: `baseline_metric` of what a model has to beat, by its name.
        baseline_metric: The metric that the baselines tell.
        classes: Figures of each class or label.
        confusion: Counts, true class by row; empty where there is none.
        confusion_labels: Names of its rows and columns.
        mistakes: The worst rows, worst first.
        files: What is written beside the result: the ending of each file's name, and its writer.
        curves: Validation metrics worth drawing over the training.
    """

    baselines: dict[str, float] = field(default_factory=dict)
    baseline_metric: str = ""
    classes: list[ClassRow] = field(default_factory=list)
    confusion: list[list[int]] = field(default_factory=list)
    confusion_labels: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    files: dict[str, Callable[[Path], None]] = field(default_factory=dict)
    curves: tuple[str, ...] = ()


def texts_of(task: Task, examples: Examples) -> list[str]:
    """The words of each row; those of several columns together."""
    columns = (examples.inputs[name] for name in task.encoder.columns)
    return [" ".join(texts) for texts in zip(*columns, strict=True)]
