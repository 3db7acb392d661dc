"""Results of `mlops models`: versions of models, their stages and their history."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Held:
    """A folder as DVC holds it.

    Attributes:
        oid: Hash of the list of its files, with `.dir` behind it.
        name: What people call it.
        size: Bytes of its files.
        files: How many there are.
    """

    oid: str
    name: str
    size: int
    files: int


@dataclass(frozen=True)
class Event:
    """What happened to a model, as a tag of git tells it.

    Attributes:
        at: When, ISO 8601 in UTC.
        by: Name and mail of who did it.
        action: register, promote, rollback, deprecate, sign, refuse (of a gate), unassign (by other
            tools); of deployments deploy, canary, withdraw, revert and destroy.
        version: The version; empty where the whole model is meant.
        stage: The stage; empty where none is meant.
        before: What was in the stage, or deployed there, before; empty where nothing was.
        why: What was given as the reason.
        tag: The tag.
        entry: Hash of the entry in the audit log; empty where another tool made the tag.
        where: Of a deployment, the target and where it is.
        run: Of a registration, the run that the bundle was made from.
        commit: Of a registration, the commit that the code of the run stood at.
    """

    at: str
    by: str
    action: str
    version: str
    stage: str
    before: str
    why: str
    tag: str
    entry: str
    where: str = ""
    run: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Version:
    """A registered version of a model.

    Attributes:
        model: Name of the model.
        version: Such as v1.2.0.
        commit: The commit that its tag points to, which holds its record.
        registered: When, ISO 8601 in UTC.
        by: Name and mail of who registered it.
        why: What was given as the reason.
        stages: The stages it is in.
        deprecated: Whether it was taken out of use.
    """

    model: str
    version: str
    commit: str
    registered: str
    by: str
    why: str
    stages: list[str]
    deprecated: bool

    @property
    def name(self) -> str:
        """What a person types for it."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True)
class Model:
    """A model with its versions.

    Attributes:
        name: Its name.
        versions: Its versions, the highest first.
        stages: The version that each stage has.
        deprecated: Whether the whole model was taken out of use.
        events: What happened, the oldest first.
    """

    name: str
    versions: list[Version]
    stages: dict[str, str]
    deprecated: bool
    events: list[Event]


@dataclass(frozen=True)
class ModelList:
    """The registry.

    Attributes:
        models: Every model, by name.
    """

    models: list[Model]


@dataclass(frozen=True)
class Registered:
    """A version that was registered.

    Attributes:
        model: Name of the model.
        version: The version.
        run: The run it comes from.
        commit: The commit that holds its record.
        tag: The tag that points there.
        digest: Digest of its bundle.
        files: Files of the bundle.
        bytes: Their size.
        metrics: The bundle's figures on validation.
        path: Where the bundle lies here.
        remote: The git remote to push to; None where there is none.
        changed: Whether anything was done; not so where this very bundle was registered already.
        deprecated: Whether the version, or the model, was taken out of use since.
        unsigned: Whether the bundle was signed since, and the version has not got its signature.
    """

    model: str
    version: str
    run: str
    commit: str
    tag: str
    digest: str
    files: int
    bytes: int
    metrics: dict[str, float | None]
    path: Path
    remote: str | None
    changed: bool = True
    deprecated: bool = False
    unsigned: bool = False


@dataclass(frozen=True)
class VersionDetails:
    """Everything that is known of a version.

    Attributes:
        version: The version.
        record: What was written down when it was registered.
        history: What happened to it since, the oldest first.
        lineage: Where it comes from, from the version back to the data, and where it is used.
    """

    version: Version
    record: dict[str, Any]
    history: list[Event]
    lineage: dict[str, Any]


@dataclass(frozen=True)
class History:
    """What happened to a model.

    Attributes:
        model: Its name.
        events: The oldest first.
    """

    model: str
    events: list[Event]


@dataclass(frozen=True)
class Check:
    """One gate before a stage.

    Attributes:
        name: What it looks at: bytes, signature, parity, data (rows that it may know), or a metric.
        passed: Whether it lets the version in.
        said: What it found.
        value: The version's figure; None where it is no number.
        bound: What it was held against.
    """

    name: str
    passed: bool
    said: str
    value: float | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Placed:
    """A version that was put into a stage.

    Attributes:
        model: Name of the model.
        version: The version that the stage has now.
        stage: The stage.
        before: The version it had before; None where it had none.
        changed: Whether anything changed; not so where the version was there already.
        forced: Whether gates that failed were passed over.
        checks: What each gate said.
        tag: The tag that says so; None where nothing changed.
        remote: The git remote to push to; None where there is none.
    """

    model: str
    version: str
    stage: str
    before: str | None
    changed: bool
    forced: bool
    checks: list[Check]
    tag: str | None
    remote: str | None


@dataclass(frozen=True)
class Deprecated:
    """A version, or a whole model, that was taken out of use.

    Attributes:
        model: Name of the model.
        version: The version; None for the whole model.
        tag: The tag that says so.
        remote: The git remote to push to; None where there is none.
    """

    model: str
    version: str | None
    tag: str
    remote: str | None


@dataclass(frozen=True)
class Changed:
    """Something that two versions differ in.

    Attributes:
        part: metrics, config, data, signature or code.
        name: What it is.
        before: What the first version has; None where it has none.
        after: What the second has.
    """

    part: str
    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class VersionDifference:
    """Two versions side by side.

    Attributes:
        before: The first.
        after: The second.
        same: Whether their bundles are the same, byte by byte.
        changes: What differs.
    """

    before: str
    after: str
    same: bool
    changes: list[Changed]
