"""Results of the commands that move data: remotes, push, pull and status."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Remote:
    """A place that holds the project's data.

    Attributes:
        name: What the project calls it.
        url: Where it is, without credentials.
        kind: folder, s3, ssh, gs, azure, webdav, webdavs, http or https.
        default: Whether push and pull use it when none is named.
        settings: Its settings that may be shown.
        secrets: Names of the secret settings that are set; their values are never shown.
    """

    name: str
    url: str
    kind: str
    default: bool
    settings: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RemoteAdded:
    """A remote that was written into the project.

    Attributes:
        remote: The remote.
        replaced: Whether it took the place of one with the same name.
        files: The files that hold it: the committed one, and the local one if it has secrets.
    """

    remote: Remote
    replaced: bool
    files: list[str]


@dataclass(frozen=True)
class RemoteRemoved:
    """A remote that the project no longer knows. The data in it is untouched.

    Attributes:
        remote: The remote it was.
        files: The files it was taken out of.
    """

    remote: Remote
    files: list[str]


@dataclass(frozen=True)
class RemoteChecked:
    """A remote that can be reached.

    Attributes:
        remote: The remote.
        writable: Whether a file could be written and removed; None if that was not tried.
        seconds: Time it took to answer.
    """

    remote: Remote
    writable: bool | None
    seconds: float


@dataclass(frozen=True)
class PushResult:
    """What was sent to a remote.

    Attributes:
        remote: Name of the remote.
        url: Where it is.
        files: Files that the project tracks and that were looked at.
        sent: How many of them were sent.
        bytes: Their size.
        repaired: How many of these took the place of a damaged file in the remote.
        changed: Tracked paths that differ from what DVC holds; the change was not sent.
        seconds: Wall time.
    """

    remote: str
    url: str
    files: int
    sent: int
    bytes: int
    repaired: int
    changed: list[str]
    seconds: float


@dataclass(frozen=True)
class PullResult:
    """What was fetched from a remote and laid out in the project.

    Attributes:
        remote: Name of the remote.
        url: Where it is.
        files: Files that the project tracks and that were looked at.
        fetched: How many of them were fetched; each was checked against its hash.
        bytes: Their size.
        repaired: How many of these took the place of a damaged file in the cache.
        added: Paths that appeared in the project.
        modified: Paths that changed in the project.
        deleted: Paths that left the project because nothing tracks them any more.
        seconds: Wall time.
    """

    remote: str
    url: str
    files: int
    fetched: int
    bytes: int
    repaired: int
    added: list[str]
    modified: list[str]
    deleted: list[str]
    seconds: float


@dataclass(frozen=True)
class StatusResult:
    """How the project's data, its cache and its remote stand to each other.

    Attributes:
        remote: Name of the remote that was asked; None if none was.
        url: Where it is.
        files: Files that the project tracks.
        changed: Tracked paths that differ from their .dvc file or dvc.lock.
        absent: Tracked paths that are not in the project's folder.
        stages: Pipeline stages that are out of date.
        unpushed: Files that the cache holds and the remote does not; None if none was asked.
        uncached: Files that the cache lacks.
        missing: Files that neither the cache nor the remote holds.
        damaged: Files of which the cache holds wrong bytes.
        next_step: The command that brings them together.
    """

    remote: str | None
    url: str | None
    files: int
    changed: list[str]
    absent: list[str]
    stages: list[str]
    unpushed: list[str] | None
    uncached: list[str]
    missing: list[str]
    damaged: list[str]
    next_step: str

    @property
    def in_order(self) -> bool:
        """Whether everything is where it belongs."""
        return not (
            self.changed
            or self.absent
            or self.stages
            or self.unpushed
            or self.uncached
            or self.missing
            or self.damaged
        )
