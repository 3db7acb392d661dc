"""An evaluation of classes: confusion, calibration, the most confident mistakes."""

import csv
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.examples import Examples
from mlops_cli.evaluation.view import WORST, Predicted, View, texts_of
from mlops_cli.reports import contact_sheet, plots
from mlops_cli.schemas.results import ClassRow, Mistake
from mlops_cli.tasks import Task, bag_of_words
from mlops_cli.tasks.heads.classes import Classes
from mlops_cli.tasks.heads.classification_metrics import (
    calibration,
    confusion_matrix,
    per_class,
    softmax,
)

_SHEET, _CAPTION = 24, 14
"""Images on the sheet of mistakes, and letters of a label there."""


def view(found: Predicted, train: Examples) -> View:
    """What is shown of predicted classes.

    Args:
        found: The predictions.
        train: The training split, which the baselines are taken from.
    """
    head = found.task.head
    assert isinstance(head, Classes)
    scores = softmax(found.outputs)
    predicted = scores.argmax(axis=1)
    matrix = confusion_matrix(predicted, found.targets, len(head.labels))
    wrong = np.flatnonzero(predicted != found.targets)
    wrong = wrong[np.argsort(-scores.max(axis=1)[wrong], kind="stable")]
    bins = calibration(scores, found.targets, bins=head.calibration_bins)
    sheet: dict[str, Callable[[Path], None]] = {}
    if "image" in found.task.encoder.columns and len(wrong):
        sheet["mistakes.png"] = partial(_draw_mistakes, found=found, scores=scores, wrong=wrong)
    return View(
        baselines=_baselines(found.task, train, found),
        baseline_metric="accuracy",
        classes=_class_rows(head.labels, matrix),
        confusion=matrix.tolist(),
        confusion_labels=list(head.labels),
        mistakes=[_mistake(found, scores, int(row)) for row in wrong[:WORST]],
        files={
            "confusion.png": partial(plots.confusion, matrix=matrix, labels=head.labels),
            "calibration.png": partial(plots.reliability, found=bins),
            "mistakes.csv": partial(_write_mistakes, found=found, scores=scores, wrong=wrong),
            **sheet,
        },
        curves=("accuracy", "f1_macro", "mcc"),
    )


def _baselines(task: Task, train: Examples, found: Predicted) -> dict[str, float]:
    """Accuracy of the majority class and, for texts and images, of what looks at little of them."""
    if not set(train.targets) <= set(task.labels):
        return {}
    train_ids = task.head.targets(train.targets, ())
    classes, majority = len(task.labels), int(np.bincount(train_ids).argmax())
    baselines = {"majority_class": float((found.targets == majority).mean())}
    if "text" in task.encoder.columns and not train.streamed:
        baselines["bag_of_words"] = bag_of_words.fit_score(
            texts_of(task, train),
            train_ids,
            texts_of(task, found.examples),
            found.targets,
            classes,
        )
    if "image" in task.encoder.columns:
        from mlops_cli.tasks import pixels

        images = train.inputs["image"], found.examples.inputs["image"]
        baselines |= pixels.baselines(images[0], train_ids, images[1], found.targets, classes)
    return baselines


def _class_rows(labels: Sequence[str], matrix: NDArray[np.int64]) -> list[ClassRow]:
    scores = per_class(matrix)
    columns = (scores.precision, scores.recall, scores.f1, scores.support)
    return [
        ClassRow(label, *row)
        for label, *row in zip(labels, *(column.tolist() for column in columns), strict=True)
    ]


def _mistake(found: Predicted, scores: NDArray[np.float64], row: int) -> Mistake:
    return Mistake(
        row=row + 1,
        text=found.shown(row),
        label=found.examples.targets[row],
        predicted=found.task.labels[int(scores[row].argmax())],
        confidence=float(scores[row].max()),
    )


def _draw_mistakes(
    path: Path, *, found: Predicted, scores: NDArray[np.float64], wrong: NDArray[np.int64]
) -> None:
    """The images of the worst mistakes."""
    worst = wrong[:_SHEET].tolist()
    captions = []
    for row in worst:
        predicted = found.task.labels[int(scores[row].argmax())]
        names = (_short(found.examples.targets[row]), _short(predicted))
        captions.append(f"{names[0]}, taken for {names[1]}\n{scores[row].max():.0%}, row {row + 1}")
    images = [found.rows[row].pixels() for row in worst]
    contact_sheet.draw(path, images, captions, "Most confident mistakes")


def _short(label: str) -> str:
    return label if len(label) <= _CAPTION else label[: _CAPTION - 1] + "…"


def _write_mistakes(
    path: Path, *, found: Predicted, scores: NDArray[np.float64], wrong: NDArray[np.int64]
) -> None:
    """Every mistake with its whole input, highest confidence first."""
    columns = found.task.encoder.columns
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", "label", "predicted", "confidence", *columns])
        for row in wrong.tolist():
            predicted = found.task.labels[int(scores[row].argmax())]
            inputs = (found.examples.inputs[column][row] for column in columns)
            confidence = f"{scores[row].max():.4f}"
            writer.writerow([row + 1, found.examples.targets[row], predicted, confidence, *inputs])
