"""What a sweep found."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep.

    Attributes:
        run: Its id.
        settings: What sets it apart from the others.
        status: finished, failed, interrupted, running, or absent before it began.
        score: The monitored metric; None where it did not finish.
        metrics: Every metric of its best checkpoint on validation, keyed `val/<metric>`.
        seconds: Wall time of its training.
        error: Why it failed, in one line.
    """

    run: str
    settings: dict[str, str]
    status: str
    score: float | None
    metrics: dict[str, float]
    seconds: float
    error: str


@dataclass(frozen=True)
class SweepGroup:
    """The runs that differ by their seed alone.

    Attributes:
        settings: What sets them apart from the other groups.
        runs: How many of them finished.
        mean: The mean of the monitored metric.
        std: Its standard deviation over the seeds (of a sample); None for a single run.
    """

    settings: dict[str, str]
    runs: int
    mean: float
    std: float | None


@dataclass(frozen=True)
class SweepResult:
    """A sweep whose runs have all ended.

    Attributes:
        sweep: Its id.
        path: Its folder.
        monitor: The metric that it is sorted by.
        runs: Its runs, the best first.
        groups: The groups of seeds, the best first; empty where no seed is swept.
        failed: How many of the runs failed.
    """

    sweep: str
    path: Path
    monitor: str
    runs: list[SweepRun]
    groups: list[SweepGroup]
    failed: int
