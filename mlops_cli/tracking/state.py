"""What each tracker has got of a run: `runs/<id>/tracking/<tracker>.json`.

One file for each tracker, because each is written by a process of its own.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.files import write_json
from mlops_cli.tracking.record import Run


@dataclass
class State:
    """How far a tracker has come with a run.

    Attributes:
        place: What the tracker said of its own run, such as its id and address.
        lines: Lines of `metrics.jsonl` it has.
        step: The step of the last of them.
        system: Lines of `system.jsonl` it has.
        status: The status of the run that it was told in the end; empty while it goes on.
        sent: What else it has, each by the fingerprint of its content.
        trouble: Why it lacks something; empty when all is well.
    """

    place: dict[str, Any] = field(default_factory=dict)
    lines: int = 0
    step: int = 0
    system: int = 0
    status: str = ""
    sent: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


def folder(run: Run) -> Path:
    """Where the states lie."""
    return run.path / "tracking"


def read(run: Run, tracker: str) -> State:
    """How far the tracker has come; nowhere when there is no readable file."""
    try:
        content = json.loads((folder(run) / f"{tracker}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return State()
    known = asdict(State())
    proper = isinstance(content, dict) and all(
        isinstance(content.get(name, default), type(default)) for name, default in known.items()
    )
    if not proper:
        return State()
    return State(**{name: content[name] for name in known if name in content})


def write(run: Run, tracker: str, state: State) -> None:
    """Keeps how far the tracker has come."""
    write_json(folder(run) / f"{tracker}.json", asdict(state))
