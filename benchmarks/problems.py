"""The real data sets that `tasks.py` trains on: rows in three parts, and how a task reads them.

What is measured is always test rows that no side has seen. Where a data set has no test rows with
labels, its validation part is the test, and validation rows are drawn from the training part.
"""

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Rows = list[dict[str, str]]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Problem:
    """A data set and what is to be learnt from it.

    Attributes:
        task: The task's name.
        parts: Rows of train, validation and test.
        metrics: What is shown; the first one counts.
        inputs: Columns of the text, or of both texts; empty: all but the label, as a table.
        label: Column of what is predicted.
    """

    task: str
    parts: dict[str, Rows]
    metrics: tuple[str, ...]
    inputs: tuple[str, ...]
    label: str

    @property
    def words(self) -> list[str]:
        """What is typed for it, beside the files."""
        data = ["data=file" if self.inputs else "data=table", f"data.label={self.label}"]
        columns = zip(("text", "text_pair"), self.inputs, strict=False)
        return [
            f"task={self.task}",
            *data,
            *(f"data.{name}={column}" for name, column in columns),
        ]

    def write(self, folder: Path) -> None:
        """Writes the parts as CSV files."""
        folder.mkdir(parents=True, exist_ok=True)
        for part, rows in self.parts.items():
            with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


CLASSES = ("accuracy", "f1_macro", "mcc")
NUMBERS = ("r2", "rmse", "pearson", "spearman")
LABELS = ("f1_micro", "f1_macro", "subset_accuracy")
TAGS = ("entity_f1", "entity_precision", "entity_recall", "accuracy")


def diabetes(data: Path) -> Problem:
    """Progress of a disease from ten figures of a patient, 442 rows."""
    parts = split(read(data / "diabetes" / "data.csv"), 0.15, 0.25)
    return Problem("tabular_regression", parts, NUMBERS, (), "target")


def adult(data: Path) -> Problem:
    """Income above 50,000 from a census: numbers, categories, missing values."""
    parts = split(read(data / "adult" / "train.csv"), 0.1, 0.0)
    parts["test"] = read(data / "adult" / "test.csv")
    return Problem("tabular_classification", parts, CLASSES, (), "income")


def trec(data: Path) -> Problem:
    """The coarse class of a question."""
    parts = split(read(data / "trec" / "train.csv"), 0.1, 0.0)
    parts["test"] = read(data / "trec" / "test.csv")
    return Problem("text_classification", parts, CLASSES, ("text",), "label")


def trec_labels(data: Path) -> Problem:
    """Both the coarse and the fine class of a question, as labels."""
    rows = {
        part: [
            {"text": row["text"], "labels": f"{row['label']}|{row['fine_label']}"}
            for row in read(data / "trec" / f"{part}.csv")
        ]
        for part in ("train", "test")
    }
    parts = split(rows["train"], 0.1, 0.0)
    known = {label for row in parts["train"] for label in row["labels"].split("|")}
    for part, held_out in (("validation", parts["validation"]), ("test", rows["test"])):
        parts[part] = [row for row in held_out if known.issuperset(row["labels"].split("|"))]
    return Problem("multi_label_classification", parts, LABELS, ("text",), "labels")


def cola(data: Path) -> Problem:
    """Whether an English sentence is acceptable."""
    parts = split(read(data / "cola" / "train.csv"), 0.1, 0.0)
    parts["test"] = read(data / "cola" / "validation.csv")
    return Problem("text_classification", parts, ("mcc", "accuracy"), ("sentence",), "label")


def wikigold(data: Path) -> Problem:
    """People, places, organisations and others in sentences of an encyclopaedia."""
    rows = {
        part: [
            {name: json.dumps(sentence[name]) for name in ("tokens", "tags")}
            for line in (data / "wikigold" / f"{part}.jsonl").read_text("utf-8").splitlines()
            if (sentence := json.loads(line))["tokens"]
        ]
        for part in ("train", "validation")
    }
    parts = split(rows["train"], 0.1, 0.0) | {"test": rows["validation"]}
    return Problem("token_classification", parts, TAGS, ("tokens",), "tags")


def snli_cad(data: Path) -> Problem:
    """Entailment between two sentences, 1,666 pairs."""
    parts = {part: read(data / "snli-cad" / f"{part}.csv") for part in PARTS}
    pair = ("sentence1", "sentence2")
    return Problem("text_pair_classification", parts, CLASSES, pair, "label")


def klue_sts(data: Path) -> Problem:
    """How alike two Korean sentences are, from 0 to 5; 519 pairs."""
    parts = split(read(data / "klue-sts" / "dev.csv"), 0.1, 0.2)
    pair = ("sentence1", "sentence2")
    return Problem("text_similarity", parts, ("pearson", "spearman", "rmse"), pair, "label")


def tate(data: Path) -> Problem:
    """The year of a work of art from its title and medium."""
    rows = [
        {"text": f"{row['title']}. {row['medium']}", "year": row["year"]}
        for row in read(data / "tate-text" / "data.csv")
        if row["year"] and (row["title"] or row["medium"])
    ]
    return Problem("text_regression", split(rows, 0.1, 0.2), NUMBERS, ("text",), "year")


PROBLEMS: dict[str, Callable[[Path], Problem]] = {
    "diabetes": diabetes,
    "adult": adult,
    "trec": trec,
    "trec-labels": trec_labels,
    "cola": cola,
    "wikigold": wikigold,
    "snli-cad": snli_cad,
    "klue-sts": klue_sts,
    "tate-text": tate,
}


def split(rows: Rows, validation: float, test: float) -> dict[str, Rows]:
    """The rows in three parts, drawn from seed 0."""
    rows = random.Random(0).sample(rows, len(rows))
    held = round(test * len(rows))
    first = held + round(validation * len(rows))
    return {"train": rows[first:], "validation": rows[held:first], "test": rows[:held]}


def read(path: Path) -> Rows:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
