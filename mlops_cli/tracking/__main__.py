"""The process that feeds one tracker; `couriers` starts it.

It is told what to do in the first line of its standard input, and that the run has ended in the
second; it tells how it goes in lines of JSON on its standard output.
"""

import json
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops_cli.errors import MlopsError
from mlops_cli.schemas.tracker import SCHEMAS, TrackerConfig
from mlops_cli.tracking.delivery import Delivery, alone, follow
from mlops_cli.tracking.record import Run
from mlops_cli.tracking.redaction import without_secrets

_LESS_PRIORITY = 5
_KILLED = "killed"
_LOCK_SECONDS = 10.0


class _Commands:
    """What the training says, read by a thread: it may also be gone without a word."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._parent = os.getppid()
        self.order: dict[str, Any] = json.loads(sys.stdin.readline())
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        line = sys.stdin.readline()
        self._said.put(json.loads(line)["ended"] if line.strip() else _KILLED)

    def ended(self, seconds: float) -> str | None:
        """How the run ended, if it has after so many seconds."""
        with suppress(queue.Empty):
            status = self._said.get(timeout=seconds) if seconds else self._said.get_nowait()
            if status == _KILLED:
                self._end_soon()
            return status
        if os.getppid() != self._parent:
            self._end_soon()
            return _KILLED
        return None

    def _end_soon(self) -> None:
        """Nobody is left who would end us, should the tracker hang."""
        timer = threading.Timer(self.order["wait"], os._exit, [1])
        timer.daemon = True
        timer.start()


def main() -> None:
    """Feeds the tracker until the run has ended and everything is sent, or can't be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training's affair.
    with suppress(OSError):
        os.nice(_LESS_PRIORITY)
    # What libraries print must not get between our lines.
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**event: Any) -> None:
        with suppress(BrokenPipeError):
            print(json.dumps(event), file=ours, flush=True)

    commands = _Commands()
    order = commands.order
    run, name, given = Run(Path(order["run"])), order["tracker"], order["config"]
    config = SCHEMAS.get(name, TrackerConfig)(**given)
    try:
        with alone(run, name, _LOCK_SECONDS):
            delivery = Delivery(run, name, config, tell)
            done = follow(delivery, commands.ended, tell)
    except (MlopsError, ModuleNotFoundError) as error:
        tell(trouble=without_secrets(str(error)))
        done = False
    tell(done=done)


if __name__ == "__main__":
    main()
