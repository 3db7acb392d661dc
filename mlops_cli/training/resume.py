"""Stage `train --resume`: an interrupted or killed run goes on from its last checkpoint."""

import os
import platform
import shutil
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from mlops_cli import config as configs
from mlops_cli import training
from mlops_cli.errors import ConfigError, DataError, MlopsError, UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult
from mlops_cli.tracking import record
from mlops_cli.tracking.record import Run


def run(root: Path, reference: str, overrides: Sequence[str], reporter: Reporter) -> TrainResult:
    """Goes on with a run: same config, same data, bit-identical final weights.

    Raises:
        UsageError: Settings were given, or the run is finished or being trained.
        NotFoundError: There is no such run.
        DataError: The data is not what the run began with.
    """
    if overrides:
        raise UsageError(
            f"--resume keeps the run's own settings, so {overrides[0]} can't be changed",
            hint=f"mlops train {' '.join(overrides)} starts a new run",
        )
    found = record.find(root, reference)
    facts = _facts(found)
    if facts["status"] == "finished":
        raise UsageError(
            f"run {found.id} is finished", hint=f"mlops evaluate {found.id}, or mlops train"
        )
    if facts["status"] == "running" and alive(facts):
        raise MlopsError(
            f"run {found.id} is being trained by process {facts['pid']}",
            hint="wait for it, or stop that process first",
        )
    config = _config(found, facts, root)
    prepared = training.prepare(config, reporter)
    for split, fingerprint in facts["data"].get("fingerprints", {}).items():
        if prepared.fingerprints.get(split) != fingerprint:
            raise DataError(
                f"the {split} data has changed since run {found.id} began",
                hint="restore it (dvc checkout), or start a new run: mlops train",
            )
    if prepared.precision != facts["precision"]:
        raise MlopsError(
            f"run {found.id} began in precision {facts['precision']}, this machine would go on in "
            f"{prepared.precision}",
            hint="resume where it began, or start a new run",
        )
    checkpoint = found.checkpoints / "last.ckpt"
    step = training.checkpoint_step(checkpoint) if checkpoint.exists() else 0
    _sweep(found)
    found.truncate_metrics(step)
    found.update(status="running", pid=os.getpid(), resumed=record.now())
    reporter.info(f"going on with {found.id} from step {step}")
    return training.fit(
        prepared, found, reporter, checkpoint=checkpoint if checkpoint.exists() else None
    )


def _facts(run: Run) -> dict[str, Any]:
    """What `run.json` says, with everything that going on needs."""
    facts = run.read()
    for name in ("status", "pid", "model", "data", "precision"):
        if name not in facts:
            raise DataError(
                f"run.json of run {run.id} is damaged: there is no {name!r} in it",
                hint="start a new run: mlops train",
            )
    return facts


def _config(run: Run, facts: dict[str, Any], root: Path) -> Config:
    """The run's own settings."""
    try:
        config = configs.from_yaml(run.config_text(), root=root)
    except ConfigError as error:
        raise DataError(f"config.yaml of run {run.id} is damaged: {error.message}") from error
    if config.model.name != facts["model"]:
        raise DataError(f"config.yaml of run {run.id} is not that of its model {facts['model']}")
    return config


def _sweep(run: Run) -> None:
    """Removes the half-written files of a process that was killed."""
    written = (".run.json.*", ".metrics.jsonl.*", ".model.*", "checkpoints/.*")
    for leftover in chain.from_iterable(run.path.glob(pattern) for pattern in written):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def alive(facts: dict[str, Any]) -> bool:
    """Whether the process that trains a run with these facts still runs on this machine."""
    environment = facts.get("environment")
    host = environment.get("host") if isinstance(environment, dict) else None
    if host != platform.node():
        return False
    pid: int = facts["pid"]
    if pid == os.getpid():
        return False
    try:
        return "mlops" in " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:  # It is gone, a zombie, or not ours.
        return False
