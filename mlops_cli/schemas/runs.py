"""What `mlops runs` finds, compares, makes again and removes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.schemas.results import TrainResult


@dataclass(frozen=True)
class RunRow:
    """One line of a list of runs.

    Attributes:
        run: Run id.
        status: finished, failed, interrupted, running, killed or damaged.
        overrides: What was typed for it.
        values: What the other columns say, by column; None where the run has no such value.
    """

    run: str
    status: str
    overrides: list[str]
    values: dict[str, Any]


@dataclass(frozen=True)
class RunList:
    """Runs of a project.

    Attributes:
        runs: The runs that are shown, in order.
        columns: Names of the columns beside run and status.
        sort: What they are sorted by.
        matching: Runs that fulfil the condition, shown or not.
        total: All runs of the project.
        best: Best value on show of each column that is a metric.
        unrecorded: Folders that hold what a training left and no `run.json`: none is a run.
    """

    runs: list[RunRow]
    columns: list[str]
    sort: str
    matching: int
    total: int
    best: dict[str, float]
    unrecorded: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """One setting of a run and what it is by default.

    Attributes:
        key: The setting, dotted.
        value: What the run has.
        default: What it is when nobody sets it; None also where there is no such key.
    """

    key: str
    value: Any
    default: Any


@dataclass(frozen=True)
class Point:
    """One value of a metric in the course of a training.

    Attributes:
        step: Optimiser steps done.
        value: The value.
    """

    step: int
    value: float


@dataclass(frozen=True)
class RunDetails:
    """Everything a person asks of one run.

    Attributes:
        run: Run id.
        path: Run folder.
        status: finished, failed, interrupted, running or killed.
        pipeline: Whether it belongs to `mlops repro`.
        facts: What `run.json` says.
        overrides: What was typed.
        settings: The settings that are not the defaults.
        config: The resolved config.
        curves: Every recorded metric over the steps.
        checkpoints: Size in bytes of each checkpoint.
        model: Size in bytes of each file of the model.
        evaluation: Metrics of each split that was evaluated.
        bundle: Path of the exported bundle; None if there is none.
        megabytes: Size of the folder.
    """

    run: str
    path: Path
    status: str
    pipeline: bool
    facts: dict[str, Any]
    overrides: list[str]
    settings: list[Setting]
    config: dict[str, Any]
    curves: dict[str, list[Point]] = field(repr=False)
    checkpoints: dict[str, int]
    model: dict[str, int]
    evaluation: dict[str, dict[str, float | None]]
    bundle: Path | None
    megabytes: float


@dataclass(frozen=True)
class Difference:
    """A fact, setting or metric of several runs.

    Attributes:
        name: Its name, as `mlops runs list --where` takes it.
        values: Its value in each run; None where a run has none.
    """

    name: str
    values: list[Any]

    @property
    def same(self) -> bool:
        """Whether all runs agree."""
        return all(value == self.values[0] for value in self.values[1:])


@dataclass(frozen=True)
class RunComparison:
    """Several runs side by side.

    Attributes:
        runs: Run ids, in the order asked for.
        statuses: Their statuses.
        facts: What differs of code, data and environment.
        settings: What differs of the config.
        metrics: What differs of the metrics.
        best: Place in `runs` of the best value of each metric.
        curves: Every metric that several runs recorded: the points of each run.
        monitor: The metric that the first run was asked to watch.
    """

    runs: list[str]
    statuses: list[str]
    facts: list[Difference]
    settings: list[Difference]
    metrics: list[Difference]
    best: dict[str, int]
    curves: dict[str, list[list[Point]]] = field(repr=False)
    monitor: str


@dataclass(frozen=True)
class Removal:
    """A run that goes, or whose checkpoints go.

    Attributes:
        run: Run id.
        status: Its status.
        megabytes: What goes with it.
        pipeline: Whether it belongs to `mlops repro`.
        metric: Its value of the metric that `--keep-best` looks at.
    """

    run: str
    status: str
    megabytes: float
    pipeline: bool
    metric: float | None = None


@dataclass(frozen=True)
class DeletePlan:
    """What `mlops runs delete` is about to do, or has done.

    Attributes:
        removals: The runs.
        kept: Runs that match and stay, and why.
        checkpoints_only: Whether the runs stay and only their checkpoints go.
        megabytes: All that goes.
        done: Whether it is gone.
    """

    removals: list[Removal]
    kept: dict[str, str]
    checkpoints_only: bool
    megabytes: float
    done: bool = False


@dataclass(frozen=True)
class WeightDifference:
    """How the weights of two runs compare.

    Attributes:
        same: Whether every file of weights has the same SHA-256.
        sha256: SHA-256 of the first run's and of the second run's weights, by file.
        max_difference: Largest absolute difference of a weight; None where shapes or names differ.
        tensor: The tensor in which it is found.
        differing: Tensors that differ.
        tensors: All tensors.
    """

    same: bool
    sha256: dict[str, list[str | None]]
    max_difference: float | None
    tensor: str
    differing: int
    tensors: int


@dataclass(frozen=True)
class RerunResult:
    """A run that was made again from its record.

    Attributes:
        original: Id of the run that was made again.
        run: Id of the new run.
        path: Its folder.
        verdict: same, close (within the tolerance asked for), different or unknown.
        weights: How the weights compare; None where the original has none.
        metrics: Metrics that differ.
        environment: What differs of packages and hardware.
        code: What is known of the code: commit, changes, and what could not be restored.
        reasons: Why the weights may differ.
        tolerance: Largest difference of a weight that was asked to pass.
        training: What the training said.
    """

    original: str
    run: str
    path: Path
    verdict: str
    weights: WeightDifference | None
    metrics: list[Difference]
    environment: list[Difference]
    code: list[str]
    reasons: list[str]
    tolerance: float
    training: TrainResult
