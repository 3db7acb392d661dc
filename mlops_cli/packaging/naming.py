"""What an image is called, and what its labels tell."""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from mlops_cli.errors import ConfigError, UsageError
from mlops_cli.project import LAID_OUT, repository, run_git
from mlops_cli.schemas.image import SERVER
from mlops_cli.serving.bundle import Bundle

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
BUNDLE = "mlops.bundle.digest"
"""The label of an image that tells which bundle it serves."""
_NO_TAG = r"[^A-Za-z0-9_.-]+"
_NAME = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)


def called(root: Path, bundle: Bundle, tag: str | None, runtime: str = SERVER) -> str:
    """Name and tag of the image of a bundle.

    Args:
        root: The project.
        bundle: The bundle.
        tag: What was asked for, as NAME or NAME:TAG.
        runtime: What it runs; another one than our server is told by the tag.

    Raises:
        UsageError: That is no name of an image.
    """
    name, label = _by_itself(root, bundle)
    if runtime != SERVER:
        label = f"{label[: 127 - len(runtime)]}-{runtime}"
    return _checked(name, label, tag)


def called_training(root: Path, label: str, tag: str | None) -> str:
    """Name and tag of the image that trains a project.

    Args:
        root: The project.
        label: The run, or the commit.
        tag: What was asked for, as NAME or NAME:TAG.

    Raises:
        UsageError: That is no name of an image.
    """
    return _checked(f"{_plain(root)}-train", re.sub(_NO_TAG, "-", label)[:128], tag)


def _checked(name: str, label: str, tag: str | None) -> str:
    if tag is not None:
        given, _, rest = tag.partition(":")
        name, label = given, rest or label
    if not _NAME.fullmatch(name) or not _TAG.fullmatch(label):
        raise UsageError(f"{tag!r} is no name of an image", hint="such as --tag reviews:v1.0.0")
    return f"{name}:{label}"


def model(root: Path, bundle: Bundle) -> str:
    """What people call the bundle: a registered version, else its run, else its folder."""
    version = _registered(root, bundle)
    return "@".join(version) if version else bundle.run or bundle.path.name


def labels(root: Path, bundle: Bundle, image: str, base: str) -> Mapping[str, str]:
    """Labels of the image: OCI's annotations, then ours, which lead back to how it was made.

    Args:
        root: The project.
        bundle: The bundle.
        image: Name and tag of the image.
        base: What it is built on.
    """
    lineage, metrics = bundle.facts["lineage"], bundle.facts["metrics"]
    git, data = lineage.get("git") or {}, lineage.get("data") or {}
    (name, _, tag), (below, _, digest) = image.partition(":"), base.partition("@")
    told = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": tag,
        "org.opencontainers.image.description": f"{bundle.task.get('name')} served by mlops",
        "org.opencontainers.image.created": iso(epoch(bundle)),
        "org.opencontainers.image.revision": git.get("commit"),
        "org.opencontainers.image.source": source(root),
        "org.opencontainers.image.base.name": below,
        "org.opencontainers.image.base.digest": digest,
        "mlops.model": model(root, bundle),
        "mlops.run": bundle.run,
        "mlops.task": bundle.task.get("name"),
        BUNDLE: bundle.digest,
        "mlops.graph": bundle.preferred,
        "mlops.config.sha256": lineage.get("config_sha256"),
        "mlops.git.dirty": git.get("dirty_hash"),
        "mlops.seed": lineage.get("seed"),
        **{f"mlops.data.{split}": data[split] for split in sorted(data)},
        **{
            f"mlops.metric.{metric}": f"{metrics[metric]:.6g}"
            for metric in sorted(metrics)
            if isinstance(metrics[metric], int | float)
        },
    }
    return {key: str(value) for key, value in told.items() if value not in (None, "")}


def iso(seconds: int) -> str:
    """A Unix time as people write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch(bundle: Bundle) -> int:
    """The time an image says it was made at: SOURCE_DATE_EPOCH, else when its model was exported.

    Raises:
        ConfigError: SOURCE_DATE_EPOCH is no time.
    """
    try:
        return given_epoch(
            int(datetime.fromisoformat(str(bundle.facts.get("created"))).timestamp())
        )
    except ValueError:
        return given_epoch(0)


def given_epoch(otherwise: int) -> int:
    """What SOURCE_DATE_EPOCH says, where it is set.

    Raises:
        ConfigError: It is no time.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is not None:
        if not given.isascii() or not given.isdigit() or len(given) > 10:
            raise ConfigError(f"SOURCE_DATE_EPOCH={given} is no time", hint="seconds since 1970")
        return int(given)
    return otherwise


def _by_itself(root: Path, bundle: Bundle) -> tuple[str, str]:
    version = _registered(root, bundle)
    if version:
        return version[0], version[1].replace("+", "-")
    return _plain(root), re.sub(_NO_TAG, "-", bundle.run)[:128] or bundle.digest[:12]


def _plain(root: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", root.resolve().name.lower()).strip("-") or "model"


def _registered(root: Path, bundle: Bundle) -> tuple[str, str] | None:
    """Model and version, where the bundle is a registered one."""
    below = root.resolve() / LAID_OUT
    path = bundle.path.resolve()
    if not path.is_relative_to(below) or len(path.relative_to(below).parts) != 2:
        return None
    return path.relative_to(below).parts[0], path.relative_to(below).parts[1]


def source(root: Path) -> str | None:
    """Where the code is, without whoever may fetch it."""
    if repository(root) is None:
        return None
    url = (
        (run_git(root, "config", "--get", "remote.origin.url") or b"")
        .decode("utf-8", "replace")
        .strip()
    )
    found = re.fullmatch(r"(https?://)(?:[^@/]*@)?([^?#]+)", url)
    return f"{found[1]}{found[2]}" if found else None
