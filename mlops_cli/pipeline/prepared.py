"""Stage `prepare`, and the data as the stages after it read it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_cli.data import split_files
from mlops_cli.errors import NotFoundError
from mlops_cli.pipeline.stages import DATA
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import (
    DataConfig,
    FileDataConfig,
    ImagesDataConfig,
    StreamDataConfig,
    TableDataConfig,
)
from mlops_cli.schemas.splits import SplitResult
from mlops_cli.schemas.task import TaskConfig


def run(config: Config, root: Path, reporter: Reporter) -> SplitResult:
    """Splits the data into the pipeline's folder.

    Raises:
        MlopsError: See `split_files.run`.
    """
    # DVC holds every earlier split: there is nothing to protect.
    return split_files.run(config, root / DATA, reporter, force=True)


def data(root: Path, task: TaskConfig) -> DataConfig:
    """The settings that read what `prepare` wrote, row by row, as its source gave it.

    Args:
        root: The project.
        task: Says what a row and its target are, as it did to the source.

    Raises:
        NotFoundError: It was not written.
        DataError: Its record is damaged.
    """
    folder = root / DATA
    if not folder.is_dir():
        raise NotFoundError(f"the data is not prepared: no folder {folder}", hint="mlops repro")
    record = split_files.read_record(folder)
    files = {name: f"{DATA}/{part['file']}" for name, part in record["parts"].items()}
    found = _reader(task, record)
    return replace(
        found,
        path=files["train"],
        validation_path=files.get("validation"),
        test_path=files.get("test"),
        # What has no file was not wanted, and is not split off after all.
        test_fraction=0.0,
        inputs=task.inputs,
        targets=task.targets,
        text=record["inputs"].get("text", found.text),
        text_pair=record["inputs"].get("text_pair", found.text_pair),
        label=record["label"],
        separator=record.get("separator", found.separator),
        slice_by=record.get("slices", []),
    )


def _reader(task: TaskConfig, record: dict[str, Any]) -> FileDataConfig | ImagesDataConfig:
    """The settings of the source that reads such rows, and only what is its own of them."""
    columns = record["inputs"]
    if task.inputs == "image":
        return ImagesDataConfig(name="images", image=columns["image"])
    features = list(columns) if task.inputs == "table" else None
    if record.get("streamed"):
        return StreamDataConfig(name="stream", split="hash", features=features)
    if features:
        return TableDataConfig(name="table", features=features)
    return FileDataConfig(name="file")


def fingerprints(root: Path) -> dict[str, str]:
    """SHA-256 of each part's content."""
    parts = split_files.read_record(root / DATA)["parts"]
    return {name: part["fingerprint"] for name, part in parts.items()}
