"""Stage `runs sync`: trackers get what they missed."""

from collections.abc import Sequence
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli.errors import (
    ConfigError,
    DataError,
    MissingDependencyError,
    NotFoundError,
    UsageError,
)
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.sync import Synced, SyncResult
from mlops_cli.schemas.tracker import TrackerConfig, trackers_in
from mlops_cli.tracking import finding, liveness, sending
from mlops_cli.tracking.record import Run


def run(
    root: Path, references: Sequence[str], reporter: Reporter, *, tracker: str = ""
) -> SyncResult:
    """Sends what runs have and their trackers lack. What they have is not sent again.

    Args:
        root: The project.
        references: Runs, as `finding.find` takes them; none for all.
        reporter: Told of progress and trouble.
        tracker: Only this one. A run that was trained without it is sent with the project's
            present settings.

    Raises:
        NotFoundError: There is no such run, or none with such a tracker.
        UsageError: A run that was named has no tracker.
        ConfigError: There is no such tracker.
    """
    named = [finding.find(root, reference) for reference in references]
    asked = _asked(root, tracker) if tracker else {}
    runs = named or finding.all_runs(root)
    if not runs:
        raise NotFoundError("there are no runs", hint="train a model first: mlops train")
    sent: list[Synced] = []
    complete, running = 0, []
    with reporter.task("sending", len(runs)) as bar:
        for found in runs:
            try:
                status = liveness.status(found, found.read())
                wanted = _trackers(found, root, asked, named=bool(named))
            except DataError:
                if named:
                    raise
                continue  # Of all runs, those that can't be read have nothing to send.
            if wanted and status == "running":
                running.append(found.id)
                continue
            for name, own in wanted.items():
                if not sending.lacks(found, name, own, status):
                    complete += 1
                    continue
                sent.append(_sent(found, name, own, reporter))
            bar.advance(1)
    return SyncResult(sent=sent, complete=complete, running=running)


def _sent(run: Run, name: str, config: TrackerConfig, reporter: Reporter) -> Synced:
    """What was sent. Of several trackers, one that has no key does not keep the others back."""
    try:
        return sending.send(run, name, config, reporter, seconds=None)
    except MissingDependencyError as error:
        return Synced(run.id, name, 0, [], None, f"{error.message} ({error.hint})")


def _asked(root: Path, tracker: str) -> dict[str, TrackerConfig]:
    """The tracker by that name, with the project's present settings."""
    if "." in tracker:
        return {tracker: TrackerConfig(name=tracker)}
    return dict(trackers_in(configs.load([f"tracker={tracker}"], root=root).tracker))


def _trackers(
    run: Run, root: Path, asked: dict[str, TrackerConfig], *, named: bool
) -> dict[str, TrackerConfig]:
    """The trackers of a run that are to be told, each with its settings."""
    try:
        recorded = configs.from_yaml(run.config_text(), root=root).tracker
    except ConfigError as error:
        raise DataError(f"config.yaml of run {run.id} is damaged: {error.message}") from error
    own = sending.replayable(recorded)
    if asked:
        return {name: own.get(name, now) for name, now in asked.items() if named or name in own}
    if named and not own:
        raise UsageError(
            f"run {run.id} was trained without a tracker",
            hint=f"mlops runs sync {run.id} --tracker mlflow sends it to one all the same",
        )
    return own
