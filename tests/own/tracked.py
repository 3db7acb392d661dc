"""A small training for tests of trackers, and what it leaves."""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

# 160 training rows: 5 batches of 32 in each of 2 epochs.
SMALL = [
    "train",
    "data.size=200",
    "data.test_fraction=0.1",
    "epochs=2",
    "batch_size=32",
    "lr=1e-3",
    "model.hidden_size=32",
    "model.intermediate_size=64",
    "trainer.threads=1",
    "trainer.log_every=1",
]
LINES = 12
"""Lines of metrics that it writes."""


@dataclass(frozen=True)
class Trained:
    """A run of the small training."""

    path: Path
    stderr: str

    @property
    def weights(self):
        return hashlib.sha256((self.path / "model" / "model.safetensors").read_bytes()).hexdigest()

    @property
    def lines(self):
        text = (self.path / "metrics.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def warnings(self):
        return [line for line in self.stderr.splitlines() if line.startswith("warning")]

    def facts(self):
        return json.loads((self.path / "run.json").read_text("utf-8"))

    def state(self, tracker):
        return json.loads((self.path / "tracking" / f"{tracker}.json").read_text("utf-8"))


def latest(root):
    return max((root / "runs").iterdir())


def until(condition, seconds=30.0):
    """Waits for the condition, which another process will fulfil."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
