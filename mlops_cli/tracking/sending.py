"""Sends what a run has and its trackers lack, at once: after an outage, after an evaluation."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from mlops_cli import tracking
from mlops_cli.errors import ConfigError, MissingDependencyError
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.sync import Synced
from mlops_cli.schemas.tracker import TrackerConfig, WandbTrackerConfig, trackers_in
from mlops_cli.tracking import LABELS, lines, liveness, state
from mlops_cli.tracking.attachments import attachments
from mlops_cli.tracking.couriers import Courier, require
from mlops_cli.tracking.credentials import wandb_mode
from mlops_cli.tracking.record import Run


def lacks(run: Run, name: str, config: TrackerConfig, status: str) -> bool:
    """Whether the tracker lacks anything of the run, as far as we know."""
    known = state.read(run, name)
    return (
        known.status != status
        or known.lines < lines.count(run.metrics_path)
        or any(
            known.sent.get(found.name) != found.fingerprint
            for found in attachments(run, config.artifacts)
            if name in LABELS
        )
    )


def send(
    run: Run, name: str, config: TrackerConfig, reporter: Reporter, *, seconds: float | None
) -> Synced:
    """Sends what one tracker lacks.

    Args:
        run: A run that is not being trained.
        name: The tracker's module.
        config: Its settings.
        reporter: Told of trouble.
        seconds: How long it may take; None for as long as it wants.

    Raises:
        MissingDependencyError: A package or a credential that the tracker needs is missing.
    """
    if isinstance(config, WandbTrackerConfig):
        config = replace(config, mode="online")
    require(name, config)
    before = state.read(run, name)
    courier = Courier(name, config, reporter)
    courier.start(run)
    courier.end(liveness.status(run, run.read()))
    courier.wait(seconds)
    after = state.read(run, name)
    return Synced(
        run=run.id,
        tracker=name,
        lines=after.lines - before.lines,
        attachments=[what for what, how in after.sent.items() if before.sent.get(what) != how],
        url=after.place.get("url"),
        trouble=courier.trouble,
    )


def replayable(config: TrackerConfig) -> dict[str, TrackerConfig]:
    """The trackers of a run that can be told later: all but those that act inside the training."""
    return {name: own for name, own in trackers_in(config).items() if not _inline(name)}


def after_work(run: Run, config: TrackerConfig) -> None:
    """Sends what a command made of a run to the trackers of the run that are in reach, silently.

    What can't be sent now is left to `mlops runs sync`.
    """
    status: Any = liveness.status(run, run.read())
    for name, own in replayable(config).items():
        # Where a key or a package is missing, the run is offline too.
        with suppress(MissingDependencyError):
            offline = isinstance(own, WandbTrackerConfig) and wandb_mode(own) != "online"
            if not offline and lacks(run, name, own, status):
                send(run, name, own, SilentReporter(), seconds=own.wait)


def _inline(name: str) -> bool:
    if name in LABELS:
        return False
    try:
        return bool(getattr(tracking.module(name), "inline", False))
    except ConfigError:  # A module of the user's own that is gone.
        return True
