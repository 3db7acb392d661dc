"""What a job left behind: its run, or the one line that says why there is none."""

import json
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError
from mlops_cli.tracking.record import Run, runs_folder

_TAIL_BYTES = 20_000
_LEAST_FREE = 4096


@dataclass(frozen=True)
class Outcome:
    """A finished or failed run.

    Attributes:
        status: finished, failed, interrupted, or absent where no run was made.
        monitor: The metric that picked its best checkpoint.
        metrics: `val/…` figures of that checkpoint.
        seconds: Time its training took.
        error: Why it failed, in one line.
    """

    status: str
    monitor: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""


def outcome(root: Path, run_id: str, log: Path, exit_code: int | None = 0) -> Outcome:
    """How a run ended, read from its record and its log.

    Args:
        root: The project.
        run_id: The run.
        log: What its job said.
        exit_code: That of its job; None: it was lost.
    """
    facts: dict[str, Any] = {"status": "absent"}
    with suppress(DataError):
        facts = Run(runs_folder(root) / run_id).read()
    status = str(facts["status"])
    if status != "finished":
        return Outcome("failed" if exit_code else status, error=_error(facts, log, exit_code))
    metrics = {name: float(value) for name, value in facts["metrics"].items() if value is not None}
    return Outcome(status, str(facts.get("monitor", "")), metrics, float(facts.get("seconds") or 0))


def belongs(root: Path, run_id: str, **facts: Any) -> None:
    """Notes in the record of a run that no process writes to what it belongs to."""
    with suppress(DataError):
        run = Run(runs_folder(root) / run_id)
        known = run.read()
        if any(known.get(name) != fact for name, fact in facts.items()):
            run.update(**facts)


def validations(root: Path, run_id: str, metric: str) -> Iterator[tuple[int, float]]:
    """Epoch (from 1) and value of each validation of a run so far, in order."""
    for line in Run(runs_folder(root) / run_id).metrics():
        if isinstance(value := line.get(metric), int | float):
            yield int(line["epoch"]) + 1, float(value)


def _error(facts: dict[str, Any], log: Path, exit_code: int | None) -> str:
    """The error in one line: as the job said it, else by how the process ended."""
    if exit_code is None:
        return "lost with its machine"
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        memory = " (out of memory?)" if name == "SIGKILL" else ""
        return f"ended by {name}{memory}"
    with suppress(OSError):
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = stream.read().decode("utf-8", "replace").strip().splitlines()
        for line in reversed(lines):
            with suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict) and "error" in told:
                    return str(told["error"])
        if lines and re.match(r"[\w.]+(Error|Exception|Exit)\b", lines[-1]):
            return lines[-1]
    if not facts.get("error") and _is_full(log):
        return "no space left on device"  # not even for the job to say so
    return str(facts.get("error") or f"exit code {exit_code}")


def _is_full(file: Path) -> bool:
    """Whether there is no room for the file, where its folder is there at all."""
    with suppress(FileNotFoundError):
        return shutil.disk_usage(file.parent).free < _LEAST_FREE
    return False
