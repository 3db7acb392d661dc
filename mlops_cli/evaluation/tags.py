"""An evaluation of tags: entities by type, tags against each other, the worst rows."""

import csv
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.examples import Examples
from mlops_cli.evaluation.view import WORST, Predicted, View
from mlops_cli.reports import plots
from mlops_cli.schemas.results import ClassRow, Mistake
from mlops_cli.tasks import IGNORED
from mlops_cli.tasks.encoders.words import split_words
from mlops_cli.tasks.heads.classification_metrics import confusion_matrix, softmax
from mlops_cli.tasks.heads.tags import OUTSIDE, Tags, entity_counts, spans


def view(found: Predicted, train: Examples) -> View:
    """What is shown of predicted tags.

    Args:
        found: The predictions.
        train: The training split, which the baseline is taken from.
    """
    head = found.task.head
    assert isinstance(head, Tags)
    judged = found.targets != IGNORED
    answered = found.outputs.argmax(axis=-1)
    truth, answers = head.named(found.targets, judged), head.named(answered, judged)
    matrix = confusion_matrix(answered[judged], found.targets[judged], len(head.labels))
    wrong = _wrong(found, truth, answers, judged)
    return View(
        # A count of every word on the disk may not fit into memory.
        baselines={}
        if train.streamed
        else {"commonest_tag": _commonest_tag(train, found.examples)},
        baseline_metric="entity_f1",
        classes=_rows(truth, answers),
        confusion=matrix.tolist(),
        confusion_labels=list(head.labels),
        mistakes=wrong[:WORST],
        files={
            "confusion.png": partial(plots.confusion, matrix=matrix, labels=head.labels),
            "mistakes.csv": partial(_write, mistakes=wrong, examples=found.examples),
        },
        curves=("entity_f1", "accuracy"),
    )


def _commonest_tag(train: Examples, examples: Examples) -> float:
    """F1 of entities where each word gets the tag it most often had in training."""
    seen: dict[str, Counter[str]] = {}
    for cell, tags in zip(train.inputs["text"], train.targets, strict=True):
        for word, tag in zip(split_words(cell), split_words(tags), strict=False):
            seen.setdefault(word, Counter())[tag] += 1
    usual = {word: counts.most_common(1)[0][0] for word, counts in seen.items()}
    truth = [split_words(tags) for tags in examples.targets]
    answers = [
        [usual.get(word, OUTSIDE) for word in split_words(cell)] for cell in examples.inputs["text"]
    ]
    counts = entity_counts(truth, answers).values()
    right, both = sum(one[0] for one in counts), sum(one[1] + one[2] for one in counts)
    return 2 * right / both if both else 0.0


def _rows(truth: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> list[ClassRow]:
    """The figures of each type of entity."""
    rows = []
    for kind, (right, given, there) in entity_counts(truth, answers).items():
        precision, recall = right / max(given, 1), right / max(there, 1)
        f1 = 2 * right / (given + there) if given + there else 0.0
        rows.append(ClassRow(kind, precision, recall, f1, there))
    return rows


def _wrong(
    found: Predicted,
    truth: list[list[str]],
    answers: list[list[str]],
    judged: NDArray[np.bool_],
) -> list[Mistake]:
    """The rows with a wrong entity, those first that the model was surest of."""
    wrong = []
    for row, (true, answer) in enumerate(zip(truth, answers, strict=True)):
        if set(spans(true)) == set(spans(answer)):
            continue
        scores = softmax(found.outputs[row][judged[row]]).max(axis=-1)
        off = [
            place for place, pair in enumerate(zip(true, answer, strict=True)) if len(set(pair)) > 1
        ]
        words = split_words(found.examples.inputs["text"][row])
        wrong.append(
            Mistake(
                row=row + 1,
                text=found.shown(row),
                label=_entities(words, true),
                predicted=_entities(words, answer),
                confidence=float(scores[off].max()),
            )
        )
    return sorted(wrong, key=lambda one: -(one.confidence or 0.0))


def _entities(words: list[str], tags: list[str]) -> str:
    """The entities of a row in words."""
    named = (f"{' '.join(words[one.first : one.last + 1])} ({one.kind})" for one in spans(tags))
    return ", ".join(named) or "none"


def _write(path: Path, *, mistakes: list[Mistake], examples: Examples) -> None:
    """Every row with a wrong entity, with its whole text."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", "entities", "predicted", "confidence", "text", "tags"])
        for one in mistakes:
            text, tags = examples.inputs["text"][one.row - 1], examples.targets[one.row - 1]
            writer.writerow(
                [one.row, one.label, one.predicted, f"{one.confidence:.4f}", text, tags]
            )
