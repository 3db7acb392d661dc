"""`tracker=wandb`: the run in Weights & Biases, offline when there is no key."""

import logging
import os
from typing import Any

import wandb

from mlops_cli.errors import ConfigError, MissingDependencyError
from mlops_cli.schemas.tracker import TrackerConfig, WandbTrackerConfig
from mlops_cli.tracking.credentials import has_wandb_key
from mlops_cli.tracking.record import Run

_log = logging.getLogger(__name__)

_START_SECONDS = 30.0
"""How long W&B may take to answer at the start, and how long a failing one is waited for."""


class WandbTracker:
    """One W&B run per run record; a resumed training goes on in the same one.

    Args:
        config: Project, entity, mode and tags.
    """

    def __init__(self, config: WandbTrackerConfig) -> None:
        self._config = config
        self._mode = _mode(config)
        self._run: Any = None

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Opens the W&B run whose id is the run's own."""
        os.environ.setdefault("WANDB_SILENT", "true")
        online = self._mode == "online"
        try:
            self._run = wandb.init(
                id=run.id,
                name=run.id,
                project=self._config.project or run.path.parent.parent.name,
                entity=self._config.entity,
                tags=list(self._config.tags),
                mode=self._mode,
                resume="allow" if online else None,
                dir=run.path,
                config=config,
                settings=wandb.Settings(
                    silent=True, console="off", save_code=False, init_timeout=_START_SECONDS
                ),
            )
        except (wandb.errors.UsageError, ValueError) as error:
            raise ConfigError(
                f"W&B refuses the run: {_one_line(error)}",
                hint="see tracker.project, tracker.entity and tracker.tags",
            ) from error
        except (wandb.errors.Error, OSError) as error:
            raise MissingDependencyError(
                f"W&B did not start: {_one_line(error)}",
                hint="wandb login, or tracker.mode=offline, or tracker=none",
            ) from error
        self._run.define_metric("*", step_metric="step")
        # An offline run has no address, and says so on the terminal when it is asked.
        return {
            "wandb": {"id": run.id, "mode": self._mode, "url": self._run.url if online else None}
        }

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
    """The W&B tracker. Raises MissingDependencyError when it should be online and has no key."""
    assert isinstance(config, WandbTrackerConfig)
    return WandbTracker(config)


def _mode(config: WandbTrackerConfig) -> Any:
    if config.mode == "auto":
        return os.environ.get("WANDB_MODE") or ("online" if has_wandb_key() else "offline")
    if config.mode == "online" and not has_wandb_key():
        raise MissingDependencyError(
            "tracker.mode=online, and there is no W&B key",
            hint="wandb login, or WANDB_API_KEY, or tracker.mode=offline",
        )
    return config.mode


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # Settings are checked by pydantic, which tells the reason in its last line.
    reason = next((line for line in lines if "Value error, " in line), lines[0])
    return reason.partition("Value error, ")[2].partition(" [type=")[0] or reason
