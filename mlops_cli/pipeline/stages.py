"""The stages of the pipeline: what each runs, reads and writes. One source for dvc.yaml.

    prepare    the data, split as training splits it         pipeline/data
    validate   the data, checked                             pipeline/validated.json
    train      a run, and its model                          pipeline/model
    evaluate   its metrics; stops where a gate fails         pipeline/metrics.json
    export     the ONNX bundle, proven equal to the model    pipeline/bundle

A stage's `params` are exactly the settings it reads. What training read travels on with the
model, so that evaluate and export read no setting twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from mlops_cli.config.anchors import from_root
from mlops_cli.project import from_home
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import (
    ConllDataConfig,
    DataConfig,
    FileDataConfig,
    HubDataConfig,
    ImagesDataConfig,
)
from mlops_cli.schemas.model import ModelConfig, PretrainedModelConfig
from mlops_cli.schemas.pipeline import BUNDLE
from mlops_cli.schemas.tracker import trackers_in

PARAMS = "params.yaml"
"""The resolved settings that the stages read, at the project's root."""

FORCED = "MLOPS_REPRO_FORCE"
"""Environment variable that tells a stage to begin anew, whatever is there."""

DATA = "pipeline/data"
VALIDATED = "pipeline/validated.json"
REPORT = "pipeline/validation.json"
MODEL = "pipeline/model"
METRICS = "pipeline/metrics.json"

_ONLY_VALIDATED = ("schema",)
"""Keys of the group `data` that say nothing about which rows there are."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: Its name in dvc.yaml.
        command: What it runs, at the project's root.
        deps: Files and folders it reads, relative to the root or absolute.
        params: Keys of `PARAMS` it reads.
        outs: What it writes and DVC holds.
        facts: Small files it writes that belong into git.
        metrics: Of these, the one with metrics; empty if there is none.
    """

    name: str
    command: str
    deps: list[str]
    params: list[str]
    outs: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    metrics: str = ""


def stages(config: Config, root: Path) -> list[Stage]:
    """The stages of a project with this config.

    Args:
        config: The resolved config, its files as seen from `root`.
        root: The project.
    """
    data = config.data
    data_keys = [f"data.{key.name}" for key in fields(data)]
    sources = [*_files(data, root), *_module(root, data.module or data.name)]
    schema = [data.schema] if data.schema else []
    rows = [key for key in data_keys if key.removeprefix("data.") not in _ONLY_VALIDATED]
    return [
        Stage(
            "prepare",
            f"mlops data split --params {PARAMS}",
            deps=sources,
            params=[*rows, "seed"],
            outs=[DATA],
        ),
        Stage(
            "validate",
            f"mlops data validate --params {PARAMS}",
            deps=[*sources, *schema],
            params=[*data_keys, "seed", "validation"],
            outs=[VALIDATED],
            facts=[REPORT],
        ),
        Stage(
            "train",
            f"mlops train --params {PARAMS}",
            deps=[DATA, VALIDATED, *code_of(config, root), *_checkpoint(config.model)],
            params=["task", "model", "trainer", "tracker", "lr", "batch_size", "epochs", "seed"],
            outs=[MODEL],
        ),
        Stage(
            "evaluate",
            f"mlops evaluate --params {PARAMS}",
            deps=[DATA, MODEL],
            params=["gates"],
            facts=[METRICS],
            metrics=METRICS,
        ),
        Stage(
            "export",
            f"mlops export --onnx --params {PARAMS}",
            deps=[DATA, MODEL, METRICS],
            params=["export"],
            outs=[BUNDLE],
        ),
    ]


def code_of(config: Config, root: Path) -> list[str]:
    """The project's modules that training runs."""
    own = (config.model.module or config.model.name, *trackers_in(config.tracker))
    return [file for name in (*own, config.task.name) for file in _module(root, name)]


def _checkpoint(model: ModelConfig) -> Iterator[str]:
    """The folder of a local checkpoint; what a hub holds is named by its commit."""
    if isinstance(model, PretrainedModelConfig) and model.path:
        yield model.path


def _files(data: DataConfig, root: Path) -> Iterator[str]:
    """The files and folders that the data comes from."""
    if isinstance(data, FileDataConfig | ConllDataConfig | ImagesDataConfig):
        yield from (path for path in (data.path, data.validation_path, data.test_path) if path)
    if isinstance(data, ImagesDataConfig):
        yield from _listed(data, root)
    elif isinstance(data, HubDataConfig) and (root / from_home(data.dataset)).is_dir():
        yield data.dataset


def _listed(data: ImagesDataConfig, root: Path) -> list[str]:
    """The folders of the images that tables list, without those inside of others.

    An image in a folder that holds the pipeline too stands for itself.
    """
    # Brings Pillow.
    from mlops_cli.data.images import listed

    files = {file.absolute() for file in listed(data, root)}
    found = {file if (root / DATA).is_relative_to(file.parent) else file.parent for file in files}
    return sorted(from_root(path, root) for path in found if not found & set(path.parents))


def _module(root: Path, name: str) -> Iterator[str]:
    """The project's file or package behind a dotted name."""
    if "." not in name:
        return
    path = Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path):
        if (root / candidate).exists():
            yield candidate.as_posix()
            return
