"""Stage `prepare`, and the data as the stages after it read it."""

from pathlib import Path

from mlops_cli.data import split_files
from mlops_cli.errors import NotFoundError
from mlops_cli.pipeline.stages import DATA
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import FileDataConfig
from mlops_cli.schemas.splits import SplitResult


def run(config: Config, root: Path, reporter: Reporter) -> SplitResult:
    """Splits the data into the pipeline's folder.

    Raises:
        MlopsError: See `split_files.run`.
    """
    # DVC holds every earlier split: there is nothing to protect.
    return split_files.run(config, root / DATA, reporter, force=True)


def data(root: Path) -> FileDataConfig:
    """The settings that read what `prepare` wrote, row by row.

    Raises:
        NotFoundError: It was not written.
        DataError: Its record is damaged.
    """
    folder = root / DATA
    if not folder.is_dir():
        raise NotFoundError(f"the data is not prepared: no folder {folder}", hint="mlops repro")
    record = split_files.read_record(folder)
    files = {name: f"{DATA}/{part['file']}" for name, part in record["parts"].items()}
    return FileDataConfig(
        name="file",
        path=files["train"],
        validation_path=files.get("validation"),
        test_path=files.get("test"),
        # What has no file was not wanted, and is not split off after all.
        test_fraction=0.0,
        text=record["inputs"].get("text", "text"),
        label=record["label"],
        slice_by=record.get("slices", []),
    )


def fingerprints(root: Path) -> dict[str, str]:
    """SHA-256 of each part's content."""
    parts = split_files.read_record(root / DATA)["parts"]
    return {name: part["fingerprint"] for name, part in parts.items()}
