"""Evaluation: a trained model's figures on one split, beside what simple models reach."""

import importlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mlops_cli import data, gates, models
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.fitting import refuse_lacking, refuse_unfit
from mlops_cli.errors import NotFoundError
from mlops_cli.evaluation import slices
from mlops_cli.evaluation.view import Predicted, View
from mlops_cli.files import atomic_path, write_json
from mlops_cli.models import inference
from mlops_cli.reporting import Reporter
from mlops_cli.reports import plots
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.results import EvaluationResult
from mlops_cli.schemas.task import METRICS
from mlops_cli.tasks import Task
from mlops_cli.tasks.heads.classification_metrics import softmax
from mlops_cli.tracking import finding
from mlops_cli.tracking.record import Run


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
        DataError: The split has labels that the model does not know, or lacks a column.
    """
    bars = gates.bars(config.gates, root=root, split=split, run=run)
    network, task = _model(run)
    splits = data.load(config.data, config.seed, reporter)
    data.warn_of_leaks(splits, reporter)
    examples = _examples(splits, split)
    refuse_unfit(examples, task, config.data, split)
    fingerprint = examples.fingerprint()
    if not other_data:
        _compare_data(run, split, fingerprint, reporter)
    found = _predict(network, task, examples, config, reporter)
    shown = _view(found, splits.train)
    files = _files(run, split, shown)
    result = EvaluationResult(
        run=run.id,
        split=split,
        rows=len(examples),
        truncated=examples.truncated(task.encoder),
        fingerprint=fingerprint,
        monitor=config.trainer.monitor,
        metrics=found.metrics,
        baselines=shown.baselines,
        baseline_metric=shown.baseline_metric,
        classes=shown.classes,
        confusion=shown.confusion,
        confusion_labels=shown.confusion_labels,
        mistakes=shown.mistakes,
        gates=gates.check(bars, found.metrics),
        path=run.evaluation / f"{split}.json",
        files=list(files),
        seconds=found.seconds,
        slices=slices.find(found, config.trainer.monitor, reporter),
    )
    _write(result, files)
    return result


def probabilities(
    run: Run, config: Config, examples: Examples, reporter: Reporter
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """A classifier's labels, and their probabilities for each row: shape (rows, classes).

    Raises:
        NotFoundError: The run has no model.
        DataError: A row has a label that the model does not know, or a column is not there.
    """
    network, task = _model(run)
    refuse_lacking(examples, task.encoder, config.data)
    return task.labels, softmax(_predict(network, task, examples, config, reporter).outputs)


def _model(run: Run) -> tuple[torch.nn.Module, Task]:
    """The run's model; a run that has none yet is told by its status."""
    if not (run.model / "task.json").exists():
        raise finding.without_model(run, "evaluate")
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
) -> Predicted:
    """Runs the network over the rows, on the accelerator of the config where it is there."""
    started = time.perf_counter()
    rows = examples.encoded(task.encoder)
    targets = task.head.targets(examples.targets, rows)
    outputs = inference.logits(
        network.to(_device(config.trainer.accelerator)),
        task,
        rows,
        batch_size=config.trainer.eval_batch_size,
        reporter=reporter,
        description="evaluating",
    )
    seconds = time.perf_counter() - started
    metrics = task.head.metrics(outputs, targets)
    return Predicted(task, examples, rows, outputs, targets, metrics, seconds)


def _view(found: Predicted, train: Examples) -> View:
    """What is shown, by what the task predicts; of a kind of the user's own, only the metrics."""
    kind = found.task.head.kind
    if kind not in METRICS:
        return View()
    shown: View = importlib.import_module(f"{__name__}.{kind}").view(found, train)
    return shown


def _device(accelerator: str) -> str:
    """Where to run. A model trained on an accelerator can be evaluated on a machine without."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return "cuda"
    if accelerator != "cpu" and torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def _files(run: Run, split: str, shown: View) -> dict[Path, Callable[[Path], None]]:
    """The pictures and tables of an evaluation with what writes them."""
    files = {run.evaluation / f"{split}-{name}": write for name, write in shown.files.items()}
    if next(run.metrics(), None) is not None:
        drawn = dict.fromkeys((*shown.curves, run.read().get("monitor", "")))
        curves = partial(plots.curves, lines=run.metrics(), metrics=tuple(drawn))
        files[run.evaluation / "curves.png"] = curves
    return files


def _write(result: EvaluationResult, files: dict[Path, Callable[[Path], None]]) -> None:
    """Writes everything; the files take their places together, after all of them are whole."""
    with ExitStack() as stack:
        # The stack unwinds backwards: the JSON file, which is the record, comes last.
        record = stack.enter_context(atomic_path(result.path))
        for path, write in files.items():
            write(stack.enter_context(atomic_path(path)))
        write_json(record, plain(result))
