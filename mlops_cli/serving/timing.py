"""How fast graphs answer, measured in turns so that load from elsewhere touches all alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.serving.runtime import Predictor

BATCH = 32
_SINGLES = 100
_GROUPED = 512
"""Rows that are measured one at a time, and in batches."""
_MOST_ROUNDS = 5
"""Times that each batch is measured where there is time left."""


@dataclass(frozen=True)
class Speed:
    """Of one graph.

    Attributes:
        latency_ms: Median milliseconds for one row, all threads on it together.
        rows_per_second: In batches of `BATCH` rows of like length, one after the other.
        score: To tell graphs apart by: rows a second, alone and in batches alike, by the shortest
            time of each, which load from elsewhere touches least.
    """

    latency_ms: float
    rows_per_second: float
    score: float


def compare(
    predictors: Mapping[str, Predictor],
    rows: Sequence[Any],
    *,
    threads: int,
    seconds: float,
    advance: Callable[[int], None],
) -> dict[str, Speed]:
    """The speed of each predictor's graph on the same encoded rows, tokenising not counted.

    Args:
        predictors: By the name of the graph.
        rows: Rows as the task's encoder makes them.
        threads: CPU threads of each graph's session.
        seconds: About how long each graph is measured, twice.
        advance: Told how many more of the graphs' two measurements are done.
    """
    runs = {
        name: partial(predictor.run_batch, predictor.session(threads))
        for name, predictor in predictors.items()
    }
    encoder = next(iter(predictors.values())).task.encoder
    singles = [encoder.collate([row]) for row in spread(rows, _SINGLES)]
    latency = _in_turns(runs, singles, seconds)
    advance(len(runs))
    grouped = spread(rows, _GROUPED)
    grouped = [grouped[place] for place in np.argsort(encoder.sizes(grouped), kind="stable")]
    batches = [grouped[start : start + BATCH] for start in range(0, len(grouped), BATCH)]
    each = _in_turns(runs, [encoder.collate(batch) for batch in batches], seconds)
    advance(len(runs))
    counts = np.array([len(batch) for batch in batches])
    return {
        name: Speed(
            latency_ms=round(1e3 * float(np.median(latency[name])), 3),
            rows_per_second=round(_throughput(each[name], counts, np.median), 1),
            score=sqrt(
                _throughput(latency[name], np.ones(len(singles)), np.min)
                * _throughput(each[name], counts, np.min)
            ),
        )
        for name in runs
    }


def spread(rows: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the rows, at equal distances."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).round())
    return [rows[int(place)] for place in places]


def _in_turns(
    runs: Mapping[str, Callable[[Any], object]], batches: Sequence[Any], seconds: float
) -> dict[str, list[float]]:
    """Seconds of each run of each batch: all graphs have a batch before the next one's turn."""
    for run in runs.values():  # Not counted: a session's first runs find their memory.
        for batch in (batches[0], batches[-1]):
            run(batch)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    ends, rounds = time.perf_counter() + seconds * len(runs), 0
    while rounds < _MOST_ROUNDS * len(batches) and (
        rounds < len(batches) or time.perf_counter() < ends
    ):
        batch = batches[rounds % len(batches)]
        for name, run in runs.items():
            began = time.perf_counter()
            run(batch)
            taken[name].append(time.perf_counter() - began)
        rounds += 1
    return taken


def _throughput(taken: Sequence[float], counts: NDArray[Any], of: Callable[[Any], Any]) -> float:
    """Rows a second of batches with so many rows each, by one time of each batch's rounds."""
    times = [float(of(taken[place :: len(counts)])) for place in range(len(counts))]
    return float(counts.sum() / sum(times))
