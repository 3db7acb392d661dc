"""Stage `validate`: the data checked before anything is trained on it."""

import dataclasses
from pathlib import Path

from mlops_cli.data import validation
from mlops_cli.files import write_json
from mlops_cli.pipeline.stages import REPORT, VALIDATED
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.validation import ValidationResult


def run(config: Config, root: Path, reporter: Reporter) -> ValidationResult:
    """Makes the checks; `validation.require` makes errors an error.

    `pipeline/validation.json` tells all. Training waits for `pipeline/validated.json` alone, which
    says the same of all data without errors: another severity of a warning trains nothing anew.

    Raises:
        MlopsError: See `validation.run`.
    """
    result = validation.run(config, reporter)
    told = dataclasses.replace(result, seconds=0.0, schema=None)
    report = {name: value for name, value in plain(told).items() if name != "seconds"}
    write_json(root / REPORT, report | {"schema": config.data.schema})
    if not result.errors:
        write_json(root / VALIDATED, {"errors": 0})
    return result
