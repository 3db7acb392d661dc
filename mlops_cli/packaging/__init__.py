"""Packaging: a bundle to a build context, an image, and a registry.

packages/NAME-TAG/
  context/        all that the image is built from; byte by byte the same for the same inputs
  sbom.cdx.json   the list of its parts
  compose.yaml    where it was asked for, with what it starts beside the server
  image.json      what was written, built and pushed
  build.log       what Docker said
"""

import json
import platform as machines
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, GateError, UsageError
from mlops_cli.extras import extra
from mlops_cli.files import atomic_folder, write_json
from mlops_cli.packaging import (
    context,
    docker,
    dockerfile,
    naming,
    pushing,
    requirements,
    settling,
    shrink,
    wheels,
)
from mlops_cli.packaging.dockerfile import HOLDS, Recipe
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.image import PLATFORMS, ImageConfig
from mlops_cli.schemas.packages import Built, Layer, Packaged, Pushed
from mlops_cli.schemas.results import plain
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.bundle import Bundle

FOLDER = "packages"
RECORD = "image.json"
SBOM = "sbom.cdx.json"
_FORMAT = 1
_PLATFORMS = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "arm64": "linux/arm64",
    "aarch64": "linux/arm64",
}


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        image: What the image is like.
        serve: Settings of the server.
        output: Where to write; None takes a folder below `packages/`.
        tag: Name of the image; None takes that of the model.
        registry: Where to push the image; None leaves it here.
        compose: Whether to write a compose file.
        build: Whether to build the image, where Docker is there.
    """

    image: ImageConfig
    serve: ServeConfig
    output: Path | None = None
    tag: str | None = None
    registry: str | None = None
    compose: bool = False
    build: bool = True


def run(root: Path, folder: Path, wanted: Wanted, reporter: Reporter) -> Packaged:
    """Writes the build context of a bundle, builds its image and pushes it, as far as is wanted.

    Args:
        root: The project.
        folder: The bundle.
        wanted: What was asked for.
        reporter: Told of progress.

    Raises:
        GateError: The bundle is not as it was exported.
        UsageError: The folder to write to holds something else, or a name is none.
        MissingDependencyError: Docker, a login or a package is missing.
        MlopsError: Docker or the registry refuses.
    """
    _check(wanted)
    bundle = _verified(folder)
    naming.called(root, bundle, wanted.tag)  # A mistyped name is told before Docker is missed.
    building = wanted.build and docker.there()
    if building or wanted.registry is not None:
        docker.require()
    done = _write(root, bundle, wanted, reporter, building=building)
    if building:
        done = replace(done, built=_build(done, bundle, wanted.image, reporter))
        _record(done)
    if wanted.registry is not None:
        done = replace(done, pushed=_push(done, wanted.registry, reporter))
        _record(done)
    return done


def _check(wanted: Wanted) -> None:
    if wanted.registry is not None and not wanted.build:
        raise UsageError(
            "--push pushes what is built, and --no-build builds nothing", hint="leave one out"
        )
    if wanted.registry is not None and ("://" in wanted.registry or not wanted.registry.strip("/")):
        raise UsageError(
            f"{wanted.registry!r} is no registry", hint="such as --push registry.example.com/team"
        )


def _verified(folder: Path) -> Bundle:
    try:
        return bundles.load(folder)
    except DataError as error:
        # Whatever is wrong with it, it is not what was evaluated.
        raise GateError(f"not packaged: {error.message}", hint=error.hint) from error


def _write(
    root: Path, bundle: Bundle, wanted: Wanted, reporter: Reporter, *, building: bool
) -> Packaged:
    """Writes everything but the image."""
    with extra("package", "mlops package"):
        from mlops_cli.packaging import sbom
    image, epoch = wanted.image, naming.epoch(bundle)
    name = naming.called(root, bundle, wanted.tag)
    output = wanted.output or root / FOLDER / name.replace("/", "-").replace(":", "-")
    context.must_be_ours(output, _known(output))
    base = _base(image, reporter, building=building)
    files = _files(bundle, image)
    recipe = Recipe(name, base, image.port, image.user, naming.labels(root, bundle, name, base))
    with atomic_folder(output) as made:
        place = made / "context"
        context.settings(wanted.serve, image, place)
        context.own_modules(bundle.task, root, place)
        context.bundle(bundle, files, place)
        found = _packages(image, _by_task(bundle), place, reporter)
        (place / "Dockerfile").write_text(dockerfile.render(recipe), "utf-8")
        # What was copied is what was verified, or nothing is packaged.
        _verified(place / "model" / dockerfile.MODEL[1:])
        sealed = context.seal(place)
        parts = sbom.Parts(name, base, found, bundle, files, sealed, epoch)
        (made / SBOM).write_text(sbom.text(parts), "utf-8")
        done = Packaged(
            name=name,
            model=naming.model(root, bundle),
            run=bundle.run,
            bundle=bundle.digest,
            base=base,
            port=image.port,
            folder=output,
            dockerfile=output / "context" / "Dockerfile",
            context=sealed,
            sbom=output / SBOM,
            compose=_compose(made, output, name, image) if wanted.compose else None,
            command=f"docker build --network=none --tag {name} {output / 'context'}",
        )
        write_json(made / RECORD, {"format": _FORMAT, **plain(done)})
    return done


def _base(image: ImageConfig, reporter: Reporter, *, building: bool) -> str:
    """The base as the Dockerfile names it: by its digest, where that can be told."""
    if building:
        return docker.pinned(image.base, image.platform, reporter)
    if "@" not in image.base:
        reporter.warn(f"the base is not pinned; image.base={image.base}@sha256:… would pin it")
    return image.base


def _packages(image: ImageConfig, more: list[str], place: Path, reporter: Reporter) -> list[Path]:
    """Puts the wheels, their lock and what installs them into the context."""
    platform = image.platform or _PLATFORMS.get(machines.machine().lower(), PLATFORMS[0])
    pins = requirements.pins([*image.packages, *more], image.python, platform)
    reporter.info(f"collecting {len(pins)} packages")
    for part in ("wheels", "mlops"):
        (place / part).mkdir(parents=True)
    found = wheels.collect(pins, image.python, platform, place / "wheels")
    (place / "requirements.txt").write_text(wheels.locked(found), "utf-8")
    shutil.copyfile(Path(shrink.__file__), place / "shrink.py")
    return [*found, wheels.own(place / "mlops")]


def _compose(made: Path, output: Path, name: str, image: ImageConfig) -> Path:
    from mlops_cli.packaging import compose

    compose.write(made, name, image.port)
    return output / compose.FILE


def _files(bundle: Bundle, image: ImageConfig) -> list[str]:
    """Of the files of a bundle, those that the image gets, by name."""
    # A signature is of all files.
    whole = image.graphs == "all" or (bundle.path / bundles.SIGNATURE).is_file()
    left_out = frozenset() if whole else bundles.others(bundle.facts)
    return sorted(name for name in bundle.facts["files"] if name not in left_out)


def _by_task(bundle: Bundle) -> list[str]:
    """Packages beside the base install that a task reads its inputs with."""
    return ["pillow"] if "image" in str(bundle.task.get("name")).split("_") else []


def _build(done: Packaged, bundle: Bundle, image: ImageConfig, reporter: Reporter) -> Built:
    began, epoch = time.monotonic(), naming.epoch(bundle)
    place, log = done.folder / "context", done.folder / "build.log"
    docker.build(docker.Order(place, done.name, epoch, image.platform, log), reporter)
    settled = settling.settle(done.name, epoch)
    if not settled:
        reporter.warn(
            "this engine keeps the time of the build in the image: its id is not reproducible"
        )
    known = docker.inspect(done.name) or {}
    diffs = list(known.get("RootFS", {}).get("Layers", ()))[: len(HOLDS)]
    model = sum(
        file.stat().st_size
        for file in (done.folder / "context" / "model").rglob("*")
        if file.is_file()
    )
    return Built(
        id=str(known.get("Id", "")),
        megabytes=round(int(known.get("Size", 0)) / 1e6, 1),
        model_megabytes=round(model / 1e6, 1),
        layers=[Layer(holds, digest) for holds, digest in zip(HOLDS, diffs, strict=False) if holds],
        reproducible=settled,
        seconds=round(time.monotonic() - began, 1),
    )


def _push(done: Packaged, registry: str, reporter: Reporter) -> Pushed:
    target = f"{registry.strip('/')}/{done.name}"
    reporter.info(f"pushing {target}")
    digest, sent, known = pushing.push(done.name, target, registry)
    return Pushed(f"{target.rpartition(':')[0]}@{digest}", digest, sent, known)


def _record(done: Packaged) -> None:
    write_json(done.folder / RECORD, {"format": _FORMAT, **plain(done)})


def _known(folder: Path) -> str | None:
    """Digest of the context that was written to a folder; None where none was."""
    try:
        found: Mapping[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
        return str(found["context"]) if found["format"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
