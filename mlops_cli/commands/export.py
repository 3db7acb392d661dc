"""`mlops export --onnx`: a trained model as a verified bundle."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

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
from mlops_cli.errors import ExportRefused
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "export"
EPILOG = epilog(
    "mlops export --onnx",
    "mlops export --onnx --optimize --quantize int8",
    "mlops export --onnx best export.opset=17",
    "mlops export --onnx 20250102 export.max_logit_difference=1e-4 --json",
)

_NEXT_OF_TABLES = "mlops predict --file IN.csv --output OUT.csv"
_NEXT = {
    ("text",): 'mlops predict "a text"',
    ("text", "text_pair"): 'mlops predict "a text" "another"',
    ("image",): "mlops predict IMAGE.png",
}
"""The command to type next, by what the model takes."""


def run(
    words: RunAndOverrides = None,
    _onnx: Annotated[
        bool,
        typer.Option("--onnx", show_default=False, help="The format; ONNX is the only one so far."),
    ] = True,
    *,
    optimize: Annotated[
        bool,
        typer.Option("--optimize", help="Add a graph whose operators are fused: export.optimize."),
    ] = False,
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="int8|dynamic|static",
            help="Add a graph in 8 bits (int8: the better of the two ways): export.quantize.",
            show_default=False,
        ),
    ] = None,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Add a graph in float16: export.fp16.")
    ] = False,
    params: Params = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a trained model as an ONNX bundle, once it is verified.

    ONNX and PyTorch answer the whole validation split; where they differ by more than the
    config group export tolerates, no bundle is written (exit 6). So does every graph that is made
    beside the plain one; the fastest becomes the one that answers.
    """
    from mlops_cli import project

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    asked = _overrides(optimize, quantize, fp16)
    if params is not None:
        refuse_beside_params({"RUN KEY=VALUE": words, "--optimize, --quantize, --fp16": asked})
        with extra("train", "mlops export"):
            from mlops_cli.pipeline import export as stage
            from mlops_cli.pipeline import params as settings
        with _shown_where_refused(out):
            result = stage.run(settings.read(params, root), root, out)
    else:
        found, loaded, _ = load_run(root, [*(words or []), *asked])
        with extra("train", "mlops export"):
            from mlops_cli import export
            from mlops_cli.tracking import sending
        with _shown_where_refused(out):
            result = export.run(found, loaded, out)
    from mlops_cli.reports import export as report

    out.result(
        f"Exported {result.run}: agrees with PyTorch on {result.rows:,} validation rows",
        result,
        next_step="" if params else _NEXT.get(tuple(result.inputs), _NEXT_OF_TABLES),
        lines=report.summary(result),
    )
    if params is None:
        sending.after_work(found, loaded.tracker)


@contextmanager
def _shown_where_refused(out: Output) -> Iterator[None]:
    """Shows what every graph is worth before the error that one of them is."""
    try:
        yield
    except ExportRefused as error:
        if error.figures and not out.json_mode:
            from mlops_cli.reports import export as report

            figures = report.refused(error.figures, error.monitor)
            out.result(
                "Not exported; in brackets is what differs", None, lines=figures, failed=True
            )
        raise


def _overrides(optimize: bool, quantize: str | None, fp16: bool) -> list[str]:
    """The options as settings."""
    asked = {"optimize": optimize, "fp16": fp16}
    words = [f"export.{name}=true" for name, wanted in asked.items() if wanted]
    return [*words, *([f"export.quantize={quantize}"] if quantize is not None else [])]
