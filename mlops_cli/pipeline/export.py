"""Stage `export`: the bundle of the pipeline's model."""

import shutil
from pathlib import Path

from mlops_cli import export
from mlops_cli.files import atomic_folder
from mlops_cli.pipeline import model
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.pipeline import BUNDLE
from mlops_cli.schemas.results import ExportResult


def run(config: Config, root: Path, reporter: Reporter) -> ExportResult:
    """Exports the run and puts the same bundle into the pipeline's folder.

    Raises:
        MlopsError: See `export.run`.
    """
    found, settings = model.trained(root, export=config.export)
    result = export.run(found, settings, reporter, reproducible=True)
    with atomic_folder(root / BUNDLE) as folder:
        shutil.copytree(found.bundle, folder, dirs_exist_ok=True)
    return result
