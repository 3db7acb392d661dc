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

_LATEST = 16
"""Rows by whose median time a session is judged: rows differ in length, and the first are slow."""
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
        self._seconds = [deque[float](maxlen=_LATEST) for _ in self._sessions]
        self._rows = 0

    def warm(self, rows: Sequence[Any]) -> None:
        """Runs each session once, so that the first request finds them with memory and threads.

        Args:
            rows: Encoded rows.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        for session in self._sessions:
            self._predictor.run(session, rows)

    def run(self, rows: Sequence[Any], *, alone: bool) -> Outputs:
        """What the network says of encoded rows.

        Args:
            rows: The rows.
            alone: Whether nothing else is answered meanwhile.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        if not alone or len(rows) > 1:
            return self._predictor.run(self._sessions[0], rows)
        place = self._sooner()
        began = time.perf_counter()
        found = self._predictor.run(self._sessions[place], rows)
        self._seconds[place].append(time.perf_counter() - began)
        return found

    def _sooner(self) -> int:
        """Which session is to answer a lone row: the sooner one, or one that little is known of."""
        known = [len(seconds) for seconds in self._seconds]
        if min(known) < _LATEST:
            return known.index(min(known))
        self._rows += 1
        medians = [sorted(seconds)[_LATEST // 2] for seconds in self._seconds]
        return medians.index(min(medians) if self._rows % _TRIED else max(medians))
