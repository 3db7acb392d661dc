"""Token classification: words in, a tag for each out; entities such as persons and places."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.schemas.task import TaskConfig
from mlops_cli.tasks import Encoder, Task
from mlops_cli.tasks.encoders import text
from mlops_cli.tasks.encoders.words import WordEncoder
from mlops_cli.tasks.heads import tags

if TYPE_CHECKING:
    from mlops_cli.data.examples import Examples

NAME = "token_classification"


def fit(config: TaskConfig, train: "Examples", encoder: Encoder) -> Task:
    """The task with the tags of the training rows."""
    return Task(NAME, encoder, tags.Tags(tags.tag_names(train.targets)))


def load(spec: dict[str, Any], folder: Path) -> Task:
    """Makes the task again from `spec` and `folder/tokenizer.json`."""
    return Task(NAME, text.load(spec["encoder"], folder, WordEncoder), tags.load(spec["head"]))
