"""Versions and stages as tags of git. The only module that knows GTO.

GTO reads the tags and names new ones. Git writes them, in one transaction with the audit log (see
`repository`), which GTO can't; and each a second after the last, since GTO takes them in the order
of their times and git counts whole seconds.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from gto.base import Artifact, BaseEvent, BaseRegistryState
from gto.constants import Action, VersionSort
from gto.exceptions import GTOException
from gto.registry import GitRegistry
from gto.tag import name_tag, parse_name
from gto.versions import SemVer
from scmrepo.exceptions import SCMError

from mlops_cli.errors import MlopsError, UsageError
from mlops_cli.registry.repository import NewTag, Repository
from mlops_cli.schemas.audit import Signpost
from mlops_cli.schemas.versions import Event, Model, Version

FIRST = "v1.0.0"
"""The first version of a model, unless it is said otherwise."""
BUMPS = ("major", "minor", "patch")
NOTES = "mlops-audit/"
"""What the tags of other entries of the audit log begin with."""

_ACTIONS = {
    "Registration": "register",
    "Deregistration": "deprecate",
    "Deprecation": "deprecate",
    "Assignment": "promote",
    "Unassignment": "unassign",
}
_TRAILER = re.compile(r"^(Action|Audit): (\S+)$", re.MULTILINE)


def read(repository: Repository) -> dict[str, Model]:
    """Every model of the registry, by name.

    Raises:
        MlopsError: GTO can't read the tags.
    """
    with _opened(repository) as registry:
        state = BaseRegistryState()
        for manager in (
            registry.artifact_manager,
            registry.version_manager,
            registry.stage_manager,
        ):
            state = manager.update_state(state)
    return {name: _model(one) for name, one in sorted(state.artifacts.items())}


def message(said: str, why: str, action: str, entry: str) -> str:
    """The annotation of a tag: what was done and why, and the entry that the log has of it."""
    return "\n\n".join(part for part in (said, why, f"Action: {action}\nAudit: {entry}") if part)


def registration(version: str, model: str) -> str:
    """The name of the tag that a version has."""
    return str(name_tag(Action.REGISTER, model, version=version, simple=True))


def assignment(repository: Repository, model: str, stage: str) -> str:
    """The name of the next tag that puts a version of a model into a stage."""
    with _opened(repository) as registry:
        return str(name_tag(Action.ASSIGN, model, stage=stage, scm=registry.scm))


def deprecation(repository: Repository, model: str, version: str | None) -> str:
    """The name of the tag that takes a version, or the whole model, out of use."""
    if version is not None:
        return str(name_tag(Action.DEREGISTER, model, version=version, simple=True))
    with _opened(repository) as registry:
        return str(name_tag(Action.DEPRECATE, model, scm=registry.scm))


def noted(log: bytes) -> str:
    """The name of the tag of the next entry of the log that changes no version and no stage.

    GTO passes over it: it names neither.
    """
    return f"{NOTES}{len(log.splitlines()) + 1}"


def signposts(repository: Repository) -> list[Signpost]:
    """The annotated tags of models and of other entries of the log, as git has them.

    One that has another name inside, or points to no commit, is none of ours, whatever it says.
    """
    found = []
    for line, inside, target, kind, at, text in repository.annotated():
        name = line.strip()
        parsed = parse_name(name, raise_on_fail=False)
        if not kind or not (parsed or name.startswith(NOTES)):
            continue
        ours = (inside, kind) == (name, "commit")
        entry = dict(_TRAILER.findall(text)).get("Audit", "") if ours else ""
        version = parsed["version"] if parsed.get("action") == Action.REGISTER else ""
        found.append(Signpost(name, parsed.get("name", ""), version, entry, target, int(at or 0)))
    return found


def next_version(model: Model | None, bump: str) -> str:
    """The version after the highest."""
    if model is None or not model.versions:
        return FIRST
    highest = SemVer(model.versions[0].version)
    return str(getattr(highest, f"bump_{bump}")().version)


def proper(version: str) -> str:
    """A version as typed, in GTO's form.

    Raises:
        UsageError: It is none.
    """
    full = version if version.startswith("v") else f"v{version}"
    if not SemVer.is_valid(full):  # type: ignore[no-untyped-call]
        raise UsageError(f"{version!r} is no version", hint="three numbers, such as v1.2.0")
    return full


def moment(model: Model | None) -> int:
    """The second of the next tag: now, unless the last one is as new."""
    last = max((_seconds(event) for event in model.events), default=0) if model else 0
    return max(int(time.time()), last + 1)


def new(name: str, target: str | None, text: str, model: Model | None) -> NewTag:
    """A tag that is to be, at its time."""
    return NewTag(name, target, text, moment(model))


@contextmanager
def _opened(repository: Repository) -> Iterator[GitRegistry]:
    try:
        with GitRegistry.from_url(str(repository.top)) as registry:
            yield registry
    except (GTOException, SCMError) as error:
        said = str(error).strip().splitlines()
        raise MlopsError(
            f"the registry's tags can't be read: {said[0] if said else type(error).__name__}",
            hint="git tag --list lists them",
        ) from error


def _model(artifact: Artifact) -> Model:
    """A model as GTO has put it together from its tags."""
    found = artifact.get_vstages(versions_per_stage=1, sort=VersionSort.Timestamp)
    stages = {stage: placed[0].version for stage, placed in sorted(found.items())}
    registered = [one for one in artifact.versions if one.is_registered]
    highest = sorted(registered, key=lambda one: SemVer(one.version), reverse=True)
    versions = []
    for one in highest:
        first = _event(one.registrations[0])
        inside = [stage for stage, version in stages.items() if version == one.version]
        versions.append(
            Version(
                artifact.artifact, one.version, one.commit_hexsha, first.at, first.by, first.why,
                inside, not one.is_active,
            )
        )  # fmt: skip
    deprecated = bool(artifact.deprecations) and not artifact.is_active
    return Model(artifact.artifact, versions, stages, deprecated, _events(artifact))


def _events(artifact: Artifact) -> list[Event]:
    """What happened, the oldest first, with what was in each stage before."""
    raw: list[BaseEvent] = [*artifact.deprecations]
    for version in artifact.versions:
        raw += [*version.registrations, *version.deregistrations]
        for stage in version.stages.values():
            raw += [*stage.assignments, *stage.unassignments]
    now: dict[str, str] = {}
    events = []
    for one in sorted(raw, key=lambda event: event.created_at):
        event = _event(one, now)
        if event.stage:
            now[event.stage] = event.version if event.action != "unassign" else ""
        events.append(event)
    return events


def _event(event: BaseEvent, stages: dict[str, str] | None = None) -> Event:
    trailers = dict(_TRAILER.findall(event.message))
    stage, lines = getattr(event, "stage", ""), _TRAILER.sub("", event.message)
    return Event(
        at=event.created_at.astimezone(UTC).isoformat(),
        by=f"{event.author} <{event.author_email}>",
        action=trailers.get("Action", _ACTIONS[type(event).__name__]),
        version=getattr(event, "version", ""),
        stage=stage,
        before=(stages or {}).get(stage, ""),
        why=(lines.partition("\n")[2] if trailers else lines).strip(),
        tag=str(getattr(event, "tag", "")),
        entry=trailers.get("Audit", ""),
    )


def _seconds(event: Event) -> int:
    return int(datetime.fromisoformat(event.at).timestamp())
