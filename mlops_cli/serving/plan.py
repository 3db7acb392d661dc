"""What a server is to serve. Needs nothing of the server itself, which takes a while to import."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlops_cli.serving.reading import Reading
from mlops_cli.serving.signatures import Trust


class Wanted(msgspec.Struct, frozen=True):
    """What a server was asked to serve when it started.

    Attributes:
        models: Folders of bundles by name; empty where the newest bundle was to be found.
        canary: Folder of a bundle.
        share: Of the requests, how many the canary gets.
        shadow: Folder of a bundle.
        canary_of: The model that the canary goes beside; empty: the only one.
        shadow_of: The same of the shadow.
    """

    models: dict[str, str]
    canary: str | None = None
    share: float = 0.0
    shadow: str | None = None
    canary_of: str = ""
    shadow_of: str = ""


@dataclass(frozen=True)
class Plan:
    """What to serve.

    Attributes:
        wanted: What was asked for, in words that stay the same from start to start.
        models: Folders of bundles by name of the model.
        reading: Those whose bytes are being checked, by folder: for the start, and no later load.
        state: The file that keeps what is served.
        find: The folder of a bundle by what a person calls it: a run, or a folder.
        folders: Bundles below these may be loaded while serving.
        trust: Whose signatures of bundles count.
    """

    wanted: Wanted
    models: dict[str, Path]
    reading: Mapping[Path, Reading]
    state: Path
    find: Callable[[str], Path]
    folders: list[Path]
    trust: Trust = field(default_factory=Trust)
