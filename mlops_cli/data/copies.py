"""Where the copies of `data=stream` lie, and how those go whose file was a passing one."""

import hashlib
import json
import shutil
from pathlib import Path

_FOLDER = ".streams"
_SOURCE = "source"
"""Names the file that a folder of copies is of."""


def folder(runs: Path, source: Path) -> Path:
    """The folder of the copies of a file, made where it is not there.

    Args:
        runs: The project's runs.
        source: The file, as an absolute path.
    """
    made = runs / _FOLDER / digest(str(source))
    made.mkdir(parents=True, exist_ok=True)
    (made / _SOURCE).write_text(str(source), "utf-8", "surrogateescape")
    return made


def drop_gone(runs: Path, prefix: str) -> None:
    """Removes the copies of files that lay in a temporary folder and went with it.

    Copies of a file of the user's stay: it may lie on a disk that comes back.

    Args:
        runs: The project's runs.
        prefix: What the names of such temporary folders begin with.
    """
    for note in (runs / _FOLDER).glob(f"*/{_SOURCE}"):
        try:
            source = Path(note.read_text("utf-8", "surrogateescape"))
        except OSError:  # Another process has just removed it.
            continue
        passing = any(part.startswith(prefix) for part in source.parts)
        if passing and not source.exists():
            shutil.rmtree(note.parent, ignore_errors=True)


def digest(facts: object) -> str:
    """A short name for facts that JSON can hold."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
