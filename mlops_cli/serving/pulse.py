"""How far an event loop is behind its work.

Under an overload that refuses thousands of requests a second, a request waits for the loop before
it is read and again before its answer is sent. No clock of the request's own sees that time.
"""

WAITED = "mlops.waited"
"""Key of a scope: seconds for which its request had waited when it was read."""
_CALMING = 0.3
"""Weight of a beat that is less late than those before it: an overload ends slower than it begins,
so that between two of its waves nobody is promised what can't be kept."""


class Pulse:
    """The delay of a loop, from calls that come at equal intervals unless something delays them.

    Args:
        every: Seconds between two calls.

    Attributes:
        delay: Seconds that the loop was late of late.
    """

    def __init__(self, every: float) -> None:
        self.delay = 0.0
        self._every = every
        self._last: float | None = None

    def beat(self, now: float) -> None:
        """Notes one of the calls.

        Args:
            now: Seconds, by the loop's clock.
        """
        if self._last is not None:
            late = max(0.0, now - self._last - self._every)
            weight = 1.0 if late > self.delay else _CALMING
            self.delay += (late - self.delay) * weight
        self._last = now
