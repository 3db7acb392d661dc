"""A task of your own, named by configs/task/custom.yaml: texts in which links count as one word.

A task joins an encoder (raw rows to inputs of the model) and a head (outputs of the model to
answers). The same code runs in training and behind `mlops predict`; it needs no torch.
"""

import re

from mlops_cli.tasks import Task
from mlops_cli.tasks.encoders import text
from mlops_cli.tasks.heads import classes

NAME = "custom.task"


class WithoutLinks(text.TextEncoder):
    """Texts to token ids, with the word "link" for each address."""

    def encodings(self, inputs):
        """What the tokenizer makes of the rows."""
        texts = [re.sub(r"https?://\S+", "link", row) for row in inputs["text"]]
        return self.tokenizer.encode_batch_fast(texts)


def fit(config, train, encoder):
    """The task, fitted to the training rows; `encoder` is the one that the model has chosen."""
    own = WithoutLinks(encoder.tokenizer, encoder.max_length, encoder.pad_id, encoder.input_names)
    return Task(NAME, own, classes.Classes(classes.label_names(train.targets)))


def load(spec, folder):
    """Makes the task again from what was saved of it."""
    encoder = text.load(spec["encoder"], folder, kind=WithoutLinks)
    return Task(NAME, encoder, classes.load(spec["head"]))
