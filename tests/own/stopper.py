"""A tracker of a user's own that stops its process at a place written in the file `stop`.

The file says the step, what is logged there (train or val), and the signals to send; it is
removed before they are sent, so that a resumed run goes through.
"""

import os
import signal
from pathlib import Path

from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking.record import Run

inline = True

STOPPER = ["tracker.module=own.stopper", "trainer.log_every=1"]


class Stopper:
    def start(
        self, run: Run, config: dict[str, object], facts: dict[str, object]
    ) -> dict[str, object]:
        return {}

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        order = Path("stop")
        words = order.read_text("utf-8").split() if order.exists() else []
        if words[:2] == [str(step), "val" if "val/loss" in metrics else "train"]:
            order.unlink()
            for name in words[2:]:
                os.kill(os.getpid(), signal.Signals[name])

    def finish(self, status: str, summary: dict[str, float]) -> None:
        pass


def create(config: TrackerConfig) -> Stopper:
    return Stopper()
