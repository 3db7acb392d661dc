"""An evaluation of any number of labels: each label's figures, the rows with most of them wrong."""

import csv
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.examples import Examples
from mlops_cli.evaluation.view import WORST, Predicted, View, texts_of
from mlops_cli.reports import plots
from mlops_cli.schemas.results import ClassRow, Mistake
from mlops_cli.tasks import bag_of_words
from mlops_cli.tasks.heads.label_metrics import f1_micro, per_label, sigmoid
from mlops_cli.tasks.heads.labels import Labels


def view(found: Predicted, train: Examples) -> View:
    """What is shown of predicted labels.

    Args:
        found: The predictions.
        train: The training split, which the baselines are taken from.
    """
    head = found.task.head
    assert isinstance(head, Labels)
    scores, chosen, true = sigmoid(found.outputs), head.chosen(found.outputs), found.targets > 0
    wrong = (chosen != true).sum(axis=1)
    # Of rows with as many labels wrong, those first where the model is surest of them.
    sure = (np.abs(scores - true) * (chosen != true)).sum(axis=1)
    order = np.lexsort((-sure, -wrong))
    rows = order[wrong[order] > 0]
    figures = per_label(chosen, true)
    columns = (figures.precision, figures.recall, figures.f1, figures.support)
    classes = [
        ClassRow(label, *row)
        for label, *row in zip(head.labels, *(column.tolist() for column in columns), strict=True)
    ]
    return View(
        baselines=_baselines(found, head, train, true),
        baseline_metric="f1_micro",
        classes=classes,
        mistakes=[_mistake(found, head, chosen, scores, int(row)) for row in rows[:WORST]],
        files={
            "labels.png": partial(plots.label_scores, rows=classes),
            "mistakes.csv": partial(_write, found=found, head=head, chosen=chosen, rows=rows),
        },
        curves=("f1_micro", "f1_macro", "subset_accuracy"),
    )


def _baselines(
    found: Predicted, head: Labels, train: Examples, true: NDArray[np.bool_]
) -> dict[str, float]:
    """F1 of the most frequent labels for every row and, for texts, of a bag of words."""
    if not all(map(head.knows, set(train.targets))):
        return {}
    known = head.targets(train.targets) > 0
    shares = known.mean(axis=0)
    frequent = np.broadcast_to(shares >= min(0.5, shares.max()), true.shape)
    baselines = {"frequent_labels": f1_micro(frequent, true)}
    if "text" in found.task.encoder.columns and not train.streamed:
        words = texts_of(found.task, train), texts_of(found.task, found.examples)
        given = bag_of_words.fit_labels(words[0], known, words[1])
        baselines["bag_of_words"] = f1_micro(given, true)
    return baselines


def _names(head: Labels, row: NDArray[np.bool_]) -> str:
    return head.separator.join(head.labels[label] for label in np.flatnonzero(row))


def _mistake(
    found: Predicted,
    head: Labels,
    chosen: NDArray[np.bool_],
    scores: NDArray[np.float64],
    row: int,
) -> Mistake:
    wrong = np.flatnonzero(chosen[row] != (found.targets[row] > 0))
    sure = np.where(chosen[row], scores[row], 1 - scores[row])[wrong]
    return Mistake(
        row=row + 1,
        text=found.shown(row),
        label=_names(head, found.targets[row] > 0),
        predicted=_names(head, chosen[row]),
        confidence=float(sure.max()),
    )


def _write(
    path: Path,
    *,
    found: Predicted,
    head: Labels,
    chosen: NDArray[np.bool_],
    rows: NDArray[np.int64],
) -> None:
    """Every row with a wrong label, and its whole input; most labels wrong first."""
    columns = found.task.encoder.columns
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", "label", "predicted", "wrong", *columns])
        for row in rows.tolist():
            true = found.targets[row] > 0
            inputs = (found.examples.inputs[column][row] for column in columns)
            wrong = int((chosen[row] != true).sum())
            writer.writerow(
                [row + 1, _names(head, true), _names(head, chosen[row]), wrong, *inputs]
            )
