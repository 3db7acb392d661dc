"""A benchmark for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.benchmark import BenchmarkResult, Point
from mlops_cli.wording import counted


def table(result: BenchmarkResult) -> RenderableType:
    """By graph and batch: the quickest answer of one session, and the most rows of all."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("graph")
    for heading in (
        "batch",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "threads",
        "rows/s",
        "sessions x threads",
    ):
        shown.add_column(heading, justify="right")
    for graph in dict.fromkeys(point.graph for point in result.points):
        for batch in dict.fromkeys(point.batch for point in result.points):
            of_it = [one for one in result.points if (one.graph, one.batch) == (graph, batch)]
            quickest = min((one for one in of_it if one.sessions == 1), key=lambda one: one.p50_ms)
            most = max(of_it, key=lambda one: one.rows_per_second)
            shown.add_row(
                graph,
                str(batch),
                *(f"{value:.2f}" for value in (quickest.p50_ms, quickest.p90_ms, quickest.p99_ms)),
                str(quickest.threads),
                f"{most.rows_per_second:,.0f}",
                f"{most.sessions} x {most.threads}",
                style="bold" if most == result.best else "",
            )
    told = f"{result.machine}; {counted(result.rows, 'row')} {_source(result)}\n{result.path}"
    return Group(shown, Text(_fastest(result.fastest)), Text(told, overflow="fold"))


def _fastest(point: Point) -> str:
    return (
        f"one row at a time: {point.p50_ms:.2f} ms from {point.graph} with {point.threads} threads"
    )


def _source(result: BenchmarkResult) -> str:
    return result.source if result.source.startswith("invented") else f"of {result.source}"
