"""`tracker=none`: the run record is all there is."""

from typing import Any

from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking.record import Run


class NullTracker:
    """Does nothing."""

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Does nothing."""

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Does nothing."""


def create(config: TrackerConfig) -> NullTracker:
    """The tracker that does nothing."""
    return NullTracker()
