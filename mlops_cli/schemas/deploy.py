"""Results of `mlops deploy`: what is deployed where, and what that takes."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something that a target takes.

    Attributes:
        name: A tool, a credential, a permission.
        there: Whether it is there.
        said: What was found.
        hint: What brings it; empty where it is there.
    """

    name: str
    there: bool
    said: str
    hint: str = ""


@dataclass(frozen=True)
class Trial:
    """A version that gets a share of the requests.

    Attributes:
        share: Of the requests, from 0 to 1.
        digest: Digest of its bundle; None where that can't be told.
        said: How it goes.
    """

    share: float
    digest: str | None = None
    said: str = ""


@dataclass(frozen=True)
class Live:
    """What a target has, as it says itself.

    Attributes:
        state: running, starting, failing, stopped, or absent.
        where: Its address, or what else leads there.
        digest: Digest of the bundle that answers; None where that can't be told.
        image: The image that runs; None where none does.
        canary: The version on trial; None where none is.
        said: What else is to be known.
        asked: Whether all of it could be looked at; not so where a key is missing.
    """

    state: str
    where: str
    digest: str | None = None
    image: str | None = None
    canary: Trial | None = None
    said: str = ""
    asked: bool = True


@dataclass(frozen=True)
class Deployment:
    """An entry of the record: what was deployed where.

    Attributes:
        at: When, ISO 8601 in UTC.
        by: Name and mail of who did it.
        action: deploy, canary, withdraw (of a canary), revert (a rollback), or destroy.
        target: The target.
        name: Name of the deployment there.
        where: The machine, cluster or repository, and the address.
        model: Name of the model; empty where none is registered.
        version: Its version; empty where none is registered.
        run: The run it was made from.
        bundle: Digest of the bundle.
        image: Name of the image; empty where there is none.
        image_digest: Digest of the image; empty where there is none.
        share: Share of the requests of a canary; None where it answers all.
        before: What was there before; empty where nothing was.
        settings: What was typed for it, which a rollback takes again.
        why: What was given as the reason.
        entry: Hash of the entry in the audit log.
    """

    at: str
    by: str
    action: str
    target: str
    name: str
    where: str
    model: str
    version: str
    run: str
    bundle: str
    image: str
    image_digest: str
    share: float | None
    before: str
    settings: list[str]
    why: str
    entry: str

    @property
    def called(self) -> str:
        """What a person calls what was deployed."""
        return f"{self.model}@{self.version}" if self.model else self.run or self.bundle[:12]


@dataclass(frozen=True)
class Checked:
    """What a deployment takes and would change.

    Attributes:
        target: The target.
        name: Name of the deployment.
        where: Where it would be.
        needs: What it takes.
        changes: What it would change, a sentence each.
    """

    target: str
    name: str
    where: str
    needs: list[Need]
    changes: list[str]


@dataclass(frozen=True)
class Planned:
    """What would be deployed, with its files.

    Attributes:
        target: The target.
        name: Name of the deployment.
        model: What would be deployed.
        bundle: Digest of its bundle.
        where: Where it would be.
        changes: What would change, a sentence each.
        files: The files that were written.
    """

    target: str
    name: str
    model: str
    bundle: str
    where: str
    changes: list[str]
    files: list[Path]


@dataclass(frozen=True)
class Deployed:
    """What was done.

    Attributes:
        record: The entry of the record.
        live: What the target has now.
        changed: Whether anything changed; not so where it was there already.
        files: Files that describe it, to keep.
    """

    record: Deployment
    live: Live
    changed: bool
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Standing:
    """A deployment as the record and as the target have it.

    Attributes:
        target: The target.
        name: Name of the deployment.
        record: The newest entry of what answers there.
        canary: The entry of the version on trial; None where none is.
        live: What the target says; None where it can't be asked.
        agrees: Whether both say the same; None where the target can't tell.
        said: What is not as recorded; empty where nothing is.
    """

    target: str
    name: str
    record: Deployment
    canary: Deployment | None
    live: Live | None
    agrees: bool | None
    said: str = ""


@dataclass(frozen=True)
class Standings:
    """All deployments.

    Attributes:
        deployments: By target and name.
    """

    deployments: list[Standing]


@dataclass(frozen=True)
class Destroyed:
    """A deployment that was taken down.

    Attributes:
        record: The entry of the record.
        removed: What was removed, a sentence each.
    """

    record: Deployment
    removed: list[str]
