"""What `mlops benchmark` returns."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Point:
    """One way to serve, measured.

    Attributes:
        graph: Name of the bundle's graph.
        sessions: Sessions that answered side by side.
        threads: CPU threads of each.
        batch: Rows in one run of the graph.
        p50_ms: Median milliseconds from raw rows to answers, of one batch.
        p90_ms: The same that nine in ten batches stay below.
        p99_ms: The same of ninety-nine in a hundred.
        rows_per_second: Of all sessions together.
    """

    graph: str
    sessions: int
    threads: int
    batch: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_second: float


@dataclass(frozen=True)
class BenchmarkResult:
    """How fast a bundle answers on this machine.

    Attributes:
        bundle: Its folder.
        run: Id of the run it was made from.
        machine: The processor and its cores.
        rows: Rows that were measured with.
        source: Where they come from.
        points: Every way that was measured.
        fastest: The one with the shortest median for one row.
        best: The one with the most rows a second: what is recorded.
        path: The file that the settings were written to.
        seconds: Wall time.
    """

    bundle: Path
    run: str
    machine: str
    rows: int
    source: str
    points: list[Point]
    fastest: Point
    best: Point
    path: Path
    seconds: float
