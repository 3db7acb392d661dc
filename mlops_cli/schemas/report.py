"""What `mlops report` tells of a run."""

from dataclasses import dataclass, field
from typing import Any

from mlops_cli.schemas.results import SliceRow
from mlops_cli.schemas.runs import Difference, Point


@dataclass(frozen=True)
class Figure:
    """A metric on a split, beside what it is compared with.

    Attributes:
        split: train, validation or test.
        name: The metric.
        value: Of the run.
        other: Of what it is compared with; None where that has none.
        better: Whether the run's value is better; None where they are equal, or can't be compared.
    """

    split: str
    name: str
    value: float | None
    other: float | None = None
    better: bool | None = None


@dataclass(frozen=True)
class Gate:
    """What a gate said when the run was evaluated.

    Attributes:
        split: The split.
        condition: The metric and what it has to be.
        value: What it was.
        passed: Whether that is enough.
    """

    split: str
    condition: str
    value: float | None
    passed: bool


@dataclass(frozen=True)
class Report:
    """A run for people who decide about it.

    Attributes:
        run: Its id.
        status: finished, or how else it ended.
        monitor: The metric it was asked to watch.
        compared: What it is compared with: a run, or a registered version; None: nothing.
        same_data: By split, whether both were measured on the same rows; empty without comparison.
        facts: Code, data, machine and time, by name, as text.
        figures: The metrics, those of the monitored one first.
        settings: What differs from the compared one; without one, from the defaults.
        gates: What the gates said.
        parity: What the export proved: figures by name; empty before an export.
        slices: Figures of parts of each split that was evaluated, the worst first.
        curves: Metrics over the steps.
    """

    run: str
    status: str
    monitor: str
    compared: str | None
    same_data: dict[str, bool]
    facts: dict[str, str]
    figures: list[Figure]
    settings: list[Difference]
    gates: list[Gate]
    parity: dict[str, Any]
    slices: dict[str, list[SliceRow]]
    curves: dict[str, list[Point]] = field(repr=False)
