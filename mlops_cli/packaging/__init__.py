"""Packaging: a bundle to a build context, an image, and a registry; `training` does so with code.

packages/NAME-TAG/
  context/        all that the image is built from; byte by byte the same for the same inputs
  sbom.cdx.json   the list of its parts
  compose.yaml    where it was asked for, with what it starts beside the server
  image.json      what was written, built and pushed
  build.log       what Docker said

What others put beside these stays there.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from mlops_cli.errors import DataError, GateError, UsageError
from mlops_cli.extras import extra
from mlops_cli.files import atomic_folder
from mlops_cli.packaging import (
    context,
    dockerfile,
    making,
    naming,
    replacing,
    requirements,
    trial,
    wheels,
)
from mlops_cli.packaging.dockerfile import HOLDS, Recipe
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.image import SERVER, WHOLE, ImageConfig
from mlops_cli.schemas.packages import Packaged
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import own_code
from mlops_cli.serving.bundle import Bundle
from mlops_cli.wording import counted


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
        GateError: The bundle, or a module of the user's own in its task, is not as exported.
        UsageError: The folder to write to holds something else, or a name is none.
        ConfigError: A task of the user's own needs more than the image would have.
        MissingDependencyError: Docker, a login or a package is missing.
        MlopsError: Docker or the registry refuses.
    """
    making.check(wanted.registry, build=wanted.build)
    bundle = _verified(folder)
    own_code.require_same(bundle, root)
    if wanted.compose and wanted.image.runtime != SERVER:
        raise UsageError("--compose starts our server", hint="leave out image.runtime")
    # A name that can't be is told before Docker is missed.
    name = naming.called(root, bundle, wanted.tag, wanted.image.runtime)
    building = making.ready(wanted.registry, build=wanted.build)
    done = _write(root, bundle, wanted, reporter, building=building)
    if building:
        order = making.Making(done.folder, name, naming.epoch(bundle), wanted.image.platform, HOLDS)
        done = replace(done, built=making.build(order, reporter))
        making.keep(done, done.folder)
    if wanted.registry is not None:
        assert done.built is not None
        pushed = making.push(done.built.id, name, wanted.registry, reporter)
        done = replace(done, pushed=pushed)
        making.keep(done, done.folder)
    return done


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
    name = naming.called(root, bundle, wanted.tag, image.runtime)
    output = making.place(root, name, wanted.output)
    before = making.known(output)
    replacing.must_be_ours(output, before)
    base = making.base(image, reporter, building=building)
    files = _files(bundle, image)
    labels = naming.labels(root, bundle, name, base)
    # Of packages that we don't know, some read their own sources.
    sources = image.system == WHOLE or bool(image.packages)
    recipe = Recipe(
        name, base, image.port, image.user, labels, image.runtime, image.system, sources
    )
    with atomic_folder(output) as made:
        place = made / making.CONTEXT
        context.settings(wanted.serve, image, place)
        own = context.own_modules(bundle, root, place)
        context.bundle(bundle, files, place)
        if own:
            trial.check(place, str(bundle.task.get("name")))
        found = _packages(image, bundle, place, reporter)
        (place / "Dockerfile").write_text(dockerfile.render(recipe), "utf-8")
        # What was copied is what was verified, or nothing is packaged.
        _verified(place / "model" / dockerfile.MODEL[1:])
        sealed = context.seal(place)
        parts = sbom.Parts(name, base, found, sealed, epoch, sbom.model(bundle, files))
        (made / making.SBOM).write_text(sbom.text(parts), "utf-8")
        done = Packaged(
            name=name,
            model=naming.model(root, bundle),
            run=bundle.run,
            bundle=bundle.digest,
            base=base,
            port=image.port,
            runtime=image.runtime,
            folder=output,
            dockerfile=output / making.CONTEXT / "Dockerfile",
            context=sealed,
            sbom=output / making.SBOM,
            compose=_compose(made, output, name, image) if wanted.compose else None,
            command=f"docker build --network=none --tag {name} {output / making.CONTEXT}",
        )
        making.keep(done, made, replacing.written(made))
        replacing.take_along(output, before, made)
    return done


def _packages(image: ImageConfig, bundle: Bundle, place: Path, reporter: Reporter) -> list[Path]:
    """Puts the wheels, their lock and what installs them into the context."""
    platform = making.machines_of(image)
    pins = requirements.of_image(image, bundle, platform)
    reporter.info(f"collecting {counted(len(pins), 'package')}")
    for part in ("wheels", "mlops"):
        (place / part).mkdir(parents=True)
    found = wheels.collect(pins, image.python, platform, place / "wheels")
    (place / "requirements.txt").write_text(wheels.locked(found), "utf-8")
    context.scripts(place)
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
