"""What was begun and is not recorded yet: a note on this machine, written before a target changes.

A deployment is recorded once the target has it. Who is killed between the two leaves something
that the record does not know; by the note it can be shown, gone back from and taken down. Once the
record has something newer of the same deployment, of whichever machine, a note tells nothing more.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from mlops_cli.errors import MlopsError
from mlops_cli.files import write_json
from mlops_cli.schemas.deploy import Deployment
from mlops_cli.schemas.plain import plain
from mlops_cli.targets import FOLDER, Place

_FILE = "begun.json"


@contextmanager
def noted(place: Place, what: Deployment, as_before: Callable[[], bool]) -> Iterator[None]:
    """Keeps a note as long as something is done; one that stays tells that it was broken off.

    Args:
        place: Where it is done.
        what: The entry that it will have.
        as_before: Whether a failure has left what the record knows.
    """
    file = place.state / _FILE
    earlier = _read(file)
    write_json(file, plain(what))
    try:
        yield
    except MlopsError:
        # The target has put back what was there: what an earlier note tells of, or nothing.
        if earlier is not None:
            write_json(file, plain(earlier))
        elif as_before():
            forget(place)
        raise
    forget(place)


def forget(place: Place) -> None:
    """Removes the note, if there is one."""
    (place.state / _FILE).unlink(missing_ok=True)


def read(place: Place, entries: Iterable[Deployment]) -> Deployment | None:
    """What was begun at a place, and broken off; None where nothing was, by note and record."""
    found = _read(place.state / _FILE)
    return found if found is not None and _newest(found, entries) else None


def everywhere(root: Path, entries: Iterable[Deployment]) -> list[Deployment]:
    """All that was begun in a project, and broken off, by its notes and the record."""
    found = map(_read, sorted((root / ".mlops" / FOLDER).glob(f"*/*/{_FILE}")))
    return [one for one in found if one is not None and _newest(one, entries)]


def _newest(note: Deployment, entries: Iterable[Deployment]) -> bool:
    """Whether the record has nothing newer of the deployment."""
    place = note.target, note.name
    return not any(one.at > note.at for one in entries if (one.target, one.name) == place)


def _read(file: Path) -> Deployment | None:
    try:
        told = json.loads(file.read_text("utf-8"))
        return Deployment(**{one.name: told[one.name] for one in fields(Deployment)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
