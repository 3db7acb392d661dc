"""Tabular regression: numbers and categories in, a number out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.task import TaskConfig
from mlops_cli.tasks import Encoder, Task
from mlops_cli.tasks.encoders import table
from mlops_cli.tasks.heads import numbers

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

NAME = "tabular_regression"


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task with the scale of the training rows' targets."""
    return Task(NAME, encoder, numbers.fit(train.targets))


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task again from `spec`."""
    return Task(NAME, table.load(spec["encoder"]), numbers.load(spec["head"]))
