"""How a bundle is served best on a machine: what `mlops benchmark` found, beside the bundle.

The bundle itself is sealed, so `<bundle>.serving.json` lies next to its folder: one entry for
each machine it was measured on, all of them for the bundle of one digest.
"""

import json
import platform
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mlops_cli import cores
from mlops_cli.files import write_json
from mlops_cli.serving.bundle import Bundle

_FORMAT = 1


@dataclass(frozen=True)
class ServingSettings:
    """How many rows a second are answered best.

    Attributes:
        graph: Name of the bundle's graph.
        sessions: Sessions that answer side by side.
        threads: CPU threads of each session.
        batch: Most rows in one run of the graph.
    """

    graph: str
    sessions: int
    threads: int
    batch: int


def path(bundle: Bundle) -> Path:
    """The file beside the bundle."""
    folder = bundle.path.resolve()
    return folder.with_name(f"{folder.name}.serving.json")


def recorded(bundle: Bundle) -> ServingSettings | None:
    """The settings that were measured of this very bundle on a machine like this one."""
    try:
        entry = _read(bundle)[machine()]
        counts = (int(entry[name]) for name in ("sessions", "threads", "batch"))
        found = ServingSettings(str(entry["graph"]), *counts)
    except (KeyError, TypeError, ValueError):
        return None
    sound = min(found.sessions, found.threads, found.batch) > 0 and found.graph in bundle.graphs
    return found if sound else None


def record(bundle: Bundle, settings: ServingSettings, **figures: float) -> Path:
    """Writes the settings, and what was measured with them, down for this machine.

    Returns:
        The file.
    """
    machines = _read(bundle) | {machine(): asdict(settings) | figures}
    content = {"format": _FORMAT, "bundle": bundle.digest, "machines": machines}
    write_json(path(bundle), content)
    return path(bundle)


@cache
def machine() -> str:
    """What a machine must have in common for figures to carry over: its processor, its cores."""
    return f"{_processor()}, {cores.available()} cores"


def _processor() -> str:
    """The processor's model, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:  # Not on Linux.
        lines = []
    told = (line.partition(":") for line in lines)
    facts = {name.strip(): value.strip() for name, _, value in told}
    parts = (("", "model name"), ("family ", "cpu family"), ("model ", "model"))
    named = ", ".join(word + facts[name] for word, name in parts if name in facts)
    return named or platform.processor() or platform.machine()


def _read(bundle: Bundle) -> dict[str, Any]:
    """The entries by machine; none where the file is not there, or of another bundle."""
    try:
        content = json.loads(path(bundle).read_text("utf-8"))
        if (content["format"], content["bundle"]) != (_FORMAT, bundle.digest):
            return {}
        machines: dict[str, Any] = dict(content["machines"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return machines
