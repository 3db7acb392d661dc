"""What is served, as a file: a server that starts again serves what it served before.

The file is written when something is changed while serving, whole or not at all. It also records
what the server was asked to serve: one that is asked for something else follows that.
"""

from pathlib import Path

import msgspec

from mlops_cli.errors import DataError
from mlops_cli.files import write_text
from mlops_cli.serving.plan import Wanted
from mlops_cli.serving.service import Model
from mlops_cli.serving.version import Version

_FORMAT = 1
_EVENTS = 100
"""Events that are kept, the latest."""


class Placed(msgspec.Struct, frozen=True):
    """A version and where it was loaded from.

    Attributes:
        version: Its name.
        bundle: Folder of its bundle.
        digest: What the bundle's content was.
    """

    version: str
    bundle: str
    digest: str


class Canary(msgspec.Struct, frozen=True):
    """A version on trial.

    Attributes:
        version: Its name.
        share: Of the requests, how many it gets.
        began: Unix time.
    """

    version: str
    share: float
    began: float


class ModelState(msgspec.Struct):
    """A model.

    Attributes:
        primary: Name of the version that answers.
        versions: All that are loaded.
        previous: What was primary before.
        canary: A version on trial.
        shadow: Name of the version that looks on.
    """

    primary: str
    versions: list[Placed]
    previous: Placed | None = None
    canary: Canary | None = None
    shadow: str | None = None


class Event(msgspec.Struct, frozen=True):
    """A change.

    Attributes:
        at: When, in UTC.
        model: Of which model.
        change: `loaded`, `promoted`, `canary`, `shadow`, `shadow ended`, `rolled back`, `unloaded`.
        version: Of which version.
        reason: Why, where it was not asked for.
    """

    at: str
    model: str
    change: str
    version: str
    reason: str = ""


class State(msgspec.Struct):
    """Everything that is served.

    Attributes:
        wanted: What was asked for at the start.
        models: By name.
        events: The latest changes, oldest first.
        format: Version of this layout.
    """

    wanted: Wanted
    models: dict[str, ModelState] = {}
    events: list[Event] = []
    format: int = _FORMAT


def read(file: Path) -> State | None:
    """The state in a file; None where there is no file.

    Raises:
        DataError: It is none.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"the serving state {file} can't be read: {error}") from error
    for name, model in found.models.items():
        known = {one.version for one in model.versions}
        named = {model.primary, model.shadow, model.canary and model.canary.version} - {None}
        if found.format != _FORMAT or not named <= known:
            raise DataError(f"the serving state {file} is damaged: model {name}")
    return found


def write(file: Path, state: State) -> None:
    """Writes a state, whole or not at all."""
    del state.events[:-_EVENTS]
    write_text(file, msgspec.json.format(msgspec.json.encode(state), indent=2).decode() + "\n")


def placed(version: Version) -> Placed:
    """A version as it is kept."""
    return Placed(version.name, str(version.bundle.path.resolve()), version.bundle.digest)


def of_model(entry: Model, previous: Placed | None) -> ModelState:
    """A model as it is kept."""
    rollout = entry.rollout
    canary = shadow = None
    if rollout is not None and rollout.canary is not None and rollout.trial is not None:
        canary = Canary(rollout.canary.name, rollout.trial.share, rollout.trial.began)
    if rollout is not None and rollout.shadow is not None:
        shadow = rollout.shadow.version.name
    loaded = [placed(one) for one in entry.versions.values()]
    return ModelState(entry.primary, loaded, previous, canary, shadow)
