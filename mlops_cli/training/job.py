"""Stage `train --run-id`: one job of many. Started anew, it goes on where it stopped."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from mlops_cli import place as places
from mlops_cli import training
from mlops_cli.errors import UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult
from mlops_cli.tracking import record
from mlops_cli.tracking.liveness import alive
from mlops_cli.tracking.record import Run
from mlops_cli.training import resume

_POLL_SECONDS = 0.5
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def run(
    config: Config,
    root: Path,
    overrides: Sequence[str],
    reporter: Reporter,
    *,
    run_id: str,
    validate: bool = True,
) -> TrainResult:
    """Begins the run `run_id`, or goes on with it where it is there and not finished.

    A process of this machine that still trains it (its parent was killed a moment ago) is
    waited for.

    Args:
        config: The resolved config.
        root: The project.
        overrides: What was typed.
        reporter: Told of progress.
        run_id: The run's id.
        validate: Check the data before a new run.

    Raises:
        UsageError: The run is finished, or its id is no plain name.
        MlopsError: See the classes in `errors`.
    """
    if not _NAME.fullmatch(run_id):
        raise UsageError(
            f"--run-id {run_id!r} is no name for a folder",
            hint="letters, digits, - . and _, such as --run-id nightly-1",
        )
    if not places.here().leads:  # What to do is for the process that leads to find.
        return training.run(config, root, overrides, reporter)
    found = Run(record.runs_folder(root) / run_id)
    if not (found.path / "run.json").exists():
        return training.run(config, root, overrides, reporter, run_id=run_id, validate=validate)
    facts = found.read()
    if facts.get("status") == "running" and alive(facts):
        reporter.info(f"waiting for process {facts['pid']}, which trains run {run_id}")
        while facts.get("status") == "running" and alive(facts):
            time.sleep(_POLL_SECONDS)
            facts = found.read()
    if facts.get("status") == "finished":
        raise UsageError(f"run {run_id} is finished", hint="take another --run-id")
    return resume.run(root, str(found.path), [], reporter, asked=config)
