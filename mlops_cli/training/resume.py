"""Stage `train --resume`: an interrupted or killed run goes on from its last checkpoint."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from mlops_cli import config as configs
from mlops_cli import place as places
from mlops_cli import training
from mlops_cli.errors import ConfigError, DataError, MlopsError, UsageError
from mlops_cli.models import checkpoints
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.tracking import finding, record
from mlops_cli.tracking.flat import flat
from mlops_cli.tracking.liveness import alive
from mlops_cli.tracking.record import Run
from mlops_cli.training import code_changes, hardware, processes
from mlops_cli.training.claims import claimed
from mlops_cli.training.saved import newest

_FREE = ("trainer.processes", "trainer.nodes")
"""The settings that may change: how many processes share the work, not what comes of it."""

_SHOWN = 3
"""So many settings that differ are named."""


def run(
    root: Path,
    reference: str,
    overrides: Sequence[str],
    reporter: Reporter,
    *,
    asked: Config | None = None,
) -> TrainResult:
    """Goes on with a run: same config, same data, bit-identical final weights.

    With another number of processes they are the same up to the order of sums.

    Args:
        root: The project.
        reference: What names the run; see `finding.find`.
        overrides: What was typed: `trainer.processes=N` and `trainer.nodes=N`.
        reporter: Told of progress.
        asked: What a new run would train with now; by default the project's config under the
            words that the run began with. The run goes on with its own, and says what differs.

    Raises:
        UsageError: Other settings were given, or the run is finished or being trained.
        NotFoundError: There is no such run.
        DataError: The data or the record is not what the run began with.
    """
    changes = _changes(overrides)
    if not places.here().leads:
        with processes.joined(TrainerConfig(), reporter):
            return training.follow()
    found = finding.find(root, reference)
    with claimed(found):
        facts, config = _unfinished(found, root)
        _tell_other_settings(found, config, root, asked, reporter)
        if changed := code_changes.since(found, facts, root):
            reporter.warn(f"the code is not what run {found.id} began with: {changed}")
        model, another = checkpoints.again(config.model, facts.get("checkpoint"), reporter)
        if another:
            reporter.warn(f"the checkpoint is not what run {found.id} began with: {another}")
        config = dataclasses.replace(config, model=model)
        # Whoever started several processes has said how many.
        if places.here().world > 1:
            changes = dict.fromkeys(_FREE, 1)
        with processes.joined(_changed(config, changes).trainer, reporter):
            training.introduce(config, root)
            return _go_on(found, facts, config, reporter)


def _unfinished(found: Run, root: Path) -> tuple[dict[str, Any], Config]:
    """Record and settings of a run that nobody trains."""
    facts = _facts(found)
    if facts["status"] == "finished":
        if not (found.model / "task.json").is_file():
            raise finding.without_model(found, "evaluate")
        raise UsageError(
            f"run {found.id} is finished", hint=f"mlops evaluate {found.id}, or mlops train"
        )
    if facts["status"] == "running" and alive(facts):
        raise MlopsError(
            f"run {found.id} is being trained by process {facts['pid']}",
            hint="wait for it, or stop that process first",
        )
    return facts, _config(found, facts, root)


def _go_on(found: Run, facts: dict[str, Any], config: Config, reporter: Reporter) -> TrainResult:
    _require_device(found, facts, config, reporter)
    prepared = training.prepare(config, reporter)
    for split, fingerprint in facts["data"].get("fingerprints", {}).items():
        if prepared.fingerprints.get(split) != fingerprint:
            raise DataError(
                f"the {split} data has changed since run {found.id} began",
                hint="restore it (dvc checkout), or start a new run: mlops train",
            )
    # Of what learns by rounds older versions recorded what a network would have had.
    multiplies = isinstance(prepared.built.module, pl.LightningModule)
    if multiplies and prepared.precision != facts["precision"]:
        raise MlopsError(
            f"run {found.id} began in precision {facts['precision']}, this machine would go on in "
            f"{prepared.precision}",
            hint="resume where it began, or start a new run",
        )
    checkpoint, step = newest(found, prepared.built.module, reporter)
    found.truncate_metrics(step)
    found.update(
        status="running",
        pid=os.getpid(),
        resumed=record.now(),
        precision=prepared.precision,
    )
    reporter.info(f"going on with {found.id} from step {step}")
    return training.fit(prepared, found, reporter, checkpoint=checkpoint)


def _require_device(found: Run, facts: dict[str, Any], config: Config, reporter: Reporter) -> None:
    """Raises MlopsError where the settings ask for a device that this machine lacks."""
    try:
        here = hardware.accelerator(config.trainer)
    except ConfigError as error:
        raise MlopsError(
            f"run {found.id} began with trainer.accelerator={config.trainer.accelerator}, and "
            "this machine has none",
            hint="resume where it began: nothing is lost; or start a new run: mlops train",
        ) from error
    if (began := facts.get("device", here)) != here:
        reporter.warn(
            f"run {found.id} began on {began} and goes on on {here}: its weights will differ from "
            f"those of a run on {began} alone by what the two round differently"
        )


def _tell_other_settings(
    found: Run, config: Config, root: Path, asked: Config | None, reporter: Reporter
) -> None:
    """Warns where a new run would have other settings by now than the run goes on with."""
    try:
        asked = asked or configs.load(_typed(found), root=root)
    except ConfigError as error:
        reporter.warn(f"run {found.id} goes on with its own settings; now: {error.message}")
        return
    own, present = (flat(dataclasses.asdict(each)) for each in (config, asked))
    changed = [
        f"{name}={present[name]}"
        for name in present
        if name in own and own[name] != present[name] and name not in _FREE
    ]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        reporter.warn(
            f"run {found.id} goes on with the settings it began with, not with "
            f"{', '.join(changed[:_SHOWN])}{more}"
        )


def _typed(run: Run) -> list[str]:
    """The words that the run began with; none where they can't be read."""
    try:
        lines = (run.path / "overrides.yaml").read_text("utf-8").splitlines()
        return [str(json.loads(line.removeprefix("- "))) for line in lines]
    except (OSError, ValueError):
        return []


def _changes(overrides: Sequence[str]) -> dict[str, int]:
    """The settings that `overrides` changes, by name; UsageError for one that has to stay."""
    changes = {}
    for word in overrides:
        name, _, value = word.partition("=")
        if name not in _FREE:
            raise UsageError(
                f"--resume keeps the run's own settings, so {word} can't be changed",
                hint=f"mlops train {' '.join(overrides)} starts a new run",
            )
        if not value.isdecimal() or int(value) < 1:
            raise UsageError(f"{name} is a whole number from 1, not {value!r}")
        changes[name] = int(value)
    return changes


def _changed(config: Config, changes: dict[str, int]) -> Config:
    trainer = dataclasses.replace(config.trainer)
    for name, value in changes.items():
        setattr(trainer, name.partition(".")[2], value)
    return dataclasses.replace(config, trainer=trainer)


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
    text = run.config_text()
    if facts.get("config_sha256", digest := record.sha256(text)) != digest:
        raise DataError(
            f"config.yaml of run {run.id} has been changed since the run began",
            hint="undo the change, or start a new run: mlops train",
        )
    try:
        config = configs.from_yaml(text, root=root)
    except ConfigError as error:
        raise DataError(
            f"config.yaml of run {run.id} is damaged: {error.message}", hint=run.another_config()
        ) from error
    if config.model.name != facts["model"]:
        raise DataError(f"config.yaml of run {run.id} is not that of its model {facts['model']}")
    return config
