"""Stages `models list`, `show` and `history`: what the registry says."""

from pathlib import Path
from typing import Any

from mlops_cli.registry import audit, names, records, tags
from mlops_cli.registry.repository import Repository, open_repository
from mlops_cli.schemas.versions import (
    Event,
    History,
    Model,
    ModelList,
    Version,
    VersionDetails,
)


def opened(root: Path) -> tuple[Repository, dict[str, Model]]:
    """The repository, and what its tags say.

    Raises:
        MissingDependencyError: Git is not installed.
        NotFoundError: There is no git repository.
        MlopsError: The tags can't be read.
    """
    repository = open_repository(root)
    repository.look()  # Before the tags: who adds some meanwhile is found out when we write.
    return repository, tags.read(repository)


def models(root: Path) -> ModelList:
    """Every model.

    Raises:
        NotFoundError: There is no git repository, or the clone has not got all of it.
    """
    repository, found = opened(root)
    if not found and repository.partial:
        names.model(found, "", repository)
    return ModelList(list(found.values()))


def show(root: Path, words: str) -> VersionDetails:
    """Everything that is known of a version.

    Raises:
        NotFoundError: There is no such model, version or stage.
        DataError: Its record can't be read.
    """
    repository, found = opened(root)
    version = names.version(found, words, repository)
    record = records.read(repository, version)
    events = _events(repository, found[version.model])
    history = [event for event in events if event.version in (version.version, "")]
    return VersionDetails(version, record, history, lineage(version, record))


def history(root: Path, name: str) -> History:
    """What happened to a model, or to one version of it.

    Raises:
        NotFoundError: There is no such model, version or stage.
    """
    repository, found = opened(root)
    if "@" not in name:
        return History(name, _events(repository, names.model(found, name, repository)))
    version = names.version(found, name, repository)
    events = _events(repository, found[version.model])
    return History(version.name, [one for one in events if one.version in (version.version, "")])


def _events(repository: Repository, model: Model) -> list[Event]:
    """What the tags say of a model, and what only the audit log has, the oldest first."""
    return sorted(
        [*model.events, *audit.events(audit.read(repository), model.name)], key=lambda one: one.at
    )


def lineage(version: Version, record: dict[str, Any]) -> dict[str, Any]:
    """Where a version comes from, step by step."""
    return {
        "version": version.name,
        "bundle": {"digest": record["bundle"]["digest"], "stages": version.stages},
        "run": {
            "id": record["run"],
            "git": record.get("git") or {},
            "data": record["data"],
            "config": record["config"],
            "seed": record.get("seed"),
            "environment": record["environment"],
        },
        "metrics": record["metrics"],
        "parity": record["parity"],
    }
