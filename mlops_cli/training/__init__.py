"""Stage `train`: data, model and trainer of a config become a run with a model in it."""

import dataclasses
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model

from mlops_cli import config as configs
from mlops_cli import data, models, project, tracking
from mlops_cli.data.examples import Splits
from mlops_cli.data.validation import before_training
from mlops_cli.errors import DataError
from mlops_cli.files import atomic_folder
from mlops_cli.models.compact import expand_embeddings
from mlops_cli.models.quiet import quiet_transformers
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult
from mlops_cli.tracking import record
from mlops_cli.tracking.record import Run
from mlops_cli.training import hardware
from mlops_cli.training.callbacks import Checkpoints, Journal, StepRandomness
from mlops_cli.training.guards import (
    graceful_interrupt,
    out_of_memory,
    quiet_libraries,
    recorded,
)
from mlops_cli.training.loader import BatchLoader, EpochOrder, ValidationLoader

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
    prepared = prepare(config, reporter, validate=validate)
    new = record.create(
        root,
        config.model.name,
        {
            "model": config.model.name,
            "monitor": config.trainer.monitor,
            "seed": config.seed,
            "git": dataclasses.asdict(project.git_facts(root)),
            "data": {
                "name": config.data.name,
                "split": config.data.split,
                "split_by": config.data.split_by,
                "fingerprints": prepared.fingerprints,
            },
            "precision": prepared.precision,
            "environment": hardware.environment(torch.get_num_threads()),
            "truncated": prepared.truncated,
        },
        configs.to_yaml(configs.seen_from_root(config, root)),
        overrides,
        run_id=run_id,
    )
    return fit(prepared, new, reporter, checkpoint=None)


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
    tracker = tracking.create(config.tracker)
    splits = splits or data.load(config.data, config.seed, reporter)
    if validate:
        before_training(config, splits, reporter)
    torch.manual_seed(config.seed)
    with out_of_memory(config):
        built = models.family(config.model.module or config.model.name).build(
            config, splits, reporter
        )
        train, validation, truncated = _loaders(config, splits, built, reporter)
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
        precision=hardware.precision(config.trainer, device, width),
        fingerprints={name: split.fingerprint() for name, split in splits.named().items()},
        truncated=truncated,
    )


def _loaders(
    config: Config, splits: Splits, built: models.Built, reporter: Reporter
) -> tuple[BatchLoader, ValidationLoader, int]:
    """Encodes training and validation; tells how many texts are cut."""
    task, settings = built.task, config.trainer
    assert splits.validation is not None
    rows = task.encode(splits.train.inputs)
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    # Only the longest rows can have been cut: no need to encode the others again.
    longest = np.flatnonzero(lengths == lengths.max()).tolist()
    truncated = task.count_truncated(splits.train.take(longest).inputs)
    if truncated:
        reporter.warn(
            f"{truncated} of {len(rows)} training texts are longer than "
            f"model.max_length={config.model.max_length} tokens and are cut"
        )
    order = EpochOrder(
        lengths, config.batch_size, config.seed, group_by_length=settings.group_by_length
    )
    train = BatchLoader(task, rows, task.target_ids(splits.train.targets), order)
    held_out = task.encode(splits.validation.inputs)
    held_out_lengths = np.array([len(row) for row in held_out], dtype=np.int64)
    source = BatchLoader(task, held_out, task.target_ids(splits.validation.targets), order)
    validation = ValidationLoader(source, held_out_lengths, settings.eval_batch_size)
    return train, validation, truncated


def fit(
    prepared: Prepared, run: Run, reporter: Reporter, *, checkpoint: Path | None
) -> TrainResult:
    """Trains, from the beginning or from `checkpoint`, and leaves the best model in the run."""
    config, module = prepared.config, prepared.built.module
    batches = len(prepared.train) * config.epochs
    if config.trainer.max_steps is not None:
        batches = min(batches, config.trainer.max_steps * config.trainer.accumulate)
    reporter.info(f"run {run.id}")
    with (
        recorded(run, prepared.tracker, config) as outcome,
        out_of_memory(config),
        reporter.task("training", batches) as bar,
    ):
        journal = Journal(run, prepared.tracker, config.trainer, bar)
        checkpoints = Checkpoints(run, config.trainer, journal, prepared.train)
        trainer = _trainer(prepared, run, [StepRandomness(config.seed), journal, checkpoints])
        if checkpoint is not None:
            bar.advance(checkpoint_step(checkpoint) * config.trainer.accumulate)
        with graceful_interrupt(checkpoints):
            trainer.fit(module, prepared.train, prepared.validation, ckpt_path=checkpoint)
            if trainer.global_step > checkpoints.validated_step:
                # `max_steps` ended inside an epoch.
                trainer.validate(module, prepared.validation, verbose=False)
        result = _finish(prepared, run, trainer, journal, checkpoints)
        outcome.update(metrics=result.metrics, epochs=result.epochs, seconds=result.seconds)
    return result


def _trainer(prepared: Prepared, run: Run, callbacks: list[pl.Callback]) -> pl.Trainer:
    settings = prepared.config.trainer
    return pl.Trainer(
        accelerator=prepared.device,
        devices=1,
        precision=_PRECISIONS[prepared.precision],
        max_epochs=prepared.config.epochs,
        max_steps=settings.max_steps or -1,
        gradient_clip_val=settings.gradient_clip,
        accumulate_grad_batches=settings.accumulate,
        callbacks=callbacks,
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
    module = prepared.built.module
    _load_best(module, run.checkpoints / "best.safetensors")
    network: Any = module.network
    expand_embeddings(network)
    family = prepared.config.model.module or prepared.config.model.name
    with atomic_folder(run.model) as folder, quiet_transformers():
        models.save(folder, network.cpu(), prepared.built.task, family)
    metrics = checkpoints.best
    steps_per_epoch = math.ceil(len(prepared.train) / prepared.config.trainer.accumulate)
    return TrainResult(
        run=run.id,
        path=run.path,
        model=prepared.config.model.name,
        metrics=metrics,
        epochs=round(trainer.global_step / steps_per_epoch, 2),
        seconds=round(journal.total_seconds(), 3),
        samples_per_second=round(journal.samples_per_second(), 1),
        summary=summary(metrics, prepared.config.trainer.monitor),
    )


def summary(metrics: Mapping[str, float], monitor: str) -> str:
    """The main validation metrics in a few words."""
    return ", ".join(
        f"{name} {metrics[key]:.3f}"
        for name in dict.fromkeys(("accuracy", monitor))
        if (key := f"val/{name}") in metrics
    )


def _load_best(module: pl.LightningModule, file: Path) -> None:
    try:
        load_model(module, file)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(
            f"the best weights in {file} can't be read", hint="start a new run: mlops train"
        ) from error


def checkpoint_step(checkpoint: Path) -> int:
    """The optimiser step a checkpoint was saved after. Raises DataError when it can't be read."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            damaged = archive.testzip()  # torch.load looks at no checksums.
        content = {} if damaged else torch.load(checkpoint, map_location="cpu", mmap=True)
        return int(content["global_step"])
    except (OSError, zipfile.BadZipFile, RuntimeError, UnpicklingError, KeyError) as error:
        raise DataError(
            f"checkpoint {checkpoint} can't be read", hint="start a new run: mlops train"
        ) from error
