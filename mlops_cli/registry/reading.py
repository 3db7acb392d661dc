"""Stages `models list`, `show` and `history`: what the registry says."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError
from mlops_cli.registry import audit, deployments, names, records, tags
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
        NotFoundError: There is no git repository, or it keeps another project's registry.
        MlopsError: The tags can't be read.
    """
    repository = open_repository(root)
    repository.look()  # Before the tags: who adds some meanwhile is found out when we write.
    audit.require_ours(repository)
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
    tree = lineage(version, record, found[version.model].events)
    entries = deployments.read(repository)
    tree["deployed"] = deployments.spans(entries, version.model, version.version)
    return VersionDetails(version, record, history, tree)


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
    log = audit.read(repository)
    places = audit.places(log)
    found = [_from(repository, model, event) for event in model.events]
    every = [*found, *audit.events(log, model.name)]
    # The log knows what came first; the times of tags are a second apart, be it of the future.
    told = sorted((one for one in every if one.entry in places), key=lambda one: places[one.entry])
    for other in sorted((one for one in every if one.entry not in places), key=lambda one: one.at):
        later = (place for place, one in enumerate(told) if one.at > other.at)
        told.insert(next(later, len(told)), other)
    return told


def _from(repository: Repository, model: Model, event: Event) -> Event:
    """A registration with what it is of, as its record has it; any other event as it is."""
    version = next((one for one in model.versions if one.version == event.version), None)
    if event.action != "register" or version is None:
        return event
    try:
        record = records.read(repository, version)
    except DataError:  # Registered by another tool, or not in this clone.
        return event
    git = record.get("git") or {}
    return replace(event, run=str(record.get("run") or ""), commit=str(git.get("commit") or ""))


def used(version: Version, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Where a version is in use and was, the oldest first: stage, since when, and until when."""
    spans: list[dict[str, Any]] = []
    for event in events:
        for span in spans:
            if span["stage"] == event.stage and span["until"] is None:
                span["until"] = event.at
        if event.stage and event.version == version.version and event.action != "unassign":
            spans.append({"stage": event.stage, "since": event.at, "until": None})
    return spans


def lineage(version: Version, record: dict[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    """Where a version comes from, step by step, and where it went."""
    return {
        "version": version.name,
        "used": used(version, events),
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
