"""The sessions that a graph is run in: one for batches, and one more for a row that is alone.

Batches side by side in a session of several threads wait for each other's: a quarter fewer rows a
second than in one of a single thread (measured). A row that is alone is answered sooner by several
threads where cores are idle. Beside other work they wait for each other, and one is sooner: both
are tried, and the one that is sooner answers.
"""

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from mlops_cli.serving.runtime import Predictor
from mlops_cli.tasks import Outputs

_LATEST = 8
"""Rows of about one size by whose median time a session is judged; the first ever are slow."""
_TRIED = 128
"""Of so many lone rows one is answered by the slower session: fewer than one in a hundred (p99)."""


class Sessions:
    """Runs a graph.

    Args:
        predictor: Has the graph.
        threads: CPU threads for a batch; several batches may be run at once.
        alone: CPU threads for a row that is alone; as many as for a batch: no other session.
    """

    def __init__(self, predictor: Predictor, *, threads: int, alone: int) -> None:
        self._predictor = predictor
        widths = dict.fromkeys((threads, alone))
        self._sessions = [predictor.session(width) for width in widths]
        self._taken: dict[int, _Taken] = {}

    def warm(self, rows: Sequence[Any]) -> None:
        """Runs each session once, so that the first request finds them with memory and threads.

        Args:
            rows: Encoded rows.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        for session in self._sessions:
            self._predictor.run(session, rows)

    def run(self, rows: Sequence[Any], *, alone: int | None = None) -> Outputs:
        """What the network says of encoded rows.

        Args:
            rows: The rows.
            alone: Size of the row, where there is one and nothing else is answered meanwhile.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        if alone is None:
            return self._predictor.run(self._sessions[0], rows)
        # The longer a row, the more several threads are worth.
        taken = self._taken.setdefault(alone.bit_length(), _Taken(len(self._sessions)))
        place = taken.sooner()
        began = time.perf_counter()
        found = self._predictor.run(self._sessions[place], rows)
        taken.seconds[place].append(time.perf_counter() - began)
        return found


class _Taken:
    """The time that rows of about one size took, by session."""

    def __init__(self, sessions: int) -> None:
        self.seconds = [deque[float](maxlen=_LATEST) for _ in range(sessions)]
        self._rows = 0

    def sooner(self) -> int:
        """Which session is to answer: the sooner one, or one that little is known of."""
        known = [len(seconds) for seconds in self.seconds]
        if min(known) < _LATEST:
            return known.index(min(known))
        self._rows += 1
        medians = [sorted(seconds)[_LATEST // 2] for seconds in self.seconds]
        return medians.index(min(medians) if self._rows % _TRIED else max(medians))
