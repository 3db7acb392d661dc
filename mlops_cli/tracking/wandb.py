"""`tracker=wandb`: the run in Weights & Biases, offline when there is no key."""

import logging
import os
from typing import Any

import wandb

from mlops_cli.errors import MissingDependencyError
from mlops_cli.schemas.tracker import TrackerConfig, WandbTrackerConfig
from mlops_cli.tracking.credentials import has_wandb_key
from mlops_cli.tracking.record import Run

_log = logging.getLogger(__name__)


class WandbTracker:
    """One W&B run per run record; a resumed training goes on in the same one.

    Args:
        config: Project, entity, mode and tags.
    """

    def __init__(self, config: WandbTrackerConfig) -> None:
        self._config = config
        self._run: Any = None

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Opens the W&B run whose id is the run's own."""
        mode = self._mode()
        os.environ.setdefault("WANDB_SILENT", "true")
        try:
            self._run = wandb.init(
                id=run.id,
                name=run.id,
                project=self._config.project or run.path.parent.parent.name,
                entity=self._config.entity,
                tags=list(self._config.tags),
                mode=mode,
                resume="allow" if mode == "online" else None,
                dir=run.path,
                config=config,
                settings=wandb.Settings(silent=True, console="off", save_code=False),
            )
        except wandb.errors.Error as error:
            raise MissingDependencyError(
                f"W&B refused to start a run: {str(error).splitlines()[0]}",
                hint="wandb login, or tracker.mode=offline, or tracker=none",
            ) from error
        self._run.define_metric("*", step_metric="step")
        return {"wandb": {"id": run.id, "mode": mode, "url": self._run.url}}

    def _mode(self) -> Any:
        environment = os.environ.get("WANDB_MODE")
        if self._config.mode == "auto":
            return environment or ("online" if has_wandb_key() else "offline")
        if self._config.mode == "online" and not has_wandb_key():
            raise MissingDependencyError(
                "tracker.mode=online, and there is no W&B key",
                hint="wandb login, or WANDB_API_KEY, or tracker.mode=offline",
            )
        return self._config.mode

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Sends metrics; a tracker that fails is told of in the log and never stops training."""
        try:
            self._run.log({"step": step, **metrics})
        except wandb.errors.Error as error:
            _log.warning("W&B did not take metrics of step %d: %s", step, error)

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Writes the summary and waits until everything is on disk or sent."""
        self._run.summary.update({"status": status, **summary})
        self._run.finish(exit_code=0 if status == "finished" else 1)
        wandb.teardown()


def create(config: TrackerConfig) -> WandbTracker:
    """The W&B tracker."""
    assert isinstance(config, WandbTrackerConfig)
    return WandbTracker(config)
