"""What was begun and is not recorded yet: a note on this machine, written before a target changes.

A deployment is recorded once the target has it. Who is killed between the two leaves something
that the record does not know; by the note it can be shown, gone back from and taken down.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from mlops_cli.errors import MlopsError
from mlops_cli.files import write_json
from mlops_cli.schemas.deploy import Deployment
from mlops_cli.schemas.results import plain
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
    earlier = read(place)
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


def read(place: Place) -> Deployment | None:
    """What was begun at a place, and broken off; None where nothing was."""
    return _read(place.state / _FILE)


def everywhere(root: Path) -> list[Deployment]:
    """All that was begun in a project, and broken off."""
    found = map(_read, sorted((root / ".mlops" / FOLDER).glob(f"*/*/{_FILE}")))
    return [one for one in found if one is not None]


def _read(file: Path) -> Deployment | None:
    try:
        told = json.loads(file.read_text("utf-8"))
        return Deployment(**{one.name: told[one.name] for one in fields(Deployment)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
