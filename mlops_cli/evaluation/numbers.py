"""An evaluation of numbers: predicted against true, the errors, the rows that are furthest off."""

import csv
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.examples import Examples
from mlops_cli.evaluation.view import WORST, Predicted, View, texts_of
from mlops_cli.reports import plots
from mlops_cli.schemas.results import Mistake
from mlops_cli.tasks import bag_of_words
from mlops_cli.tasks.heads.number_metrics import number_metrics
from mlops_cli.tasks.heads.numbers import Numbers, parsed


def view(found: Predicted, train: Examples) -> View:
    """What is shown of predicted numbers.

    Args:
        found: The predictions.
        train: The training split, which the baselines are taken from.
    """
    head = found.task.head
    assert isinstance(head, Numbers)
    predicted, true = head.values(found.outputs), parsed(found.examples.targets)
    errors = predicted - true
    worst = np.argsort(-np.abs(errors), kind="stable")
    return View(
        baselines=_baselines(found, train, true),
        baseline_metric="rmse",
        mistakes=[_mistake(found, predicted, errors, int(row)) for row in worst[:WORST]],
        files={
            "scatter.png": partial(plots.scatter, predicted=predicted, true=true),
            "errors.png": partial(plots.errors, errors=errors),
            "errors.csv": partial(
                _write, found=found, predicted=predicted, errors=errors, rows=worst
            ),
        },
        curves=("rmse", "mae"),
    )


def _baselines(found: Predicted, train: Examples, true: NDArray[np.float64]) -> dict[str, float]:
    """The error of the mean and, for texts, of a bag of words."""
    known = parsed(train.targets)
    answers = {"mean": np.full(len(true), known.mean())}
    if "text" in found.task.encoder.columns and not train.streamed:
        words = texts_of(found.task, train), texts_of(found.task, found.examples)
        answers["bag_of_words"] = bag_of_words.fit_numbers(words[0], known, words[1])
    return {name: number_metrics(given, true)["rmse"] for name, given in answers.items()}


def _mistake(
    found: Predicted, predicted: NDArray[np.float64], errors: NDArray[np.float64], row: int
) -> Mistake:
    return Mistake(
        row=row + 1,
        text=found.shown(row),
        label=found.examples.targets[row],
        predicted=f"{predicted[row]:.6g}",
        error=float(errors[row]),
    )


def _write(
    path: Path,
    *,
    found: Predicted,
    predicted: NDArray[np.float64],
    errors: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Every row with its whole input, the largest error first."""
    columns = found.task.encoder.columns
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", "label", "predicted", "error", *columns])
        for row in rows.tolist():
            inputs = (found.examples.inputs[column][row] for column in columns)
            figures = (f"{predicted[row]:.6g}", f"{errors[row]:.6g}")
            writer.writerow([row + 1, found.examples.targets[row], *figures, *inputs])
