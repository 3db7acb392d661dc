"""Stage `models diff`: two versions side by side."""

from pathlib import Path
from typing import Any

import yaml

from mlops_cli.registry import names, records
from mlops_cli.registry.reading import opened
from mlops_cli.registry.repository import Repository
from mlops_cli.schemas.versions import Changed, Version, VersionDifference
from mlops_cli.tracking.flat import flat


def run(root: Path, first: str, second: str) -> VersionDifference:
    """What two versions differ in.

    Args:
        root: The project.
        first: The one.
        second: The other: of the same model, where it says only a version or a stage.

    Raises:
        NotFoundError: There is no such version.
        DataError: A record can't be read.
    """
    repository, models = opened(root)
    before = names.version(models, first, repository)
    if "@" not in second and second not in models:
        second = f"{before.model}@{second}"
    after = names.version(models, second, repository)
    facts = [_facts(repository, version) for version in (before, after)]
    changes = [
        Changed(part, name, facts[0][part].get(name), facts[1][part].get(name))
        for part in facts[0]
        for name in dict.fromkeys((*facts[0][part], *facts[1][part]))
        if facts[0][part].get(name) != facts[1][part].get(name)
    ]
    digests = {records.read(repository, one)["bundle"]["digest"] for one in (before, after)}
    return VersionDifference(before.name, after.name, len(digests) == 1, changes)


def _facts(repository: Repository, version: Version) -> dict[str, dict[str, Any]]:
    record = records.read(repository, version)
    config = records.config_text(repository, version, record)
    settings = yaml.safe_load(config) if config is not None else record["config"]
    git = record.get("git") or {}
    return {
        "metrics": record["metrics"],
        "config": flat(settings) if isinstance(settings, dict) else {},
        "data": flat(record["data"]),
        "signature": flat(record["signature"]),
        "code": {name: git.get(name) for name in ("commit", "dirty_hash")},
        "environment": flat(record["environment"]),
    }
