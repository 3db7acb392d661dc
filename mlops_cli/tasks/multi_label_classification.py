"""Multi-label classification: one text in, any number of labels out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.task import TaskConfig
from mlops_cli.tasks import Encoder, Task
from mlops_cli.tasks.encoders import text
from mlops_cli.tasks.heads import labels

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

NAME = "multi_label_classification"


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task with the labels of the training rows."""
    return Task(NAME, encoder, labels.fit(train.targets, config.separator, config.threshold))


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task again from `spec` and `folder/tokenizer.json`."""
    return Task(NAME, text.load(spec["encoder"], folder), labels.load(spec["head"]))
