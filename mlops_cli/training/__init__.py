"""Stage `train`: data, model and trainer of a config become a run with a model in it."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch

from mlops_cli import collectives, data, models, project, tracking
from mlops_cli import config as configs
from mlops_cli.data.examples import Splits
from mlops_cli.data.validation import before_training
from mlops_cli.errors import ConfigError
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult
from mlops_cli.schemas.results import summary as summary
from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking import couriers, record
from mlops_cli.tracking.record import Run
from mlops_cli.training import code_changes, execution, hardware, processes, rounds
from mlops_cli.training.callbacks import Checkpoints, Journal, StepRandomness
from mlops_cli.training.claims import claimed
from mlops_cli.training.guards import (
    graceful_interrupt,
    out_of_memory,
    quiet_libraries,
    recorded,
)
from mlops_cli.training.loader import BatchLoader, ValidationLoader
from mlops_cli.training.loaders import loaders
from mlops_cli.training.saved import ship_best, step_of
from mlops_cli.training.together import Together, trainer_options, verify_weights

_PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Everything that is ready when the first step begins.

    Attributes:
        config: The resolved config.
        tracker: Where metrics go besides the run record.
        built: The model and its task.
        train: Batches of the training split.
        validation: Batches of the validation split.
        device: cpu, cuda or mps.
        precision: 32, bf16 or 16.
        fingerprints: SHA-256 of the content of each split.
        truncated: Training texts longer than the model takes.
    """

    config: Config
    tracker: tracking.Tracker
    built: models.Built
    train: BatchLoader
    validation: ValidationLoader
    device: str
    precision: str
    fingerprints: dict[str, str]
    truncated: int


def run(
    config: Config,
    root: Path,
    overrides: Sequence[str],
    reporter: Reporter,
    *,
    run_id: str = "",
    validate: bool = True,
) -> TrainResult:
    """Trains from the beginning.

    Args:
        config: The resolved config.
        root: The project; the run is recorded in its `runs/`.
        overrides: What was typed, for the record.
        reporter: Told of progress.
        run_id: The run's id; a new one if empty.
        validate: Check the data first; an error in it raises GateError.

    Raises:
        MlopsError: See the classes in `errors`.
    """
    with processes.joined(config.trainer, reporter) as place:
        if not place.leads:
            return follow()
        introduce(config, root)
        return _begin(config, root, overrides, reporter, run_id=run_id, validate=validate)


def _begin(
    config: Config,
    root: Path,
    overrides: Sequence[str],
    reporter: Reporter,
    *,
    run_id: str,
    validate: bool,
) -> TrainResult:
    code_changes.warn(root, reporter)
    prepared = prepare(config, reporter, validate=validate)
    run_id = run_id or record.new_id(config.model.name)
    with claimed(Run(record.runs_folder(root) / run_id)):
        new = record.create(
            root,
            config.model.name,
            _first_facts(prepared, root),
            configs.to_yaml(configs.seen_from_root(config, root)),
            overrides,
            run_id=run_id,
        )
        return fit(prepared, new, reporter, checkpoint=None)


def _first_facts(prepared: Prepared, root: Path) -> dict[str, Any]:
    """What `run.json` says from the beginning."""
    config, checkpoint = prepared.config, prepared.built.checkpoint
    return {
        "model": config.model.name,
        **({} if checkpoint is None else {"checkpoint": checkpoint.facts()}),
        "monitor": config.trainer.monitor,
        "seed": config.seed,
        "git": dataclasses.asdict(project.git_facts(root)),
        "data": {
            "name": config.data.name,
            "split": config.data.split,
            "split_by": config.data.split_by,
            "fingerprints": prepared.fingerprints,
        },
        "device": prepared.device,
        "precision": prepared.precision,
        "environment": hardware.environment(torch.get_num_threads()),
        "truncated": prepared.truncated,
    }


def introduce(config: Config, root: Path) -> None:
    """Tells the processes that train along what there is to do; see `follow`."""
    collectives.from_first((configs.to_yaml(configs.seen_from_root(config, root)), root))


def follow() -> TrainResult:
    """Trains along with the process that leads: silent, and without writing anything."""
    text, root = collectives.from_first(("", Path()))
    config = configs.from_yaml(text, root=root)
    quiet = TrackerConfig(name="none", system_every=None, energy=False)
    config = dataclasses.replace(config, tracker=quiet)
    silence = SilentReporter()
    prepared = prepare(config, silence)
    path, checkpoint = collectives.from_first((Path(), None))
    return fit(prepared, record.Onlooker(path), silence, checkpoint=checkpoint)


def prepare(
    config: Config, reporter: Reporter, splits: Splits | None = None, *, validate: bool = False
) -> Prepared:
    """Loads the data, builds the model and makes the batches; all from `config.seed`.

    Args:
        config: The resolved config.
        reporter: Told of progress.
        splits: Rows to train and validate on instead of those the config describes.
        validate: Check the data first.

    Raises:
        GateError: A check found an error.
    """
    quiet_libraries()
    device = hardware.accelerator(config.trainer)
    tracker = couriers.create(config.tracker, reporter)
    splits = splits or data.load(config.data, config.seed, reporter)
    if validate:
        before_training(config, splits, reporter)
    torch.manual_seed(config.seed)
    with out_of_memory(config):
        built = models.build(config, splits, reporter)
        by_rounds = not isinstance(built.module, pl.LightningModule)
        if by_rounds and collectives.world() > 1:
            raise ConfigError(
                f"model={config.model.name} trains in one process, not in {collectives.world()}",
                hint="trainer.processes=1",
            )
        execution.use(built.module, config.trainer)
        train, validation, truncated = loaders(config, splits, built, reporter)
    width = int(getattr(getattr(built.module.network, "config", None), "hidden_size", 0) or 1024)
    hardware.use_threads(config.trainer, width)
    hardware.keep_freed_memory()
    return Prepared(
        config=config,
        tracker=tracker,
        built=built,
        train=train,
        validation=validation,
        device=device,
        # What learns by rounds multiplies no matrices in bf16.
        precision="32" if by_rounds else hardware.precision(config.trainer, device, width),
        fingerprints={name: split.fingerprint() for name, split in splits.named().items()},
        truncated=truncated,
    )


def fit(
    prepared: Prepared, run: Run, reporter: Reporter, *, checkpoint: Path | None
) -> TrainResult:
    """Trains, from the beginning or from `checkpoint`, and leaves the best model in the run."""
    config, module = prepared.config, prepared.built.module
    if not isinstance(module, pl.LightningModule):
        return rounds.fit(
            config,
            module,
            run,
            reporter,
            tracker=prepared.tracker,
            train=prepared.train,
            validation=prepared.validation.source,
        )
    place = processes.place()
    if place.leads:
        collectives.from_first((run.path, checkpoint))
    batches = len(prepared.train) * config.epochs
    if config.trainer.max_steps is not None:
        batches = min(batches, config.trainer.max_steps * config.trainer.accumulate)
    reporter.info(f"run {run.id}")
    with (
        recorded(run, prepared.tracker, config) as outcome,
        processes.noticing(run.id),
        out_of_memory(config),
        execution.compiling(),
        reporter.task("training", batches) as bar,
    ):
        journal = Journal(run, prepared.tracker, config.trainer, bar)
        checkpoints = Checkpoints(run, config.trainer, journal, prepared.train)
        trainer = _trainer(prepared, run, [StepRandomness(config.seed), journal, checkpoints])
        if checkpoint is not None:
            bar.advance(step_of(checkpoint) * config.trainer.accumulate)
        with graceful_interrupt(checkpoints):
            trainer.fit(module, prepared.train, prepared.validation, ckpt_path=checkpoint)
            if trainer.global_step > checkpoints.validated_step:
                # `max_steps` ended inside an epoch.
                trainer.validate(module, prepared.validation, verbose=False)
        if place.world > 1:
            outcome["processes"] = dataclasses.asdict(place) | {"weights": verify_weights(module)}
        result = _finish(prepared, run, trainer, journal, checkpoints)
        outcome.update(metrics=result.metrics, epochs=result.epochs, seconds=result.seconds)
    return result


def _trainer(prepared: Prepared, run: Run, callbacks: list[pl.Callback]) -> pl.Trainer:
    settings, place = prepared.config.trainer, processes.place()
    together = [Together()] if place.world > 1 else []
    return pl.Trainer(
        accelerator=prepared.device,
        **trainer_options(place),
        precision=_PRECISIONS[prepared.precision],
        max_epochs=prepared.config.epochs,
        max_steps=settings.max_steps or -1,
        gradient_clip_val=settings.gradient_clip,
        accumulate_grad_batches=settings.accumulate,
        callbacks=[*together, *callbacks],
        default_root_dir=run.path,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _finish(
    prepared: Prepared, run: Run, trainer: pl.Trainer, journal: Journal, checkpoints: Checkpoints
) -> TrainResult:
    """Takes the best weights, puts the full embedding back and saves the model."""
    config = prepared.config
    if collectives.leads():
        family = config.model.module or config.model.name
        ship_best(prepared.built.module, prepared.built.task, family, run)
    metrics = checkpoints.best
    steps_per_epoch = math.ceil(len(prepared.train) / config.trainer.accumulate)
    return TrainResult(
        run=run.id,
        path=run.path,
        model=config.model.name,
        metrics=metrics,
        epochs=round(trainer.global_step / steps_per_epoch, 2),
        seconds=round(journal.total_seconds(), 3),
        samples_per_second=round(journal.samples_per_second(), 1),
        summary=summary(metrics, config.trainer.monitor),
    )
