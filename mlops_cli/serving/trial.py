"""A version on trial: how it does beside the primary, and when it is taken off requests.

Every rule looks at the latest requests. What can't get better any more is told at once: a version
that failed more often than the limit allows in `canary_min_requests` waits for no further request.
"""

import random
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.wording import counted

_WINDOW = 1000
"""Requests that a figure is made of, the latest."""
_LOOK = 16
"""Requests between two looks at the latency, which takes sorting."""
_NOTICEABLE = 0.005
"""Seconds; a p95 that is longer by less is no reason to take a version off."""

Outcome = Literal["running", "failed", "passed"]


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a version on trial.

    Attributes:
        outcome: `failed` is to be rolled back; `passed` may be promoted.
        reason: Why, with figures; empty while it runs.
    """

    outcome: Outcome
    reason: str = ""


_RUNNING = Verdict("running")


@dataclass
class Tally:
    """What became of a version's latest requests."""

    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    _failed: deque[bool] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    failed: int = 0

    def add(self, seconds: float, *, failed: bool = False) -> None:
        """Counts a request."""
        if len(self._failed) == _WINDOW:
            self.failed -= self._failed[0]
        self.failed += failed
        self._failed.append(failed)
        self._seconds.append(seconds)

    @property
    def requests(self) -> int:
        """How many are counted."""
        return len(self._seconds)

    @property
    def p95(self) -> float | None:
        """Seconds within which 95 % of them were answered; None without any."""
        if not self._seconds:
            return None
        return sorted(self._seconds)[int(0.95 * (len(self._seconds) - 1))]


@dataclass
class Agreement:
    """How often another version answers a row otherwise."""

    _differing: deque[bool] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    failed: int = 0
    dropped: int = 0

    def add(self, differing: Iterable[bool]) -> None:
        """Counts rows."""
        self._differing.extend(differing)

    @property
    def rows(self) -> int:
        """How many are counted."""
        return len(self._differing)

    @property
    def differing(self) -> int:
        """How many of them were answered otherwise."""
        return sum(self._differing)

    @property
    def share(self) -> float:
        """Of the rows, how many were answered otherwise."""
        return self.differing / max(1, self.rows)

    def figures(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "compared": self.rows,
            "differing": self.differing,
            "failed": self.failed,
            "dropped": self.dropped,
        }


class Trial:
    """What is known of a version on trial.

    Args:
        config: Limits.
        share: Of the requests that name no version, how many it gets.
        began: Unix time at which the trial began.
    """

    def __init__(self, config: ServeConfig, *, share: float, began: float | None = None) -> None:
        self.config = config
        self.share = share
        self.began = time.time() if began is None else began
        self.own, self.primary = Tally(), Tally()
        self.agreement = Agreement()
        self.passed = False
        self.failure: BaseException | None = None
        self._looked = 0

    def takes(self) -> bool:
        """Whether the next request goes to the version on trial."""
        return random.random() < self.share

    def verdict(self) -> Verdict:
        """What the figures say by now."""
        limits, least = self.config, self.config.canary_min_requests
        own, agreement = self.own, self.agreement
        if own.failed > limits.canary_max_error_rate * max(own.requests, least):
            return self._failing()
        if agreement.differing > limits.canary_max_disagreement * max(agreement.rows, least):
            return _failed(
                "rows were answered otherwise than by the primary",
                agreement.differing,
                agreement.rows,
                limits.canary_max_disagreement,
            )
        self._looked += 1
        if own.requests < least or self._looked % _LOOK:
            return _RUNNING
        slow = self._slow()
        if slow:
            return Verdict("failed", slow)
        seconds = time.time() - self.began
        if seconds < limits.canary_seconds:
            return _RUNNING
        self.passed = True
        return Verdict(
            "passed", f"{counted(own.requests, 'request')} in {seconds:.0f} s within every limit"
        )

    def _failing(self) -> Verdict:
        """It fails too often; the last failure is told, and its text where that is allowed."""
        own, most = self.own, self.config.canary_max_error_rate
        verdict = _failed("requests failed", own.failed, own.requests, most)
        if self.failure is None:
            return verdict
        told = f": {self.failure}" if self.config.log_inputs else ""
        return replace(
            verdict, reason=f"{verdict.reason}; the last with {type(self.failure).__name__}{told}"
        )

    def _slow(self) -> str:
        """How its latency breaks the limit; empty where it doesn't."""
        own, primary = self.own.p95, self.primary.p95
        least, most = self.config.canary_min_requests, self.config.canary_max_latency_ratio
        if own is None or primary is None or self.primary.requests < least:
            return ""
        if own <= most * primary or own - primary < _NOTICEABLE:
            return ""
        return (
            f"its p95 is {own * 1000:.1f} ms, {own / primary:.1f} times the primary's "
            f"{primary * 1000:.1f} ms; {most:g} times is allowed"
        )

    def figures(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "share": self.share,
            "seconds": round(time.time() - self.began, 1),
            "passed": self.passed,
            "requests": self.own.requests,
            "errors": self.own.failed,
            "p95_ms": _ms(self.own.p95),
            "primary_p95_ms": _ms(self.primary.p95),
            **self.agreement.figures(),
        }


def _failed(what: str, count: int, total: int, most: float) -> Verdict:
    return Verdict("failed", f"{count} of {total} {what}; {most:.4g} of all is allowed")


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
