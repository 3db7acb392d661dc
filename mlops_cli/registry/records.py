"""The record of a version, beside what DVC needs for its bytes: files of its tag's commit."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.errors import DataError, MlopsError
from mlops_cli.files import sha256
from mlops_cli.registry.repository import Repository
from mlops_cli.schemas.versions import Held, Version
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE, Bundle
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tracking import finding
from mlops_cli.tracking.record import Run

FORMAT = 1
FOLDER = "models"
"""Where the records are, on the branch of the registry."""


def build(
    bundle: Bundle,
    run: Run | None,
    *,
    model: str,
    version: str,
    at: str,
    by: str,
    why: str,
    signed: dict[str, Any] | None,
) -> dict[str, Any]:
    """What is written down of a version.

    Args:
        bundle: Its bundle.
        run: The run it was made from; None where that is not here any more.
        model: Name of the model.
        version: The version.
        at: When it is registered.
        by: By whom.
        why: What for.
        signed: Who signed the bundle; None where nobody did.
    """
    facts, lineage = bundle.facts, bundle.facts["lineage"]
    ran = run.read() if run is not None else {}
    return {
        "format": FORMAT,
        "model": model,
        "version": version,
        "registered": at,
        "by": by,
        "why": why,
        "run": bundle.run,
        "git": lineage.get("git") or ran.get("git"),
        "data": {**_named(ran.get("data")), "fingerprints": lineage.get("data") or {}},
        "config": {"sha256": lineage.get("config_sha256"), "model": lineage.get("model")},
        "seed": lineage.get("seed"),
        "environment": public(ran.get("environment")),
        "metrics": facts["metrics"],
        "parity": facts["parity"],
        "signature": signature(bundle),
        "signed": signed,
        "bundle": {
            "digest": bundle.digest,
            "mlops": facts.get("mlops"),
            "created": facts.get("created"),
            "preferred": bundle.preferred,
            "files": hashes(bundle),
        },
    }


def signature(bundle: Bundle) -> dict[str, Any]:
    """What the model takes and answers: its task, columns with what they hold, and labels.

    Raises:
        DataError: The bundle's task can't be made again from it.
    """
    task = Predictor(bundle).task
    return {
        "task": task.name,
        "kind": task.head.kind,
        "inputs": dict(task.encoder.cells),
        "labels": list(task.labels),
    }


def hashes(bundle: Bundle) -> dict[str, str]:
    """SHA-256 of every file of a bundle, of `bundle.json` and its signature too."""
    own = [name for name in (MANIFEST, SIGNATURE) if (bundle.path / name).is_file()]
    read = {name: sha256(bundle.path / name) for name in own}
    return {**bundle.facts["files"], **read}


def signature_path(version: Version) -> str:
    """Where the branch of the registry has what was signed after it was registered."""
    return f"{FOLDER}/signatures/{version.name}.sig"


def later_signature(repository: Repository, version: Version) -> bytes | None:
    """The newest signature of a version that was made after it was registered."""
    return (repository.tip and repository.read(repository.tip, signature_path(version))) or None


def registered(
    repository: Repository, versions: Iterable[Version], bundle: Bundle
) -> Version | None:
    """The version that is this very bundle; None where none is."""
    for version in versions:
        raw = repository.read(version.commit, f"{FOLDER}/{version.model}.json")
        if raw is not None and bundle.digest.encode() in raw:
            return version
    return None


def run_of(bundle: Bundle, root: Path) -> Run | None:
    """The run that a bundle was made from; None where it is not here, or its config is another."""
    try:
        found = finding.find(root, bundle.run) if bundle.run else None
        found = found if found and found.id == bundle.run else None
        if found and hashlib.sha256(found.config_text().encode()).hexdigest() != bundle.facts[
            "lineage"
        ].get("config_sha256"):
            return None
        if found:
            found.read()
    except MlopsError:
        return None
    return found


def card_path(model: str) -> str:
    """Where the commit of a version has its model card."""
    return f"{FOLDER}/{model}.md"


def files(record: dict[str, Any], held: Held, config: str | None, card: str) -> dict[str, bytes]:
    """The files that the commit of a version holds, by path."""
    model = record["model"]
    out = {"md5": held.oid, "size": held.size, "nfiles": held.files, "hash": "md5", "path": model}
    record = {**record, "card_sha256": hashlib.sha256(card.encode()).hexdigest()}
    found = {
        card_path(model): card.encode(),
        f"{FOLDER}/{model}.json": text(record).encode(),
        f"{FOLDER}/{model}.dvc": yaml.safe_dump({"outs": [out]}, sort_keys=False).encode(),
    }
    if config is not None:
        found[f"{FOLDER}/{model}.yaml"] = config.encode()
    return found


def text(record: dict[str, Any]) -> str:
    """A record as it is written."""
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read(repository: Repository, version: Version) -> dict[str, Any]:
    """The record of a version.

    Raises:
        DataError: There is none, or it is none of ours.
    """
    raw = repository.read(version.commit, f"{FOLDER}/{version.model}.json")
    if raw is None:
        raise DataError(
            f"{version.name} has no record in its commit {version.commit[:12]}",
            hint=repository.fetching
            if repository.shallow
            else "its tag was not made by mlops models register",
        )
    try:
        found = json.loads(raw)
        proper = found["format"] <= FORMAT and isinstance(found["bundle"]["files"], dict)
    except (ValueError, KeyError, TypeError):
        proper = False
    if not proper or found.get("version") != version.version:
        raise DataError(
            f"the record of {version.name} can't be read",
            hint=f"git show {version.commit[:12]}:{repository.prefix}{FOLDER}/"
            f"{version.model}.json shows it",
        )
    record: dict[str, Any] = found
    return record


def config_text(repository: Repository, version: Version, record: dict[str, Any]) -> str | None:
    """The config of the run of a version; None where it was not there at the time."""
    raw = repository.read(version.commit, f"{FOLDER}/{version.model}.yaml")
    if raw is None or hashlib.sha256(raw).hexdigest() != record["config"]["sha256"]:
        return None  # Of an earlier version, perhaps.
    return raw.decode()


def held(repository: Repository, version: Version) -> Held:
    """The bytes of a version as DVC holds them.

    Raises:
        DataError: The commit does not say.
    """
    raw = repository.read(version.commit, f"{FOLDER}/{version.model}.dvc") or b""
    try:
        out = yaml.safe_load(raw)["outs"][0]
        oid, size, count = str(out["md5"]), int(out.get("size", 0)), int(out.get("nfiles", 0))
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"the commit of {version.name} does not say which bytes it has") from error
    return Held(oid, version.name, size, count)


def public(environment: Any) -> dict[str, Any]:
    """The environment of a run, without what the machine and its folders are called."""
    named = _named(environment)
    return {name: value for name, value in named.items() if name not in ("host", "executable")}


def _named(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
