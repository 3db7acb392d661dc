"""From a build context to an image, and into a registry; what was written tells of itself."""

import json
import platform as machines
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.errors import UsageError
from mlops_cli.files import write_json
from mlops_cli.packaging import docker, pushing, settling
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.image import PLATFORMS, ImageConfig
from mlops_cli.schemas.packages import Built, Layer, Packaged, PackagedTraining, Pushed
from mlops_cli.schemas.plain import plain

FOLDER = "packages"
CONTEXT = "context"
SBOM = "sbom.cdx.json"
LOG = "build.log"
RECORD = "image.json"
_FORMAT = 1
_PLATFORMS = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "arm64": "linux/arm64",
    "aarch64": "linux/arm64",
}


@dataclass(frozen=True)
class Known:
    """What was written to a folder.

    Attributes:
        context: Digest of the context.
        written: SHA-256 of each file beside it, by name; none where that was not recorded yet.
    """

    context: str
    written: Mapping[str, str]


@dataclass(frozen=True)
class Making:
    """An image to build.

    Attributes:
        folder: Has the context, and gets what Docker says.
        name: Name and tag.
        epoch: The time it says it was made at.
        platform: Machines that it is for; None takes the engine's.
        holds: What its layers hold, the lowest first; an empty layer has an empty name.
    """

    folder: Path
    name: str
    epoch: int
    platform: str | None
    holds: tuple[str, ...]


def check(registry: str | None, *, build: bool) -> None:
    """Refuses a registry that is none, or that nothing would be built for.

    Raises:
        UsageError: It is so.
    """
    if registry is not None and not build:
        raise UsageError(
            "--push pushes what is built, and --no-build builds nothing", hint="leave one out"
        )
    if registry is not None and ("://" in registry or not registry.strip("/")):
        raise UsageError(
            f"{registry!r} is no registry", hint="such as --push registry.example.com/team"
        )


def ready(registry: str | None, *, build: bool) -> bool:
    """Whether to build: it is wanted, and Docker is there.

    Raises:
        MissingDependencyError: Docker has to be there, and is not, or does not answer.
    """
    building = build and docker.there()
    if building or registry is not None:
        docker.require("write the build context alone: --no-build")
    return building


def place(root: Path, name: str, output: Path | None) -> Path:
    """The folder to write to: below the project's `packages/`, unless another was asked for."""
    return output or root / FOLDER / name.replace("/", "-").replace(":", "-")


def machines_of(image: ImageConfig) -> str:
    """The machines that an image is for."""
    return image.platform or _PLATFORMS.get(machines.machine().lower(), PLATFORMS[0])


def base(image: ImageConfig, reporter: Reporter, *, building: bool) -> str:
    """The base as the Dockerfile names it: by its digest, where that can be told."""
    if building:
        return docker.pinned(image.base, image.platform, reporter)
    if "@" not in image.base:
        reporter.warn(f"the base is not pinned; image.base={image.base}@sha256:… would pin it")
    return image.base


def build(making: Making, reporter: Reporter) -> Built:
    """Builds an image, the same for the same context where the engine can.

    Raises:
        MlopsError: Docker refuses.
    """
    began, name = time.monotonic(), making.name
    context, log = making.folder / CONTEXT, making.folder / LOG
    order = docker.Order(context, name, making.epoch, making.platform, log)
    image, settled = settling.settle(docker.build(order, reporter), name, making.epoch)
    if not settled:
        reporter.warn(
            "this engine keeps the time of the build in the image: its id is not reproducible"
        )
    known = docker.inspect(image) or {}
    diffs = list(known.get("RootFS", {}).get("Layers", ()))[: len(making.holds)]
    model = sum(one.stat().st_size for one in (context / "model").rglob("*") if one.is_file())
    return Built(
        id=str(known.get("Id", "")),
        megabytes=round(int(known.get("Size", 0)) / 1e6, 1),
        model_megabytes=round(model / 1e6, 1),
        layers=[
            Layer(holds, digest)
            for holds, digest in zip(making.holds, diffs, strict=False)
            if holds
        ],
        reproducible=settled,
        seconds=round(time.monotonic() - began, 1),
    )


def push(image: str, name: str, registry: str, reporter: Reporter) -> Pushed:
    """Pushes an image that was built.

    Args:
        image: Its id: its name may be another image's by now.
        name: Name and tag that it gets there.
        registry: Where to.
        reporter: Told of progress.

    Raises:
        MlopsError: The registry refuses.
    """
    target = f"{registry.strip('/')}/{name}"
    reporter.info(f"pushing {target}")
    digest, sent, known = pushing.push(image, target, registry)
    return Pushed(f"{target.rpartition(':')[0]}@{digest}", digest, sent, known)


def keep(
    done: Packaged | PackagedTraining, folder: Path, written: Mapping[str, str] | None = None
) -> None:
    """Writes the record of what was done into a folder.

    Args:
        done: What was done.
        folder: The folder.
        written: SHA-256 of each file beside the context; None leaves what is recorded.
    """
    if written is None:
        before = known(folder)
        written = before.written if before else {}
    write_json(folder / RECORD, {"format": _FORMAT, **plain(done), "written": dict(written)})


def known(folder: Path) -> Known | None:
    """What was written to a folder; None where nothing was."""
    try:
        found: Mapping[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
        told = Known(str(found["context"]), dict(found.get("written", {})))
        return told if found["format"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
