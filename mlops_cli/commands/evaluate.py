"""`mlops evaluate`: a model's figures on one split, its mistakes and its gates."""

from typing import Annotated, Literal

import typer

from mlops_cli.commands._options import Json, Params, Quiet, RunAndOverrides, epilog, split_run
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "evaluate"
EPILOG = epilog(
    "mlops evaluate",
    "mlops evaluate best --split test",
    "mlops evaluate latest 'gates.mcc=\">= run:best - 0.01\"'",
    "mlops evaluate 20250102 data=file data.path=new.csv --json",
)


def run(
    words: RunAndOverrides = None,
    split: Annotated[
        Literal["train", "validation", "test"],
        typer.Option(help="The rows to evaluate on."),
    ] = "validation",
    params: Params = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a trained model: metrics, confusion matrix, worst mistakes, gates."""
    from mlops_cli import config, project
    from mlops_cli.tracking import record

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    if params is not None:
        with extra("train", "mlops evaluate"):
            from mlops_cli import gates
            from mlops_cli.pipeline import evaluate as stage
            from mlops_cli.pipeline import params as settings
            from mlops_cli.reports import terminal
        result = stage.run(settings.read(params, root, words), root, out)
    else:
        reference, overrides = split_run(words)
        found = record.find(root, reference)
        loaded = config.load_for_run(found.config_text(), overrides, root=root)
        with extra("train", "mlops evaluate"):
            from mlops_cli import evaluation, gates
            from mlops_cli.reports import terminal
        other_data = any(word.startswith(("data=", "data.")) for word in overrides)
        result = evaluation.run(found, loaded, out, root=root, split=split, other_data=other_data)
    passed = all(gate.passed for gate in result.gates)
    out.result(
        terminal.headline(result),
        result,
        next_step=f"mlops export --onnx {result.run}" if passed and not params else "",
        lines=terminal.evaluation(result),
    )
    gates.require(result.gates)
