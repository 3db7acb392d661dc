"""The folder `pipeline/model`: a run's model and record, the same bytes for the same inputs.

Beside the model lie `config.yaml`, the settings of the run, and `run.json`, its record without
times and places. From these a run folder can be made again where there is none, such as in a
fresh clone.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.files import atomic_folder, write_json, write_text
from mlops_cli.pipeline.stages import MODEL
from mlops_cli.schemas.config import Config
from mlops_cli.tracking import record
from mlops_cli.tracking.record import Run

_KEPT = ("model", "monitor", "seed", "data", "precision", "truncated", "metrics", "epochs")
"""What of `run.json` depends on the inputs alone."""
_OWN = ("run.json", "config.yaml")


def keep(run: Run, root: Path) -> None:
    """Copies a finished run's model and record into the pipeline's folder."""
    facts = run.read()
    with atomic_folder(root / MODEL) as folder:
        shutil.copytree(run.model, folder, dirs_exist_ok=True)
        kept = {name: facts[name] for name in _KEPT if name in facts}
        write_json(folder / "run.json", {"id": run.id, **kept})
        write_text(folder / "config.yaml", run.config_text())


def run_of(root: Path) -> Run:
    """The run whose model lies in the pipeline's folder; made again where it is not there.

    Raises:
        NotFoundError: There is no model.
        DataError: It is damaged.
    """
    folder = root / MODEL
    facts = _facts(folder)
    run = Run(record.runs_folder(root) / facts["id"])
    if not finished(run):
        with atomic_folder(run.path) as made:
            shutil.copytree(folder, made / "model", ignore=shutil.ignore_patterns(*_OWN))
            shutil.copy(folder / "config.yaml", made)
            (made / "checkpoints").mkdir()
            again = {"status": "finished", "started": record.now(), "ended": record.now()}
            write_json(made / "run.json", facts | again)
    return run


def trained(root: Path, **groups: Any) -> tuple[Run, Config]:
    """The run of `run_of`, and its settings with those of present groups in their place.

    Raises:
        MlopsError: See `run_of`; or the run's settings can't be read.
    """
    found = run_of(root)
    return found, replace(configs.from_yaml(found.config_text(), root=root), **groups)


def finished(run: Run) -> bool:
    """Whether a run is there with its model."""
    there = (run.path / "run.json").is_file() and (run.model / "task.json").is_file()
    return there and run.read().get("status") == "finished"


def _facts(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise NotFoundError(f"no model in {folder}", hint="mlops repro, or dvc pull")
    try:
        facts: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
        if Path(facts["id"]).name != facts["id"]:
            raise ValueError(facts["id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} is damaged", hint="mlops repro --force train") from error
    return facts
