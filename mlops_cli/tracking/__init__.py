"""Trackers: where metrics go besides the run record. One module per tracker.

The run record is the source of truth, and a tracker is fed from it by a process of its own
(`delivery`, started by `couriers`): it can fail, hang or be out of reach without stopping or
slowing the training, and gets later what it missed (`mlops runs sync`).

A tracker's module offers `create(config: TrackerConfig) -> Tracker`. One that has to act inside
the training step says `inline = True`: it is called by the training itself, which then waits for
it and fails with it.
"""

from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from mlops_cli import lookup
from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking.attachments import Attachment
from mlops_cli.tracking.lines import Line
from mlops_cli.tracking.record import Run

LABELS = {"wandb": "W&B", "mlflow": "MLflow", "tensorboard": "TensorBoard"}
"""What people call our trackers."""


class Tracker(Protocol):
    """One tracker of one run."""

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Begins, or goes on with, the tracker's run.

        Args:
            run: The run record.
            config: The resolved config, plain.
            facts: `run.json`, and below `place` what `start` returned the last time.

        Returns:
            Facts to keep, such as the tracker's own `id` and `url`.
        """

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Sends metrics of an optimiser step."""

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Ends the tracker's run: finished, failed, interrupted or killed."""


@runtime_checkable
class LineTracker(Tracker, Protocol):
    """A tracker that takes many lines at once, with their times.

    Attributes:
        late: What it was given is only safe after `finish`.
    """

    late: bool

    def write(self, lines: list[Line]) -> None:
        """Sends lines of `metrics.jsonl`."""

    def write_system(self, lines: list[Line]) -> None:
        """Sends lines of `system.jsonl`."""

    def attach(self, attachment: Attachment) -> None:
        """Sends pictures, tables or a model."""


def module(name: str) -> ModuleType:
    """The module of a tracker, with whatever it imports.

    Raises:
        ConfigError: There is no such module.
    """
    return lookup.find(
        name,
        room=__name__,
        kind="tracker",
        known=lookup.choices("tracker"),
        offers=["create(config)"],
    )


def create(name: str, config: TrackerConfig) -> Tracker:
    """The tracker `name`. Raises ConfigError when there is no such module."""
    tracker: Tracker = module(name).create(config)
    return tracker
