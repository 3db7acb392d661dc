"""`mlops benchmark`: how fast a bundle answers on this machine, and how to serve it best."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.errors import UsageError
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.serving.bundle import Bundle

NAME = "benchmark"
EPILOG = epilog(
    "mlops benchmark",
    "mlops benchmark best --seconds 2",
    "mlops benchmark bundles/cola --file reviews.csv --graph quantized --json",
)


def run(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="BUNDLE|RUN",
            help="A bundle's folder, or a run (id, its beginning, latest, best).",
            autocompletion=complete_run,
            show_default="the newest bundle",
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Measure with the rows of a CSV, TSV, JSONL or Parquet file.",
            show_default="rows like the training data's",
        ),
    ] = None,
    graph: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A graph to measure, such as quantized; may be repeated.",
            show_default="all",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(metavar="S", help="How long each setting is measured.")
    ] = 0.5,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a bundle by graph, sessions, threads and batch, and record the best settings.

    Latency and rows a second are told from raw rows to answers, in this process. What is best is
    written beside the bundle, into BUNDLE.serving.json, for servers on machines like this one.
    """
    from mlops_cli import benchmark

    if not 0 < seconds < float("inf"):
        raise UsageError(
            f"--seconds must be a time above 0, not {seconds:g}", hint="such as --seconds 1"
        )
    out = Output(json_mode=json, quiet=quiet)
    bundle = _bundle(reference)
    result = benchmark.run(bundle, out, file=file, graphs=graph or (), seconds=seconds)
    best = result.best
    words = None
    if not json:
        from mlops_cli.reports import benchmark as report

        words = report.table(result)
    out.result(
        f"Best here: {best.rows_per_second:,.0f} rows/s from {best.graph}, "
        f"{best.sessions} x {best.threads} threads, batches of {best.batch}",
        result,
        next_step="mlops serve",
        lines=words,
    )


def _bundle(reference: str | None) -> "Bundle":
    """The bundle that is meant."""
    from mlops_cli import bundle_lookup, project
    from mlops_cli.serving import bundle as bundles

    return bundles.load(bundle_lookup.called(project.find_root(), reference))
