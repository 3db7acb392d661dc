"""Evaluation: a trained model's figures on one split, beside what simple models reach."""

import csv
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mlops_cli import data, gates, models
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.errors import NotFoundError
from mlops_cli.files import atomic_path, write_json
from mlops_cli.models import inference
from mlops_cli.reporting import Reporter
from mlops_cli.reports import plots
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import ClassRow, EvaluationResult, Mistake, plain
from mlops_cli.tasks import Task, bag_of_words
from mlops_cli.tasks.classification import Calibration, calibration, confusion_matrix, per_class
from mlops_cli.tracking.record import Run

_WORST = 20
"""Mistakes in the result; the table beside it has them all."""
_SHORT = 160
"""Characters of a mistake's text in the result."""


@dataclass(frozen=True)
class _Predictions:
    """What a model said of every row of a split.

    Attributes:
        task: Names the classes and the input columns.
        examples: The rows.
        targets: Class id of each row.
        probabilities: Of shape (rows, classes).
        metrics: Every scalar metric.
        seconds: Wall time.
    """

    task: Task
    examples: Examples
    targets: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    metrics: dict[str, float]
    seconds: float

    def matrix(self) -> NDArray[np.int64]:
        """The confusion matrix."""
        predicted = self.probabilities.argmax(axis=1)
        return confusion_matrix(predicted, self.targets, len(self.task.labels))

    def mistakes(self) -> NDArray[np.int64]:
        """Positions of the wrong rows, highest confidence first."""
        wrong = np.flatnonzero(self.probabilities.argmax(axis=1) != self.targets)
        return wrong[np.argsort(-self.probabilities.max(axis=1)[wrong], kind="stable")]


def run(
    run: Run,
    config: Config,
    reporter: Reporter,
    *,
    root: Path,
    split: str = "validation",
    other_data: bool = False,
) -> EvaluationResult:
    """Evaluates a run's model and writes `evaluation/<split>.json` with its pictures.

    Gates are checked and told in the result; `gates.require` makes failed ones an error.

    Args:
        run: The run.
        config: Its config, with what was overridden for this evaluation.
        reporter: Told of progress and of data that changed since the training.
        root: The project, where gates find the runs they compare with.
        split: train, validation or test.
        other_data: The data was chosen on purpose and need not be the training's.

    Raises:
        NotFoundError: The run has no model, or the data has no such split.
        DataError: The split has labels that the model does not know.
    """
    bars = gates.bars(config.gates, root=root, split=split, run=run)
    network, task = _model(run)
    splits = data.load(config.data, config.seed, reporter)
    data.warn_of_leaks(splits, reporter)
    examples = _examples(splits, split)
    fingerprint = examples.fingerprint()
    if not other_data:
        _compare_data(run, split, fingerprint, reporter)
    found = _predict(network, task, examples, config, reporter)
    matrix = found.matrix()
    result = EvaluationResult(
        run=run.id,
        split=split,
        rows=len(examples),
        truncated=task.count_truncated(examples.inputs),
        fingerprint=fingerprint,
        monitor=config.trainer.monitor,
        metrics=found.metrics,
        baselines=_baselines(task, splits.train, examples),
        classes=_class_rows(task.labels, matrix),
        confusion=matrix.tolist(),
        mistakes=_worst(found),
        gates=gates.check(bars, found.metrics),
        path=run.evaluation / f"{split}.json",
        files=_files(run, split),
        seconds=found.seconds,
    )
    bins = calibration(found.probabilities, found.targets, bins=config.task.calibration_bins)
    _write(run, result, found, bins)
    return result


def probabilities(
    run: Run, config: Config, examples: Examples, reporter: Reporter
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """A run's labels, and their probabilities for each row: shape (rows, classes).

    Raises:
        NotFoundError: The run has no model.
        DataError: A row has a label that the model does not know.
    """
    network, task = _model(run)
    return task.labels, _predict(network, task, examples, config, reporter).probabilities


def _model(run: Run) -> tuple[torch.nn.Module, Task]:
    """The run's model; a run that has none yet is told by its status."""
    if not (run.model / "task.json").exists():
        status = run.read().get("status", "unknown")
        raise NotFoundError(
            f"run {run.id} has no model (its status is {status})",
            hint=f"go on with it: mlops train --resume {run.id}; "
            "or take another: mlops evaluate best",
        )
    return models.load(run.model)


def _examples(splits: Splits, split: str) -> Examples:
    """The rows of one split, which must be there."""
    there = splits.named()
    if split not in there:
        raise NotFoundError(f"the data has no {split} split", hint=f"it has: {', '.join(there)}")
    return there[split]


def _compare_data(run: Run, split: str, fingerprint: str, reporter: Reporter) -> None:
    recorded = run.read().get("data", {}).get("fingerprints", {}).get(split)
    if recorded is not None and recorded != fingerprint:
        reporter.warn(
            f"the data changed since run {run.id} was trained: its {split} split now holds "
            "other rows, and the model may have been trained on some of them"
        )


def _predict(
    network: torch.nn.Module, task: Task, examples: Examples, config: Config, reporter: Reporter
) -> _Predictions:
    """Runs the network over the rows, on the accelerator of the config where it is there."""
    targets = task.target_ids(examples.targets)
    started = time.perf_counter()
    logits = inference.logits(
        network.to(_device(config.trainer.accelerator)),
        task,
        task.encode(examples.inputs),
        batch_size=config.trainer.eval_batch_size,
        reporter=reporter,
        description="evaluating",
    )
    seconds = time.perf_counter() - started
    metrics = task.metrics(logits, targets, calibration_bins=config.task.calibration_bins)
    return _Predictions(task, examples, targets, task.probabilities(logits), metrics, seconds)


def _device(accelerator: str) -> str:
    """Where to run. A model trained on an accelerator can be evaluated on a machine without."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return "cuda"
    if accelerator != "cpu" and torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def _baselines(task: Task, train: Examples, examples: Examples) -> dict[str, float]:
    """Accuracy of the majority class and of a bag of words, both taken from the training split."""
    if not set(train.targets) <= set(task.labels):
        return {}
    train_ids, ids = task.target_ids(train.targets), task.target_ids(examples.targets)
    majority = int(np.bincount(train_ids).argmax())
    found = {"majority_class": float((ids == majority).mean())}
    if task.input_columns == ("text",):
        texts = examples.inputs["text"]
        found["bag_of_words"] = bag_of_words.fit_score(
            train.inputs["text"], train_ids, texts, ids, len(task.labels)
        )
    return found


def _class_rows(labels: Sequence[str], matrix: NDArray[np.int64]) -> list[ClassRow]:
    scores = per_class(matrix)
    columns = (scores.precision, scores.recall, scores.f1, scores.support)
    return [
        ClassRow(label, *row)
        for label, *row in zip(labels, *(column.tolist() for column in columns), strict=True)
    ]


def _worst(found: _Predictions) -> list[Mistake]:
    """The mistakes of the highest confidence."""
    return [
        Mistake(
            row=int(row) + 1,
            text=_shorten(
                " | ".join(found.examples.inputs[c][row] for c in found.task.input_columns)
            ),
            label=found.examples.targets[row],
            predicted=found.task.labels[int(found.probabilities[row].argmax())],
            confidence=float(found.probabilities[row].max()),
        )
        for row in found.mistakes()[:_WORST]
    ]


def _shorten(text: str) -> str:
    """One printable line of at most `_SHORT` characters."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text[: 4 * _SHORT].split()))
    return line if len(line) <= _SHORT else line[: _SHORT - 1] + "…"


def _files(run: Run, split: str) -> list[Path]:
    """The pictures and tables of an evaluation, in the order `_write` makes them."""
    names = [f"{split}-confusion.png", f"{split}-calibration.png", f"{split}-mistakes.csv"]
    if next(run.metrics(), None) is not None:
        names.append("curves.png")
    return [run.evaluation / name for name in names]


def _write(run: Run, result: EvaluationResult, found: _Predictions, bins: Calibration) -> None:
    """Writes everything; the files take their places together, after all of them are whole."""
    with ExitStack() as stack:
        # The stack unwinds backwards: the JSON file, which is the record, comes last.
        record = stack.enter_context(atomic_path(result.path))
        confusion, reliability, mistakes, *curves = (
            stack.enter_context(atomic_path(path)) for path in result.files
        )
        plots.confusion(confusion, found.matrix(), found.task.labels)
        plots.reliability(reliability, bins)
        _write_mistakes(mistakes, found)
        for path in curves:
            plots.curves(path, run.metrics(), ("accuracy", "f1_macro", "mcc", result.monitor))
        write_json(record, plain(result))


def _write_mistakes(path: Path, found: _Predictions) -> None:
    """Every mistake with its whole text, highest confidence first."""
    columns = found.task.input_columns
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", "label", "predicted", "confidence", *columns])
        for row in found.mistakes():
            scores = found.probabilities[row]
            predicted = found.task.labels[int(scores.argmax())]
            texts = (found.examples.inputs[column][row] for column in columns)
            writer.writerow(
                [row + 1, found.examples.targets[row], predicted, f"{scores.max():.4f}", *texts]
            )
