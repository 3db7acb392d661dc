"""The processes that feed a run's trackers, seen from the training: start, end, trouble."""

import importlib.util
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

import psutil

from mlops_cli import tracking
from mlops_cli.errors import MissingDependencyError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.tracker import TrackerConfig, WandbTrackerConfig, trackers_in
from mlops_cli.tracking import LABELS, Tracker
from mlops_cli.tracking.credentials import wandb_mode
from mlops_cli.tracking.record import Run
from mlops_cli.tracking.redaction import without_secrets

_EXTRAS = {"wandb": "train", "mlflow": "mlflow", "tensorboard": "tensorboard"}
"""The extra that brings the package of each tracker of ours, which is called like it."""

_FAILING_SECONDS = 3.0
"""How long a tracker that has been failing is waited for in the end."""
_INTERRUPTED_SECONDS = 10.0
"""How long any tracker is waited for by somebody who pressed Ctrl-C."""


class Courier:
    """One process that feeds one tracker.

    Args:
        name: The tracker's module.
        config: Its settings.
        reporter: Told of trouble, once.
    """

    def __init__(self, name: str, config: TrackerConfig, reporter: Reporter) -> None:
        self.name, self._config, self._reporter = name, config, reporter
        self._process: Any = None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._words: Any = None
        self._run_id = ""
        self.trouble, self.done, self._failing = "", False, False
        self.place: dict[str, Any] = {}

    @property
    def label(self) -> str:
        """What people call the tracker."""
        return LABELS.get(self.name, self.name)

    def start(self, run: Run) -> None:
        """Starts the process, which sends what is there and goes on with what comes."""
        self._run_id = run.id
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            # -P: a folder of the project that is called like a package is none.
            [sys.executable, "-P", "-m", "mlops_cli.tracking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C ends the training, which ends us.
        )
        order = {
            "run": str(run.path.resolve()),
            "tracker": self.name,
            "config": asdict(self._config),
            "wait": self._config.wait,
        }
        self._say(order)
        self._listener.start()

    def end(self, status: str) -> None:
        """Tells the process that the run has ended."""
        self._say({"ended": status})

    def wait(self, seconds: float | None) -> None:
        """Waits until everything is sent, or for so many seconds; then the process is ended."""
        if seconds is not None and self._failing:
            seconds = min(seconds, _FAILING_SECONDS)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            self._warn(f"it did not take everything within {round(late.timeout, 1):g} seconds")
        finally:
            _kill_tree(self._process.pid)
            self._process.wait()
            self._listener.join()
            for stream in (self._words, self._process.stdin, self._process.stdout):
                _close(stream)

    def _say(self, words: dict[str, Any]) -> None:
        try:
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # It is gone; what it said last is told when its output ends.
            return

    def _listen(self) -> None:
        for line in self._process.stdout:
            event = json.loads(line)
            self.done = event.get("done", self.done)
            self.place = event.get("place", self.place)
            if "trouble" in event:
                self._failing = True
                self._warn(event["trouble"])
            if "mended" in event:
                self._failing = False
                self._reporter.info(f"{self.label} is back and has everything so far")
            if event.get("place", {}).get("url"):
                self._reporter.info(f"{self.label}: {event['place']['url']}")
        code = self._process.wait()
        if code > 0:
            self._warn(self._last_words())

    def _last_words(self) -> str:
        """The last line of what the process, or a library in it, said in dying."""
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        return without_secrets(lines[-1]) if lines else "its process ended"

    def _warn(self, reason: str) -> None:
        first, self.trouble = not self.trouble, self.trouble or reason
        if first:
            self._reporter.warn(
                f"{self.label} lacks some of run {self._run_id}: {reason} "
                f"(later: mlops runs sync {self._run_id})"
            )


class Trackers:
    """All trackers of a run.

    Args:
        couriers: Those that are fed by a process each.
        inline: Those that the training calls itself.
        wait: Seconds that the end of the training waits for the former.
    """

    def __init__(self, couriers: list[Courier], inline: dict[str, Tracker], wait: float) -> None:
        self._couriers, self._inline, self._wait = couriers, inline, wait

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Starts them all; facts of the inline ones for `run.json`."""
        told = {}
        for name, tracker in self._inline.items():
            place = facts.get("trackers", {}).get(name, {})
            told[name] = tracker.start(run, config, {**facts, "place": place})
        for courier in self._couriers:
            courier.start(run)
        return {"trackers": told} if any(told.values()) else {}

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Tells the inline ones; the others read the run record."""
        for tracker in self._inline.values():
            tracker.log(metrics, step=step)

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Ends them all. The record must say by now how the run ended."""
        for courier in self._couriers:
            courier.end(status)
        try:
            for tracker in self._inline.values():
                tracker.finish(status, summary)
        finally:
            patience = self._wait if status != "interrupted" else _INTERRUPTED_SECONDS
            until = time.monotonic() + min(patience, self._wait)
            for courier in self._couriers:
                courier.wait(max(0.0, until - time.monotonic()))


def create(config: TrackerConfig, reporter: Reporter) -> Trackers:
    """The trackers the config names.

    Raises:
        ConfigError: There is no such module.
        MissingDependencyError: A package or a credential that one of them needs is missing.
    """
    couriers: list[Courier] = []
    inline: dict[str, Tracker] = {}
    for name, own in trackers_in(config).items():
        if name in _EXTRAS:
            require(name, own)
        elif getattr(module := tracking.module(name), "inline", False):
            inline[name] = module.create(own)
            continue
        couriers.append(Courier(name, own, reporter))
    return Trackers(couriers, inline, config.wait)


def require(name: str, config: TrackerConfig) -> None:
    """Sees to it that a tracker of ours can work, without importing anything.

    Raises:
        MissingDependencyError: Its package or its credentials are missing.
    """
    if importlib.util.find_spec(name) is None:
        raise MissingDependencyError(
            f"tracker={name} needs the package {name}, which the extra '{_EXTRAS[name]}' brings",
            hint=f"pip install 'mlops-cli[{_EXTRAS[name]}]'",
        )
    if isinstance(config, WandbTrackerConfig):
        wandb_mode(config)


def _kill_tree(pid: int) -> None:
    """Ends a process that is still there, with the service that its library may have started."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()


def _close(stream: IO[Any]) -> None:
    with suppress(BrokenPipeError):  # What it would still write, nobody reads.
        stream.close()
