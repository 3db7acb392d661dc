"""Benchmark: how fast a bundle answers here, in-process, and how it is served best. No torch."""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from mlops_cli import cores
from mlops_cli.data import tables
from mlops_cli.errors import DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.benchmark import BenchmarkResult, Point
from mlops_cli.serving import samples, settings
from mlops_cli.serving.bundle import Bundle
from mlops_cli.serving.engine import WINDOW
from mlops_cli.serving.runtime import Predictor
from mlops_cli.serving.settings import ServingSettings
from mlops_cli.tasks import Columns

BATCHES = (1, 2, 4, 8, 16, 32)
_ROWS = 512
_MARGIN = 1.05
"""How many times the rows a second a larger batch must give: it makes rows wait longer."""


def run(
    bundle: Bundle,
    reporter: Reporter,
    *,
    file: Path | None = None,
    graphs: Sequence[str] = (),
    seconds: float = 0.5,
) -> BenchmarkResult:
    """Measures every graph by sessions, threads and batch, and records the best settings.

    Args:
        bundle: The bundle.
        reporter: Told of progress.
        file: Rows to measure with; None invents some like the training data's.
        graphs: Names of the graphs to measure; all by default.
        seconds: How long each point is measured.

    Raises:
        DataError: The file has no row to measure with, or a graph can't be run.
        UsageError: There is no such graph.
    """
    began = time.perf_counter()
    predictors = {name: Predictor(bundle, graph=name) for name in graphs or bundle.graphs}
    encoder = next(iter(predictors.values())).task.encoder
    if file is None:
        inputs = samples.invent(bundle, encoder, _ROWS)
    else:
        inputs = _read(file, bundle, encoder.columns)
    rows = len(next(iter(inputs.values())))
    ways = [(s, t, b) for s, t in _shapes(cores.available()) for b in BATCHES]
    points = []
    with reporter.task("measuring", len(ways) * len(predictors)) as progress:
        for sessions, threads, batch in ways:
            for name, predictor in predictors.items():
                lane = _Lane(predictor, inputs, threads, batch)
                point = _measure(name, lane, sessions, seconds)
                points.append(point)
                progress.advance(1, rows_per_second=point.rows_per_second)
    best = _best(points)
    chosen = ServingSettings(best.graph, best.sessions, best.threads, best.batch)
    path = settings.record(bundle, chosen, rows_per_second=best.rows_per_second, p50_ms=best.p50_ms)
    return BenchmarkResult(
        bundle=bundle.path,
        run=bundle.run,
        machine=settings.machine(),
        rows=rows,
        source="invented like the training data" if file is None else str(file),
        points=points,
        fastest=min((one for one in points if one.batch == 1), key=lambda one: one.p50_ms),
        best=best,
        path=path,
        seconds=time.perf_counter() - began,
    )


def _shapes(cores: int) -> Iterator[tuple[int, int]]:
    """Sessions and threads of each: one session of any width, and as many as fill all cores."""
    widths = [width for width in (1, 2, 4, 8, 16, 32, 64) if width < cores] + [cores]
    for width in widths:
        yield 1, width
        if cores // width > 1:
            yield cores // width, width


class _Lane:
    """One way to answer: batches of raw rows, sorted by length within a window."""

    def __init__(self, predictor: Predictor, inputs: Columns, threads: int, batch: int) -> None:
        self.predictor, self.threads, self.batch = predictor, threads, batch
        self.session: ort.InferenceSession = predictor.session(threads)
        self._inputs = inputs
        encoder = predictor.task.encoder
        sizes = encoder.sizes(encoder.encode(inputs))
        self._order = [
            place
            for start in range(0, len(sizes), WINDOW)
            for place in start + np.argsort(sizes[start : start + WINDOW], kind="stable")
        ]

    def batches(self) -> list[Columns]:
        """All rows, cut into batches."""
        return [
            {name: [cells[place] for place in places] for name, cells in self._inputs.items()}
            for start in range(0, len(self._order), self.batch)
            if (places := self._order[start : start + self.batch])
        ]

    def answer(self, batch: Columns) -> None:
        """From raw rows to outputs, as a server does it."""
        self.predictor.run(self.session, self.predictor.task.encoder.encode(batch))


def _measure(graph: str, lane: _Lane, sessions: int, seconds: float) -> Point:
    """Answers batches in so many threads at once, for so long."""
    batches = lane.batches()
    for batch in (batches[0], batches[-1]):
        lane.answer(batch)
    taken: list[list[float]] = [[] for _ in range(sessions)]
    rows = [0] * sessions
    ends = time.perf_counter() + seconds

    def work(place: int) -> None:
        turn = place * len(batches) // sessions
        while not taken[place] or time.perf_counter() < ends:
            batch = batches[turn % len(batches)]
            began = time.perf_counter()
            lane.answer(batch)
            taken[place].append(time.perf_counter() - began)
            rows[place] += len(next(iter(batch.values())))
            turn += 1

    began = time.perf_counter()
    workers = [threading.Thread(target=work, args=(place,)) for place in range(sessions)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    whole = time.perf_counter() - began
    latency = 1e3 * np.quantile(np.concatenate(taken), (0.5, 0.9, 0.99))
    p50, p90, p99 = (round(float(value), 3) for value in latency)
    return Point(
        graph=graph,
        sessions=sessions,
        threads=lane.threads,
        batch=lane.batch,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        rows_per_second=round(sum(rows) / whole, 1),
    )


def _best(points: Sequence[Point]) -> Point:
    """The most rows a second; of those about as good, the one whose rows wait the least."""
    most = max(point.rows_per_second for point in points)
    good = [point for point in points if point.rows_per_second * _MARGIN >= most]
    return min(good, key=lambda point: (point.batch, -point.rows_per_second))


def _read(file: Path, bundle: Bundle, columns: Sequence[str]) -> Columns:
    """The first rows of a table that have every input."""
    table = tables.open_table(file)
    named = {name: bundle.columns.get(name, name) for name in columns}
    for column in named.values():
        if column not in table.columns:
            raise tables.missing_column(table, column, "--file")
    cells = ([row[column] or "" for column in named.values()] for _, row in table.rows())
    found: list[Any] = list(islice((row for row in cells if any(row)), _ROWS))
    if not found:
        raise DataError(f"{file} has no row to measure with", hint="name another file")
    return dict(zip(named, map(list, zip(*found, strict=True)), strict=True))
