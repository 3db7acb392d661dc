"""`mlops data validate`: what is wrong with the data, and what to do about it."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli.commands._options import (
    Json,
    Overrides,
    Params,
    Quiet,
    epilog,
    refuse_beside_params,
)
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "validate"
EPILOG = epilog(
    "mlops data validate",
    "mlops data validate data=file data.path=reviews.csv data.text=review data.label=stars",
    "mlops data validate validation.duplicates=error validation.html=ignore",
    "mlops data validate --against requests.csv",
)


def run(
    overrides: Overrides = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare train with what the model is asked: new categories, ranges, words.",
            show_default=False,
        ),
    ] = None,
    params: Params = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the data before a model learns its faults.

    Schema, duplicates, leakage, classes, texts and columns; exit 6 on an error.
    """
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    with extra("data", "mlops data validate"):
        from mlops_cli.data import validation
        from mlops_cli.reports import validation as report
    if params is not None:
        refuse_beside_params({"KEY=VALUE": overrides, "--against": against})
        with extra("train", "mlops data validate"):
            from mlops_cli.pipeline import params as settings
            from mlops_cli.pipeline import validate as stage
        result = stage.run(settings.read(params, root), root, out)
    else:
        loaded = config.load(overrides or [], root=root)
        result = validation.run(loaded, out, against=against)
    out.result(
        report.headline(result),
        result,
        next_step="" if result.errors or params else " ".join(["mlops train", *(overrides or [])]),
        lines=report.anomalies(result),
        failed=bool(result.errors),
    )
    validation.require(result)
