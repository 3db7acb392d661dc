"""Stages `models promote`, `rollback` and `deprecate`: which version is where.

Everything that can fail or take long comes first, the one transaction that changes the registry
last: a command that is killed has done all of it, or nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli.errors import DataError, MlopsError, NotFoundError, UsageError
from mlops_cli.registry import audit, names, records, storage, tags, writing
from mlops_cli.registry.gates import Gates, signed
from mlops_cli.registry.reading import opened
from mlops_cli.registry.refusing import SIGNED, refuse
from mlops_cli.registry.repository import Repository
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.registry import RegistryConfig
from mlops_cli.schemas.versions import Check, Deprecated, Event, Model, Placed, Version


def promote(
    root: Path,
    words: str,
    stage: str,
    overrides: Sequence[str],
    reporter: Reporter,
    *,
    message: str | None = None,
    force: bool = False,
) -> Placed:
    """Puts a version into a stage, if it passes the gates.

    Args:
        root: The project.
        words: The version.
        stage: The stage.
        overrides: `KEY=VALUE` words: limits, and the data that both versions answer.
        reporter: Told of progress.
        message: What for.
        force: Put it there though a gate fails; needs a message.

    Raises:
        NotFoundError: There is no such version or stage, or the bytes are nowhere.
        DataError: The version is deprecated, or its bytes are damaged.
        GateError: A gate fails.
        UsageError: It is forced without a reason.
    """
    why = names.reason(message)
    if force and not why:
        raise UsageError(
            "--force passes over gates, and the log must say why", hint="--force --message WHY"
        )
    settings: RegistryConfig = configs.load_group("registry", overrides, root=root)
    repository, models = opened(root)
    version = names.version(models, words, repository)
    names.stage(stage, settings.stages)
    known = models[version.model]
    _refuse_deprecated(known, version)
    if stage in version.stages:
        return _placed(repository, version, stage, version.version, changed=False)
    audit.require_writable(repository)
    repository.identity()
    against = _against(known, version, stage, settings)
    present = _version(known, known.stages.get(against))
    gates = Gates(repository, settings, overrides, reporter)
    checks = _judged(gates, version, against, present, force=force)
    failed = [check.name for check in checks if not check.passed]
    if failed and (not force or SIGNED in failed):
        raise refuse(repository, known, version, stage, checks=checks, reporter=reporter, why=why)
    return _place(
        repository,
        known,
        version,
        stage,
        action="promote",
        why=why,
        checks=checks,
        forced=bool(failed),
    )


def rollback(
    root: Path, name: str, stage: str, reporter: Reporter, *, message: str | None = None
) -> Placed:
    """Puts the version back into a stage that was there before the one that is there now.

    Of several in a row, each goes one version further back.

    Args:
        root: The project.
        name: The model.
        stage: The stage.
        reporter: Told of progress.
        message: What for.

    Raises:
        NotFoundError: There is no such model, the stage never had another version that is still
            in use, or its bytes are nowhere.
        DataError: The model is deprecated, or the bytes are damaged.
        GateError: They are not signed as they have to be.
    """
    repository, models = opened(root)
    known = names.model(models, name, repository)
    settings: RegistryConfig = configs.load_group("registry", [], root=root)
    if stage not in {event.stage for event in known.events if event.stage}:
        hint = "" if stage in settings.stages else names.near(stage, known.stages)
        hint = hint or names.filling(name, stage, settings.stages)
        raise NotFoundError(f"no version of {name} ever was in stage {stage!r}", hint=hint)
    audit.require_writable(repository)
    repository.identity()
    version = _before(known, stage)
    _refuse_deprecated(known, version)
    record = records.read(repository, version)
    folder = storage.ensure(repository, version, record, reporter)
    said = f"{len(record['bundle']['files'])} files are those that were registered"
    checks = [*signed(folder, version, settings), Check("bytes", True, said)]
    why = names.reason(message)
    if not all(check.passed for check in checks):
        raise refuse(repository, known, version, stage, checks=checks, reporter=reporter, why=why)
    return _place(repository, known, version, stage, action="rollback", why=why, checks=checks)


def deprecate(root: Path, words: str, *, message: str | None = None) -> Deprecated:
    """Takes a version out of use, or of a name alone the whole model.

    Args:
        root: The project.
        words: The version or the model.
        message: What for.

    Raises:
        NotFoundError: There is no such model or version.
        DataError: It is in a stage, or out of use already.
    """
    repository, models = opened(root)
    name, at, _ = words.partition("@")
    names.refuse_nameless(models, words)
    known = names.model(models, name, repository)
    version = names.version(models, words, repository) if at else None
    _refuse_used(known, version)
    tag = tags.deprecation(repository, name, version.version if version else None)
    target = version.commit if version else known.versions[0].commit
    only = version.version if version else None
    change = writing.Change("deprecate", name, tag, names.reason(message), only, target)
    writing.write(repository, known, change)
    return Deprecated(name, only, tag, repository.remote)


def _against(known: Model, version: Version, stage: str, settings: RegistryConfig) -> str:
    """The stage whose version the new one is compared with; never with itself."""
    if settings.against is None:
        return stage
    names.stage(settings.against, settings.stages)
    there = known.stages.get(settings.against)
    return stage if there in (None, version.version) else settings.against


def _judged(
    gates: Gates, version: Version, stage: str, present: Version | None, *, force: bool
) -> list[Check]:
    """What the gates say; when forced, that the comparison can't be made is one more failure."""
    record = records.read(gates.repository, version)
    # Bytes that are not whole are put nowhere, forced or not.
    folder = storage.ensure(gates.repository, version, record, gates.reporter)
    checks = signed(folder, version, gates.settings)
    if not all(check.passed for check in checks):
        return checks
    try:
        return checks + gates.judge(version, stage, present)
    except MlopsError as error:
        if not force:
            raise
        return [*checks, Check("comparison", False, error.message)]


def _place(
    repository: Repository,
    known: Model,
    version: Version,
    stage: str,
    *,
    action: str,
    why: str,
    checks: list[Check],
    forced: bool = False,
) -> Placed:
    """The change itself."""
    tag = tags.assignment(repository, known.name, stage)
    before = known.stages.get(stage)
    facts = {
        "stage": stage,
        "from": before,
        "to": version.version,
        "forced": forced,
        "gates": [asdict(check) for check in checks],
    }
    change = writing.Change(action, known.name, tag, why, version.version, version.commit, facts)
    writing.write(repository, known, change)
    return _placed(repository, version, stage, before, checks=checks, tag=tag, forced=forced)


def _placed(
    repository: Repository,
    version: Version,
    stage: str,
    before: str | None,
    *,
    changed: bool = True,
    forced: bool = False,
    checks: Sequence[Check] = (),
    tag: str | None = None,
) -> Placed:
    return Placed(
        version.model, version.version, stage, before, changed, forced, list(checks), tag,
        repository.remote,
    )  # fmt: skip


def _refuse_deprecated(known: Model, version: Version) -> None:
    if version.deprecated or known.deprecated:
        name = known.name if known.deprecated else version.name
        raise DataError(f"{name} is deprecated", hint=f"mlops models history {known.name} says why")


def _refuse_used(known: Model, version: Version | None) -> None:
    """Refuses to take out of use what is in a stage."""
    used = version.stages if version else list(known.stages)
    name = version.name if version else known.name
    if (version and version.deprecated) or known.deprecated:
        raise DataError(f"{name} is deprecated already", hint=f"mlops models history {known.name}")
    if used and version:
        raise DataError(
            f"{name} is in {', '.join(used)}",
            hint=f"first another one: mlops models promote {known.name}@VERSION {used[0]}",
        )


def _version(known: Model, version: str | None) -> Version | None:
    return next((one for one in known.versions if one.version == version), None)


def _before(known: Model, stage: str) -> Version:
    """The version that was in a stage before the one that is there now."""
    for name in reversed(_stack(known.events, stage)):
        version = _version(known, name)
        if name != known.stages.get(stage) and version and not version.deprecated:
            return version
    now = known.stages.get(stage, "none")
    raise NotFoundError(
        f"nothing to roll back to: {stage} of {known.name} has {now}, and had no other version "
        "before that is in use",
        hint=f"mlops models history {known.name}",
    )


def _stack(events: Sequence[Event], stage: str) -> list[str]:
    """The versions that a stage went through; what was rolled back is not among them."""
    stack: list[str] = []
    for event in events:
        if event.stage != stage or event.action == "unassign":
            continue
        if event.action == "rollback" and event.version in stack:
            while stack[-1] != event.version:
                stack.pop()
        elif not stack or stack[-1] != event.version:
            stack.append(event.version)
    return stack
