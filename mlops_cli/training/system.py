"""What a training takes of the machine, looked at now and then by a thread of its own."""

import json
import multiprocessing
import os
import resource
import sys
import threading
from contextlib import suppress
from statistics import fmean
from typing import Any

import psutil
import torch

from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking.energy import Meter
from mlops_cli.tracking.lines import Tail
from mlops_cli.tracking.record import Run, now
from mlops_cli.tracking.system import system_path

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class _Eye(threading.Thread):
    """Writes a line to `system.jsonl` every so many seconds, and one when it is closed."""

    def __init__(self, run: Run, every: float) -> None:
        super().__init__(name="system-metrics", daemon=True)
        self._path, self._every = system_path(run), every
        self._closed = threading.Event()
        self._process = psutil.Process()
        self._members: dict[int, psutil.Process] = {}

    def run(self) -> None:
        """Looks until it is closed. A disk that is full costs the lines, not the training."""
        self._usage()  # CPU is told since the last look: this one only begins to count.
        while True:
            closed = self._closed.wait(self._every)
            with suppress(OSError):
                self._write()
            if closed:
                return

    def close(self) -> None:
        """Looks once more and ends."""
        self._closed.set()
        self.join()

    def _write(self) -> None:
        line = json.dumps({"time": now(), **self._usage(), **_gpus()})
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def _usage(self) -> dict[str, float]:
        """CPU in percent of one core and memory in bytes, workers of the data included."""
        cpu = memory = 0.0
        workers = {child.pid for child in multiprocessing.active_children() if child.pid}
        for pid in workers - self._members.keys():
            with suppress(psutil.Error):
                self._members[pid] = psutil.Process(pid)
        for process in (self._process, *self._members.values()):
            with suppress(psutil.Error):
                cpu += process.cpu_percent()
                memory += process.memory_info().rss
        return {
            "system/cpu_percent": round(cpu, 1),
            "system/machine_cpu_percent": psutil.cpu_percent(),
            "system/memory_bytes": memory,
        }


class Watch:
    """Looks at the machine until it is closed.

    Args:
        run: Where the lines go.
        config: How often to look, and whether to measure energy.
    """

    def __init__(self, run: Run, config: TrackerConfig) -> None:
        self._run = run
        self._eye = _Eye(run, config.system_every) if config.system_every else None
        self._meter = Meter(config) if config.energy else None
        if self._eye:
            _end_line(run)
            self._eye.start()

    def close(self) -> dict[str, Any]:
        """The facts for `run.json`: `system` and, where codecarbon is installed, `energy`."""
        found: dict[str, Any] = {}
        if self._eye:
            self._eye.close()
            found["system"] = _summary(self._run)
        if self._meter and (energy := self._meter.close(self._run.read().get("energy"))):
            found["energy"] = energy
        return found


def _summary(run: Run) -> dict[str, float]:
    """The run as a whole, earlier parts of a resumed one included."""
    lines = [line.metrics for line in Tail(system_path(run)).new()]
    columns = {name for line in lines for name in line}
    told: dict[str, float] = {}
    for column in sorted(columns):
        values = [line[column] for line in lines if column in line]
        name = column.removeprefix("system/")
        if name.endswith("_bytes"):
            told[f"peak_{name}"] = max(values)
        else:
            told[f"mean_{name}"] = round(fmean(values), 1)
    # What came and went between two looks.
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
    told["peak_memory_bytes"] = max(told.get("peak_memory_bytes", 0), largest)
    if _cuda_in_use():
        for number in range(torch.cuda.device_count()):
            name = f"peak_gpu{number}_memory_bytes"
            told[name] = max(told.get(name, 0), torch.cuda.max_memory_reserved(number))
    return told


def _cuda_in_use() -> bool:
    """Whether this process uses a GPU. Asking for figures would make it begin to."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _gpus() -> dict[str, float]:
    """Memory and use of each GPU in use; the use only where NVIDIA's library can be asked."""
    if not _cuda_in_use():
        return {}
    found: dict[str, float] = {}
    for number in range(torch.cuda.device_count()):
        found[f"system/gpu{number}_memory_bytes"] = torch.cuda.memory_reserved(number)
        with suppress(ModuleNotFoundError, RuntimeError):
            found[f"system/gpu{number}_percent"] = torch.cuda.utilization(number)
    return found


def _end_line(run: Run) -> None:
    """Ends a line that a kill has cut off: the next one would be lost with it."""
    with suppress(FileNotFoundError), system_path(run).open("rb+") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
