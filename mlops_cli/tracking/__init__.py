"""Trackers: where metrics go besides the run record. One module per tracker.

A tracker's module offers `create(config: TrackerConfig) -> Tracker`.
"""

from typing import Any, Protocol

from mlops_cli import lookup
from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking.record import Run


class Tracker(Protocol):
    """One tracker of one run."""

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Begins, or goes on with, the tracker's run.

        Args:
            run: The run record.
            config: The resolved config, plain.
            facts: `run.json`; on a resumed run it holds what `start` returned the first time.

        Returns:
            Facts to keep in `run.json` (such as the tracker's own id and address).
        """

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Sends metrics of an optimiser step."""

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Ends the tracker's run: finished, failed or interrupted."""


def create(config: TrackerConfig) -> Tracker:
    """The tracker the config names. Raises ConfigError when there is no such module."""
    module = lookup.find(
        config.module or config.name,
        room=__name__,
        kind="tracker",
        known=lookup.choices("tracker"),
        offers=["create(config)"],
    )
    tracker: Tracker = module.create(config)
    return tracker
