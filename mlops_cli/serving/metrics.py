"""What the server counts. Only the event loop's thread counts, so nothing is locked.

Counting is a few additions in plain dictionaries, and prometheus-client writes them out when they
are asked for (`protocols/prometheus.py`): its own counters and its import cost more.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mlops_cli.serving.exchange import Exchange
from mlops_cli.serving.refusals import Late, Overloaded, Refusal, Unavailable
from mlops_cli.serving.version import Reply, Version

Names = tuple[str, str]
"""A model and a version."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SHARES = tuple(tenth / 10 for tenth in range(1, 11))
_REASONS: dict[type[Refusal], str] = {
    Overloaded: "overload",
    Late: "late",
    Unavailable: "unavailable",
}


class Histogram:
    """How often values fell between edges.

    Args:
        edges: Upper ends of the buckets, rising; one without end comes after them.
    """

    __slots__ = ("counts", "edges", "total")

    def __init__(self, edges: Sequence[float]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Counts a value."""
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value


class Figures:
    """What one version did.

    Attributes:
        rows: Rows that it answered.
        batches: Rows of the largest batch that each request was part of.
        waits: Seconds until that began.
        labels: How often each label was given.
        scores: Scores of the answers.
        values: Answers that are numbers; the edges are those of the training data's histogram.
    """

    def __init__(self, version: Version) -> None:
        self.rows = 0
        self.batches, self.waits = Histogram(_ROWS), Histogram(_SECONDS)
        self.labels: Counter[str] = Counter()
        self.scores = Histogram(_SHARES)
        known = version.known.get("values", {}).get("histogram", {})
        self.values = Histogram(known.get("edges", ()))

    def add(self, reply: Reply) -> None:
        """Counts an answer."""
        answer, head = reply.answer, reply.version.task.head
        self.rows += len(answer.predictions)
        self.batches.add(answer.batch)
        self.waits.add(answer.waited)
        for one in answer.predictions:
            for label in head.counted(one):
                self.labels[label] += 1
            score = getattr(one, "score", None)
            if score is not None:
                self.scores.add(score)
            value = getattr(one, "value", None)
            if value is not None:
                self.values.add(value)


class Metrics:
    """What all versions did."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str, int]] = Counter()
        self.seconds: dict[tuple[str, str, str], Histogram] = {}
        self.refused: Counter[tuple[str, str]] = Counter()
        self.versions: dict[Names, Figures] = {}

    def add(self, exchange: Exchange, protocol: str, seconds: float) -> None:
        """Counts a request that has ended.

        Args:
            exchange: The request.
            protocol: Name of the protocol it spoke.
            seconds: How long it took.
        """
        model, version = exchange.names
        self.requests[protocol, model, version, exchange.status] += 1
        reason: Any = exchange.refusal and _REASONS.get(type(exchange.refusal))
        if reason:
            self.refused[model, reason] += 1
        if not model:
            return
        asked = (protocol, model, version)
        if asked not in self.seconds:
            self.seconds[asked] = Histogram(_SECONDS)
        self.seconds[asked].add(seconds)
        if exchange.reply:
            names = (model, version)
            if names not in self.versions:
                self.versions[names] = Figures(exchange.reply.version)
            self.versions[names].add(exchange.reply)
