"""The clock that tells askers in time that their answer did not come."""

import asyncio
import math
import time
from contextvars import Context

from mlops_cli.serving.jobs import Job, late


class Clock:
    """Ends jobs of one event loop when their deadline passes, whatever the engine is at.

    One timer serves them all: a timer for each would cost every request ten times as much. It
    rings when the first of those that it was set for is due, and is set anew for those that are
    left; a job that was answered before leaves it as it is.

    Args:
        loop: Where the askers wait.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._jobs: set[Job] = set()
        self._rings = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, job: Job) -> None:
        """Ends a job when its time is over, unless it is forgotten before."""
        self._jobs.add(job)
        if job.deadline < self._rings:
            self._set(job.deadline)

    def forget(self, job: Job) -> None:
        """Watches a job no more: it was answered, or its asker has gone."""
        self._jobs.discard(job)

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = when
        seconds = max(0.0, when - time.monotonic())
        # In a context of its own: that of the request would hold its version until the timer rings,
        # and the memory of each that was taken down meanwhile.
        self._timer = self.loop.call_later(seconds, self._ring, context=Context())

    def _ring(self) -> None:
        self._rings, self._timer = math.inf, None
        now = time.monotonic()
        for job in [one for one in self._jobs if one.deadline <= now]:
            self._jobs.discard(job)
            job.over = True
            if not job.future.done():
                job.future.set_exception(late())
        if self._jobs:
            self._set(min(job.deadline for job in self._jobs))
