"""Stage `train`: one run for the same inputs, which is taken up where it was left."""

import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

from mlops_cli import __version__, training
from mlops_cli import config as configs
from mlops_cli.errors import Interrupted, MlopsError
from mlops_cli.models.checkpoints import Checkpoint, local_folder
from mlops_cli.pipeline import model, params, prepared
from mlops_cli.pipeline.stages import FORCED, code_of
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import PretrainedModelConfig
from mlops_cli.schemas.results import TrainResult
from mlops_cli.tracking import liveness, record
from mlops_cli.tracking.record import Run
from mlops_cli.training import resume

_POLL_SECONDS = 1.0


def run(file: Path, root: Path, reporter: Reporter) -> TrainResult:
    """Trains, goes on training, or finds the run trained; its model goes to `pipeline/model`.

    Args:
        file: The settings of the pipeline.
        root: The project.
        reporter: Told of progress.

    Raises:
        MlopsError: See `params.read`, `training.run` and `training.resume`; or the settings or
            the data changed meanwhile.
    """
    own = settings(params.read(file, root), root)
    found = Run(record.runs_folder(root) / run_id(own, root, reporter))
    _wait(found, reporter)
    if os.environ.get(FORCED):
        shutil.rmtree(found.path, ignore_errors=True)
    try:
        result = _train(found, own, root, reporter)
    except Interrupted as stop:
        # Whoever runs the stage tells how to go on: --resume would leave the pipeline as it was.
        raise Interrupted(stop.message) from stop
    if run_id(settings(params.read(file, root), root), root, reporter) != found.id:
        # Our pipeline was killed, and another one runs by now: the model is not what it asks for.
        raise MlopsError(
            f"the settings or the data changed while run {found.id} was trained",
            hint="the run is kept; mlops repro trains with the present ones",
        )
    model.keep(found, root)
    return result


def _train(found: Run, own: Config, root: Path, reporter: Reporter) -> TrainResult:
    if model.finished(found):
        reporter.info(f"run {found.id} is trained already")
        return _result(found)
    if (found.path / "run.json").is_file():
        return resume.run(root, found.id, [], reporter, asked=own)
    return training.run(own, root, [], reporter, run_id=found.id, validate=False)


def settings(config: Config, root: Path) -> Config:
    """What the stage reads, and nothing else: the other groups keep their defaults."""
    return Config(
        data=prepared.data(root, config.task),
        task=config.task,
        model=config.model,
        trainer=config.trainer,
        tracker=config.tracker,
        lr=config.lr,
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
    )


def run_id(own: Config, root: Path, reporter: Reporter) -> str:
    """The run's id: it tells the content of everything that the stage reads, and our version."""
    digest = hashlib.sha256(f"{__version__}\n{configs.to_yaml(own)}".encode())
    digest.update(repr(sorted(prepared.fingerprints(root).items())).encode())
    for dependency in code_of(own, root):
        path = root / dependency
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.read_bytes())
    if isinstance(own.model, PretrainedModelConfig) and own.model.path:
        files = Checkpoint(own.model, local_folder(own.model, reporter)).facts()["files"]
        digest.update(repr(sorted(files.items())).encode())
    return f"pipeline-{own.model.name}-{digest.hexdigest()[:12]}"


def _wait(run: Run, reporter: Reporter) -> None:
    """Lets a process finish that outlived the command which started it."""
    told = False
    while (facts := _facts(run)) and facts.get("status") == "running" and liveness.alive(facts):
        if not told:
            reporter.info(f"run {run.id} is being trained by process {facts['pid']}: waiting")
            told = True
        time.sleep(_POLL_SECONDS)


def _facts(run: Run) -> dict[str, Any]:
    return run.read() if (run.path / "run.json").is_file() else {}


def _result(run: Run) -> TrainResult:
    facts = run.read()
    return TrainResult(
        run=run.id,
        path=run.path,
        model=facts["model"],
        metrics=facts["metrics"],
        epochs=facts["epochs"],
        seconds=facts.get("seconds", 0.0),
        samples_per_second=facts.get("samples_per_second", 0.0),
        summary=training.summary(facts["metrics"], facts["monitor"]),
    )
