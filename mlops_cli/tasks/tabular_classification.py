"""Tabular classification: numbers and categories in, one label of several out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.task import TaskConfig
from mlops_cli.tasks import Encoder, Task
from mlops_cli.tasks.encoders import table
from mlops_cli.tasks.heads import classes

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

NAME = "tabular_classification"


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task with the labels of the training rows."""
    labels = classes.label_names(train.targets)
    return Task(NAME, encoder, classes.Classes(labels, config.calibration_bins))


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task again from `spec`."""
    return Task(NAME, table.load(spec["encoder"]), classes.load(spec["head"]))
