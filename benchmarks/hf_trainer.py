"""Hugging Face Trainer on a problem of `tasks.py`, in this process alone; prints figures as JSON.

    python benchmarks/hf_trainer.py DATA PROBLEM --checkpoint DIR [--seeds 3] [--like-ours]

With the Trainer's own defaults: learning rate 5e-5, batches of 8, no warm-up, three epochs, the
weights of the last one. With --like-ours it is given what our recipe has beside these but for its
five epochs: warm-up over a tenth of the steps, the best epoch by the metric of the task. Targets
that are numbers are scaled by mean and deviation, as its user would.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from problems import PROBLEMS, Problem, Rows
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging as transformers_logging

from mlops_cli.tasks.heads.classification_metrics import classification_metrics, softmax
from mlops_cli.tasks.heads.label_metrics import label_metrics, sigmoid
from mlops_cli.tasks.heads.number_metrics import number_metrics
from mlops_cli.tasks.heads.tags import Tags, tag_names

MAX_LENGTH, EPOCHS, IGNORED = 128, 3, -100
KINDS = {
    "multi_label_classification": "labels",
    "text_regression": "numbers",
    "text_similarity": "numbers",
    "token_classification": "tags",
}
RECIPE: dict[str, Any] = {
    "learning_rate": 5e-5,
    "per_device_train_batch_size": 8,
    "warmup_steps": 0.1,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "save_total_limit": 1,
    "load_best_model_at_end": True,
}


class Peer:
    """A problem as the Trainer sees it: encoded rows, a model, and figures of what it answers.

    Args:
        problem: The rows and the task.
        checkpoint: Folder of the pretrained model.
    """

    def __init__(self, problem: Problem, checkpoint: Path) -> None:
        self.problem, self.checkpoint = problem, checkpoint
        self.kind = KINDS.get(problem.task, "classes")
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        cells = [row[problem.label] for row in problem.parts["train"]]
        self.names: list[str] = []
        if self.kind == "numbers":
            values = np.array(cells, dtype=np.float64)
            self.mean, self.std = values.mean(), values.std()
        elif self.kind == "tags":
            self.names = list(tag_names(cells))
        else:
            parted = [cell.split("|") if self.kind == "labels" else [cell] for cell in cells]
            self.names = sorted({name for part in parted for name in part})

    def model(self) -> Any:
        """The checkpoint with a new head."""
        if self.kind == "tags":
            return AutoModelForTokenClassification.from_pretrained(
                self.checkpoint, num_labels=len(self.names), dtype=torch.float32
            )
        types = {"numbers": "regression", "labels": "multi_label_classification"}
        return AutoModelForSequenceClassification.from_pretrained(
            self.checkpoint,
            num_labels=len(self.names) or 1,
            problem_type=types.get(self.kind, "single_label_classification"),
            dtype=torch.float32,
        )

    def encode(self, rows: Rows) -> Dataset:
        """Token ids and targets."""
        if self.kind == "tags":
            return self._encode_words(rows)
        columns = [[row[column] for row in rows] for column in self.problem.inputs]
        encoded = self.tokenizer(*columns, truncation=True, max_length=MAX_LENGTH)
        return Dataset.from_dict({**encoded, "labels": self._targets(rows)})

    def _targets(self, rows: Rows) -> list[Any]:
        cells = [row[self.problem.label] for row in rows]
        if self.kind == "numbers":
            return [(float(cell) - self.mean) / self.std for cell in cells]
        if self.kind == "labels":
            return [[float(name in cell.split("|")) for name in self.names] for cell in cells]
        return [self.names.index(cell) for cell in cells]

    def _encode_words(self, rows: Rows) -> Dataset:
        """The tag of each word at its first token, as transformers' own example has it."""
        words = [json.loads(row[self.problem.inputs[0]]) for row in rows]
        encoded = self.tokenizer(
            words, is_split_into_words=True, truncation=True, max_length=MAX_LENGTH
        )
        targets = []
        for number, row in enumerate(rows):
            tags, before, ids = json.loads(row[self.problem.label]), None, []
            for word in encoded.word_ids(number):
                first = word is not None and word != before
                ids.append(self.names.index(tags[word]) if first else IGNORED)
                before = word
            targets.append(ids)
        return Dataset.from_dict({**encoded, "labels": targets})

    def score(self, outcome: Any) -> dict[str, float]:
        """The product's figures of the Trainer's logits."""
        logits, targets = outcome.predictions.astype(np.float32), outcome.label_ids
        if self.kind == "classes":
            return classification_metrics(softmax(logits), targets.astype(np.int64), bins=15)
        if self.kind == "labels":
            scores: NDArray[np.float64] = sigmoid(logits)
            return label_metrics(scores, scores >= 0.5, targets > 0.5)
        if self.kind == "numbers":
            found, true = (part.reshape(-1) * self.std + self.mean for part in (logits, targets))
            return number_metrics(found.astype(np.float64), true.astype(np.float64))
        return Tags(tuple(self.names)).metrics(logits, targets)

    def train(self, seed: int, *, like_ours: bool) -> dict[str, float]:
        """Trains once; the figures of the test rows."""
        torch.manual_seed(seed)
        tags = self.kind == "tags"
        collator = DataCollatorForTokenClassification if tags else DataCollatorWithPadding
        recipe = RECIPE | {"metric_for_best_model": self.problem.metrics[0]} if like_ours else {}
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                num_train_epochs=EPOCHS,
                seed=seed,
                use_cpu=True,
                report_to="none",
                disable_tqdm=True,
                **({"save_strategy": "no"} | recipe),
            )
            trainer = Trainer(
                self.model(),
                arguments,
                collator(self.tokenizer),
                train_dataset=self.encode(self.problem.parts["train"]),
                eval_dataset=self.encode(self.problem.parts["validation"]),
                compute_metrics=self.score,
            )
            seconds = trainer.train().metrics["train_runtime"]
            found = self.score(trainer.predict(self.encode(self.problem.parts["test"])))
            return found | {"seconds": seconds}


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("problem", choices=PROBLEMS)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3, help="train so often, from seed 0")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rows", type=int, help="train on so many rows")
    parser.add_argument("--like-ours", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    problem = PROBLEMS[options.problem](options.data)
    problem.parts["train"] = problem.parts["train"][: options.rows]
    peer = Peer(problem, options.checkpoint)
    found = [peer.train(seed, like_ours=options.like_ours) for seed in range(options.seeds)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
