"""The sessions that a graph is run in: one for batches, and one more for a row that is alone.

Batches side by side in a session of several threads wait for those threads: a quarter fewer rows a
second than in a session of one (measured). A row that is alone is answered sooner by several
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
_TRIED = 256
"""Of so many lone rows one is answered by the slower session: fewer than one in a hundred (p99). At
first, when times are those of a start, more are: the 1st, 2nd, 4th, 8th…"""


class Sessions:
    """Runs a graph.

    Args:
        predictor: Has the graph.
        threads: CPU threads for a batch; several batches may be run at once.
        lone_threads: CPU threads for a lone row; not more than `threads`: no other session.
    """

    def __init__(self, predictor: Predictor, *, threads: int, lone_threads: int) -> None:
        self._predictor = predictor
        widths = (threads, lone_threads) if lone_threads > threads else (threads,)
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

    def run(self, rows: Sequence[Any], *, lone_size: int | None = None) -> Outputs:
        """What the network says of encoded rows.

        Args:
            rows: The rows.
            lone_size: Size of the row, where there is one and nothing else is answered meanwhile.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        if lone_size is None or len(self._sessions) == 1:
            return self._predictor.run(self._sessions[0], rows)
        # The longer a row, the more several threads are worth.
        taken = self._taken.setdefault(lone_size.bit_length(), _Taken(len(self._sessions)))
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
        tried = self._rows.bit_count() == 1 or self._rows % _TRIED == 0
        return medians.index(max(medians) if tried else min(medians))
