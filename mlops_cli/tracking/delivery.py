"""Feeds one tracker from a run's record, in a process of its own: `python -m mlops_cli.tracking`.

What the tracker has got is kept in `runs/<id>/tracking/`, so that nothing is sent twice, whoever
sends it: the training, a resumed one, or `mlops runs sync`.
"""

import copy
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import yaml

from mlops_cli import tracking
from mlops_cli.errors import DataError, MlopsError
from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking import LineTracker, Tracker, state
from mlops_cli.tracking.attachments import attachments
from mlops_cli.tracking.lines import Line, Tail
from mlops_cli.tracking.record import Run
from mlops_cli.tracking.redaction import without_secrets
from mlops_cli.tracking.system import system_path

_MOST_LINES = 500
"""Lines that are sent at once."""
_LOOK_SECONDS, _LONGEST_PAUSE = 1.0, 30.0
"""How often the record is looked at, and the tracker tried again when it fails."""


class Teller(Protocol):
    """Who is told how it goes."""

    def __call__(self, **event: Any) -> None:
        """One event: `place`, `trouble`, `mended` or `done`."""


class Delivery:
    """What one tracker has got of one run, and the sending of the rest.

    Args:
        run: The run.
        name: The tracker's module.
        config: The tracker's settings.
        tell: Told the tracker's own facts of its run.
    """

    def __init__(self, run: Run, name: str, config: TrackerConfig, tell: Teller) -> None:
        self._run, self._name, self._config, self._tell = run, name, config, tell
        self._made = tracking.create(name, config)
        self._kept_as: str = getattr(self._made, "kept_as", name)
        self._started: Tracker | None = None
        self._state = self._kept = state.read(run, self._kept_as)
        self._metrics = self._system = Tail(run.metrics_path)

    def round(self) -> None:
        """Sends what is new. Raises MlopsError or OSError when the tracker does not take it."""
        tracker = self._started or self._start()
        for lines in _batches(self._metrics.new()):
            _write(tracker, lines)
            self._state.lines, self._state.step = lines[-1].number + 1, lines[-1].step
            self._safe()
        if isinstance(tracker, LineTracker):
            for lines in _batches(self._system.new()):
                tracker.write_system(lines)
                self._state.system = lines[-1].number + 1
                self._safe()

    def finish(self, status: str) -> None:
        """Sends all that is left and ends the tracker's run. Raises as `round` does."""
        self.round()
        tracker = self._started
        assert tracker is not None  # `round` starts it.
        if isinstance(tracker, LineTracker):
            for found in attachments(self._run, self._config.artifacts):
                if self._state.sent.get(found.name) != found.fingerprint:
                    tracker.attach(found)
                    self._state.sent[found.name] = found.fingerprint
                    self._safe()
        tracker.finish(status, _summary(self._run.read()))
        self._state.status, self._state.trouble = status, ""
        self._safe(ended=True)

    def give_up(self, trouble: str) -> None:
        """Forgets what is not safe: the next round starts the tracker anew, from there."""
        self._started = None
        self._kept.trouble = trouble
        state.write(self._run, self._kept_as, self._kept)

    def _start(self) -> Tracker:
        self._state = copy.deepcopy(self._kept)
        self._metrics = Tail(self._run.metrics_path, skip=self._state.lines)
        self._system = Tail(system_path(self._run), skip=self._state.system)
        config = yaml.safe_load(self._run.config_text()) or {}
        facts = {**self._run.read(), "place": self._state.place}
        self._state.place = self._made.start(self._run, config, facts)
        self._state.status, self._state.trouble = "", ""
        self._kept.place = self._state.place
        state.write(self._run, self._kept_as, self._kept)
        self._started = self._made
        self._tell(place=self._state.place)
        return self._made

    def _safe(self, *, ended: bool = False) -> None:
        """Keeps how far it came, unless the tracker may lose what it was given."""
        if ended or not getattr(self._made, "late", False):
            state.write(self._run, self._kept_as, self._state)
            self._kept = copy.deepcopy(self._state)


@contextmanager
def alone(run: Run, name: str, patience: float) -> Iterator[None]:
    """No other process feeds the tracker from the run meanwhile. Raises DataError when one does."""
    state.folder(run).mkdir(exist_ok=True)
    with (state.folder(run) / f"{name}.lock").open("w") as lock:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise DataError("another process is sending this run") from None
                time.sleep(0.1)
        for leftover in state.folder(run).glob(f".{name}*.json.*"):
            leftover.unlink()  # Of a process that was killed while it wrote.
        yield


def follow(delivery: Delivery, ended: Callable[[float], str | None], tell: Teller) -> bool:
    """Feeds the tracker while the run goes on, and to its end.

    Args:
        delivery: What is sent.
        ended: Waits for at most so many seconds; how the run ended, or None while it goes on.
        tell: Told of trouble, and when it is over.

    Returns:
        Whether the tracker has everything.
    """
    pause, failing, status = 0.0, False, None
    while status is None:
        status = ended(pause)
        if status is not None:
            break
        if _tried(delivery.round, delivery, tell):
            pause = _LOOK_SECONDS
            if failing:
                tell(mended=True)
        else:
            pause = min(2 * max(pause, _LOOK_SECONDS), _LONGEST_PAUSE)
        failing = pause > _LOOK_SECONDS
    return _tried(lambda: delivery.finish(status), delivery, tell)


def _tried(send: Callable[[], None], delivery: Delivery, tell: Teller) -> bool:
    """Whether the sending went well; what went wrong is told and kept."""
    try:
        send()
    except (MlopsError, OSError) as error:
        trouble = without_secrets(_reason(error))
        delivery.give_up(trouble)
        tell(trouble=trouble)
        return False
    return True


def _reason(error: MlopsError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror.lower()}"
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _write(tracker: Tracker, lines: list[Line]) -> None:
    if isinstance(tracker, LineTracker):
        tracker.write(lines)
        return
    for line in lines:
        tracker.log(line.metrics, step=line.step)


def _summary(facts: dict[str, Any]) -> dict[str, float]:
    """The figures of a run as a whole."""
    told = dict(facts.get("metrics") or {})
    told |= {f"system/{name}": value for name, value in (facts.get("system") or {}).items()}
    told |= {name: facts[name] for name in ("seconds", "samples_per_second") if name in facts}
    return {name: value for name, value in told.items() if isinstance(value, int | float)}


def _batches(lines: list[Line]) -> Iterator[list[Line]]:
    for begin in range(0, len(lines), _MOST_LINES):
        yield lines[begin : begin + _MOST_LINES]
