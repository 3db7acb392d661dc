"""`mlops export --onnx`: a trained model as a verified bundle."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Params, Quiet, RunAndOverrides, epilog, split_run
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "export"
EPILOG = epilog(
    "mlops export --onnx",
    "mlops export --onnx best export.opset=17",
    "mlops export --onnx 20250102 export.max_logit_difference=1e-4 --json",
)


def run(
    words: RunAndOverrides = None,
    _onnx: Annotated[
        bool,
        typer.Option("--onnx", show_default=False, help="The format; ONNX is the only one so far."),
    ] = True,
    params: Params = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a trained model to ONNX, prove that it agrees with PyTorch, and write its bundle.

    Both answer the whole validation split; outside the tolerances of the config group
    export no bundle is written (exit 6).
    """
    from mlops_cli import config, project
    from mlops_cli.tracking import record

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    if params is not None:
        with extra("train", "mlops export"):
            from mlops_cli.pipeline import export as stage
            from mlops_cli.pipeline import params as settings
        result = stage.run(settings.read(params, root, words), root, out)
    else:
        reference, overrides = split_run(words)
        found = record.find(root, reference)
        loaded = config.load_for_run(found.config_text(), overrides, root=root)
        with extra("train", "mlops export"):
            from mlops_cli import export
        result = export.run(found, loaded, out)
    out.result(
        f"Exported {result.run}: agrees with PyTorch on {result.rows:,} validation rows",
        result,
        next_step="" if params else 'mlops predict "a text"',
        lines=f"largest logit difference {result.max_logit_difference:.2g}, "
        f"label agreement {result.label_agreement:.2%},\n{result.monitor} {result.metric_onnx:.4f} "
        f"(PyTorch {result.metric_pytorch:.4f})\n{result.path} ({result.megabytes:g} MB)",
    )
