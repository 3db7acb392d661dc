"""Text regression: one text in, a number out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.task import TaskConfig
from mlops_cli.tasks import Encoder, Task
from mlops_cli.tasks.encoders import text
from mlops_cli.tasks.heads import numbers

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

NAME = "text_regression"


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task with the scale of the training rows' targets."""
    return Task(NAME, encoder, numbers.fit(train.targets))


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task again from `spec` and `folder/tokenizer.json`."""
    return Task(NAME, text.load(spec["encoder"], folder), numbers.load(spec["head"]))
