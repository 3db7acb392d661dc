"""What runs that belong together began with, held against what those to come are made with.

A sweep or a study that goes on loads the project's settings and data anew: its runs are told
apart by words alone, and where anything else changed they no longer compare.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops_cli.files import sha256, write_json
from mlops_cli.project import from_home
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.tracking.flat import flat

FILE = "began.json"
_READ = ("data", "task", "model", "trainer", "lr", "batch_size", "epochs", "seed")
"""What of the settings a training depends on."""
_SHOWN = 3
"""So many settings and files that differ are named."""
_MOST_READ = 64_000_000
"""Of a larger file, its size alone is held against what it was."""


def compare(
    record: Path,
    what: str,
    config: Config,
    places: Sequence[Path],
    reporter: Reporter,
    *,
    apart: Sequence[str] = (),
) -> None:
    """Warns where settings or data are others by now; the first call notes them.

    Args:
        record: The folder of the sweep or study.
        what: What messages call it.
        config: The settings that all its runs share.
        places: Where it was typed, and the project: the names of files are seen from there.
        reporter: Warned of what differs.
        apart: The keys that tell its runs apart.
    """
    now = json.loads(json.dumps(_facts(config, places, apart)))
    then = _noted(record / FILE)
    if then is None:
        write_json(record / FILE, now)
        return
    changed = [
        f"{name}={value}"
        for name, value in now["settings"].items()
        if then["settings"].get(name, value) != value
    ]
    changed += [
        f"other content of {name}"
        for name, content in now["files"].items()
        if then["files"].get(name, content) != content
    ]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        reporter.warn(
            f"{what} goes on with other settings or data than it began with: "
            f"{', '.join(changed[:_SHOWN])}{more}; its runs compare no longer"
        )


def _facts(config: Config, places: Sequence[Path], apart: Sequence[str]) -> dict[str, Any]:
    content = dataclasses.asdict(config)
    settings = {
        name: value
        for name, value in flat({name: content[name] for name in _READ}).items()
        if not any(name == key or name.startswith(f"{key}.") for key in apart)
    }
    return {"settings": settings, "files": dict(_contents(config, places))}


def _contents(config: Config, places: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Each file of the data as the settings call it, and what tells its content."""
    for field in dataclasses.fields(config.data):
        name = str(getattr(config.data, field.name) or "") if field.metadata.get("file") else ""
        files = [place / from_home(name) for place in places]
        if file := next((file for file in files if file.is_file()), None):
            size = file.stat().st_size
            yield name, sha256(file) if size <= _MOST_READ else str(size)


def _noted(file: Path) -> dict[str, Any] | None:
    """What an earlier call noted; None where there was none, or it can't be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        noted = json.loads(file.read_text("utf-8"))
        return {name: dict(noted[name]) for name in ("settings", "files")}
    return None
