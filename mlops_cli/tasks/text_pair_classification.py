"""Classification of text pairs: two texts in, one label of several out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.task import TaskConfig
from mlops_cli.tasks import Encoder, Task
from mlops_cli.tasks.encoders import text_pair
from mlops_cli.tasks.heads import classes

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

NAME = "text_pair_classification"


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task with the labels of the training rows."""
    labels = classes.label_names(train.targets)
    return Task(NAME, encoder, classes.Classes(labels, config.calibration_bins))


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task again from `spec` and `folder/tokenizer.json`."""
    return Task(NAME, text_pair.load(spec["encoder"], folder), classes.load(spec["head"]))
