"""Stage `data label-errors`: the rows whose label is probably wrong."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli import data
from mlops_cli.data import label_errors, places, reviews
from mlops_cli.data.examples import Examples
from mlops_cli.data.places import PlacedRows
from mlops_cli.data.splits import repeated
from mlops_cli.errors import MissingDependencyError, UnreachableError, UsageError
from mlops_cli.extras import extra
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.label_errors import LabelErrorsResult, Suspect
from mlops_cli.schemas.model import PretrainedModelConfig
from mlops_cli.tasks.heads.classes import label_names
from mlops_cli.tasks.heads.classification_metrics import classification_metrics
from mlops_cli.tracking.record import Run

_TELLING, _BARELY_TELLING = 0.5, 0.3
"""Out-of-sample mcc: from here on the linear baseline will do, below this nothing much is told."""
_FOLDS = {"linear": 5, "features": 5, "model": 3}


@dataclass(frozen=True)
class Doubts:
    """What was found out about rows.

    Attributes:
        by: linear, features, model, some of these joined by +, or the id of a run.
        rows: The rows that were checked.
        labels: Class names in the order of the class ids.
        targets: Class id of each row, of shape (rows,).
        probabilities: Out of sample, of shape (rows, classes).
        ranking: The rows by how much their label is doubted.
        metrics: How well the probabilities predict the labels.
    """

    by: str
    rows: PlacedRows
    labels: tuple[str, ...]
    targets: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    ranking: label_errors.Ranking
    metrics: dict[str, float]

    def suspects(self, most: int | None = None) -> list[Suspect]:
        """The suspected rows, worst first."""
        return [self._suspect(row) for row in self.ranking.suspects[:most]]

    def ranked(self) -> Iterator[Suspect]:
        """Every row, most doubted first: the suspects, then the others."""
        return (self._suspect(row) for row in self.ranking.order())

    def _suspect(self, row: int) -> Suspect:
        scores, given = self.probabilities[row], int(self.targets[row])
        suggested = int(scores.argmax())
        source, number = self.rows.places[row]
        return Suspect(
            source=source,
            row=number,
            text=self.rows.text(row),
            label=self.labels[given],
            suggested=self.labels[suggested],
            quality=float(self.ranking.quality[row]),
            label_probability=float(scores[given]),
            suggested_probability=float(scores[suggested]),
        )


@dataclass(frozen=True)
class Options:
    """How to look.

    Attributes:
        by: auto, linear, features, model, some of these joined by +, or a run to ask.
        split: train, validation, test or all.
        folds: How many folds; None takes what suits.
        output: The file to review.
        every: Write every row to that file, not the suspects alone.
        force: Replace that file also when it holds verdicts.
        top: How many suspects the result names.
    """

    by: str | Run
    split: str
    folds: int | None
    output: Path
    every: bool
    force: bool
    top: int


def find(
    config: Config, options: Options, reporter: Reporter, *, root: Path, trained_on: Config | None
) -> LabelErrorsResult:
    """Ranks the rows of a split by how much their label is doubted, and writes the suspects.

    Args:
        config: The resolved config.
        options: How to look.
        reporter: Told of progress, and of what makes the result weak.
        root: The project; sources below it are named from there.
        trained_on: With a run, the config it was trained with.

    Raises:
        UsageError: The output holds a review, or the run was trained on the rows.
        DataError: There are too few rows or classes.
        MlopsError: See `training.run` for what a cross-validated model can meet.
    """
    started = time.perf_counter()
    reviews.check_target(options.output, force=options.force)
    splits = data.load(config.data, config.seed, reporter)
    rows = places.placed(splits, config.data, options.split, root)
    if isinstance(options.by, Run) and trained_on is not None:
        same = (trained_on.data, trained_on.seed) == (config.data, config.seed)
        learnt = splits if same else data.load(trained_on.data, trained_on.seed, SilentReporter())
        _refuse_seen(rows.examples, learnt.train, options.by, reporter)
    found = doubt(config, rows, options.by, options.folds, reporter)
    reviews.write(options.output, found.ranked() if options.every else found.suspects())
    return LabelErrorsResult(
        by=found.by,
        split=options.split,
        rows=len(found.rows),
        unchecked=len(rows) - len(found.rows),
        labels=len(found.labels),
        suspected=len(found.ranking.suspects),
        noise_rate=found.ranking.noise_rate,
        accuracy=found.metrics["accuracy"],
        mcc=found.metrics["mcc"],
        majority_class=float(np.bincount(found.targets).max() / len(found.targets)),
        worst=found.suspects(options.top),
        path=options.output,
        seconds=time.perf_counter() - started,
    )


def doubt(
    config: Config, rows: PlacedRows, by: str | Run, folds: int | None, reporter: Reporter
) -> Doubts:
    """Gets out-of-sample probabilities of the rows and ranks them.

    With `auto` that is the linear baseline where it can tell the labels apart; where it can't,
    the project's model is asked as well, and the better of the two is taken.

    Args:
        config: The model, the trainer and the seed.
        rows: The rows.
        by: auto, linear, features, model, some of these joined by +, or a run to ask.
        folds: How many folds; None takes what suits.
        reporter: Told of progress, and warned where the labels can hardly be predicted.

    Raises:
        DataError: There are too few rows or classes.
    """
    if isinstance(by, Run):
        found = _by_run(by, config, rows, reporter)
    elif by == "auto":
        found = _cross_validated("linear", config, rows, folds, reporter)
        if found.metrics["mcc"] < _TELLING:
            reporter.info(
                "a linear baseline hardly tells the labels apart (mcc "
                f"{found.metrics['mcc']:.2f}): cross-validating model={config.model.name} "
                "as well (--by linear does without)"
            )
            found = _better(found, config, rows, folds, reporter)
    else:
        found = _cross_validated(by, config, rows, folds, reporter)
    if found.metrics["mcc"] < _BARELY_TELLING:
        reporter.warn(
            f"{found.by} hardly predicts these labels (mcc {found.metrics['mcc']:.2f}): many "
            "suspicions are wrong; a stronger model may help: --by model model=bert"
        )
    return found


def _own(config: Config) -> str:
    """How the project's model is asked: a pretrained one in two ways that miss different rows."""
    return "features+model" if isinstance(config.model, PretrainedModelConfig) else "model"


def _better(
    found: Doubts, config: Config, rows: PlacedRows, folds: int | None, reporter: Reporter
) -> Doubts:
    """What predicts the labels better: what was found, or the project's model."""
    try:
        other = _cross_validated(_own(config), config, rows, folds, reporter)
    except (MissingDependencyError, UnreachableError) as error:
        reporter.warn(f"{error.message}: {error.hint}")
        return found
    return max(found, other, key=lambda one: one.metrics["mcc"])


def _cross_validated(
    ways: str, config: Config, rows: PlacedRows, count: int | None, reporter: Reporter
) -> Doubts:
    """Doubts of models that have not seen the row in question; of several, their mean."""
    names = ways.split("+")
    folds = label_errors.deal(
        rows.examples, count or min(_FOLDS[name] for name in names), config.seed
    )
    kept = label_errors.checkable(rows.examples, folds, reporter)
    rows, folds = rows.take(kept), folds[kept]
    labels = label_names(rows.examples.targets)
    targets = np.array(rows.ids(labels), dtype=np.int64)
    found = [_probabilities(name, config, rows, folds, reporter) for name in names]
    return _doubts(ways, rows, labels, targets, np.mean(found, axis=0))


def _probabilities(
    way: str, config: Config, rows: PlacedRows, folds: NDArray[np.int64], reporter: Reporter
) -> NDArray[np.float64]:
    """Out-of-sample probabilities of one way, of shape (rows, classes)."""
    targets = np.array(rows.ids(label_names(rows.examples.targets)), dtype=np.int64)
    if way == "linear" and "image" in rows.examples.inputs:
        with extra("image", "--by linear"):
            from mlops_cli.tasks import pixels
        figures = pixels.features(rows.examples.inputs["image"])
        return label_errors.linear_on(figures, targets, folds, config.seed, reporter)
    if way == "linear":
        texts = [rows.text(row) for row in range(len(rows))]
        return label_errors.linear(texts, targets, folds, config.seed, reporter)
    with extra("train", f"--by {way}"):
        from mlops_cli.training import cross_validation, hidden_layers
    if way == "model":
        return cross_validation.probabilities(config, rows.examples, folds, reporter)
    states = hidden_layers.mean_states(config, rows.examples, reporter)
    return label_errors.linear_on(states, targets, folds, config.seed, reporter)


def _by_run(run: Run, config: Config, rows: PlacedRows, reporter: Reporter) -> Doubts:
    """Doubts of a trained model."""
    with extra("train", "--by RUN"):
        from mlops_cli import evaluation
    labels, found = evaluation.probabilities(run, config, rows.examples, reporter)
    return _doubts(run.id, rows, labels, np.array(rows.ids(labels), dtype=np.int64), found)


def _doubts(
    by: str,
    rows: PlacedRows,
    labels: tuple[str, ...],
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> Doubts:
    ranking = label_errors.rank(targets, probabilities)
    metrics = classification_metrics(probabilities, targets, bins=15)
    return Doubts(by, rows, labels, targets, probabilities, ranking, metrics)


def _refuse_seen(examples: Examples, seen: Examples, run: Run, reporter: Reporter) -> None:
    """Raises UsageError when the run was trained on most of the rows: it learnt their labels."""
    known = len(repeated(examples, seen))
    if known * 2 > len(examples):
        raise UsageError(
            f"run {run.id} was trained on {known} of these {len(examples)} rows and agrees with "
            "their labels, right or wrong",
            hint="--split validation, or models that have not seen the rows: --by model",
        )
    if known:
        reporter.warn(
            f"run {run.id} was trained on {known} of these {len(examples)} rows: "
            "their errors may be hidden"
        )
