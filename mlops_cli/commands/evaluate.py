"""`mlops evaluate`: a model's figures on one split, its mistakes and its gates."""

from typing import Annotated, Literal

import typer

from mlops_cli.commands._options import (
    Json,
    Params,
    Quiet,
    RunAndOverrides,
    epilog,
    load_run,
    refuse_beside_params,
)
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "evaluate"
EPILOG = epilog(
    "mlops evaluate",
    "mlops evaluate best --split test",
    "mlops evaluate latest 'gates.mcc=\">= run:best - 0.01\"'",
    "mlops evaluate 20250102 data=file data.path=new.csv --json",
    "mlops evaluate best 'data.slice_by=[dialect]'",
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
    """Evaluate a trained model: metrics, slices, mistakes and gates."""
    from mlops_cli import project

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    if params is not None:
        refuse_beside_params({"RUN KEY=VALUE": words, "--split": split != "validation"})
        with extra("train", "mlops evaluate"):
            from mlops_cli import gates
            from mlops_cli.pipeline import evaluate as stage
            from mlops_cli.pipeline import params as settings
            from mlops_cli.reports import terminal
        result = stage.run(settings.read(params, root), root, out)
    else:
        found, loaded, overrides = load_run(root, words)
        with extra("train", "mlops evaluate"):
            from mlops_cli import evaluation, gates
            from mlops_cli.reports import terminal
            from mlops_cli.tracking import sending
        # Whoever slices by another column has the same rows.
        other_data = any(
            word.startswith(("data=", "data.")) and not word.startswith("data.slice_by=")
            for word in overrides
        )
        result = evaluation.run(found, loaded, out, root=root, split=split, other_data=other_data)
    passed = all(gate.passed for gate in result.gates)
    out.result(
        terminal.headline(result),
        result,
        next_step=f"mlops export --onnx {result.run}" if passed and not params else "",
        lines=terminal.evaluation(result),
        failed=not passed,
    )
    if params is None:
        sending.after_work(found, loaded.tracker)
    gates.require(result.gates)
