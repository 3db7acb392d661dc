"""A training image: the code of a run, or of now, with the packages that it had.

packages/NAME-train-TAG/ is laid out as that of a bundle's image; its context has `project/` in
place of settings and model.
"""

import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_cli.errors import ConfigError, DataError
from mlops_cli.extras import extra
from mlops_cli.files import atomic_folder, sha256
from mlops_cli.packaging import code as codes
from mlops_cli.packaging import context, dockerfile, locking, making, naming, replacing, wheels
from mlops_cli.packaging.code import Code
from mlops_cli.packaging.dockerfile import TRAINING_HOLDS, TrainingRecipe
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.image import ImageConfig
from mlops_cli.schemas.packages import PackagedTraining
from mlops_cli.tracking import packages
from mlops_cli.tracking.record import Run


@dataclass(frozen=True)
class WantedTraining:
    """What was asked for.

    Attributes:
        image: What the image is like.
        run: Whose code and packages it gets; None takes those of now.
        output: Where to write; None takes a folder below `packages/`.
        tag: Name of the image; None takes that of the project.
        registry: Where to push the image; None leaves it here.
        build: Whether to build the image, where Docker is there.
    """

    image: ImageConfig
    run: Run | None = None
    output: Path | None = None
    tag: str | None = None
    registry: str | None = None
    build: bool = True


def run(root: Path, wanted: WantedTraining, reporter: Reporter) -> PackagedTraining:
    """Writes the build context of a training image, builds and pushes it, as far as is wanted.

    Args:
        root: The project.
        wanted: What was asked for.
        reporter: Told of progress.

    Raises:
        NotFoundError: There is no commit to take, or no wheel of a package.
        DataError: What the run recorded is not enough, or not whole.
        ConfigError: The base has another Python, or the code holds a secret.
        UsageError: The folder to write to holds something else, or a name is none.
        MissingDependencyError: Docker, a login or a package is missing.
        MlopsError: Docker or the registry refuses.
    """
    making.check(wanted.registry, build=wanted.build)
    label = wanted.run.id if wanted.run else "now"
    naming.called_training(root, label, wanted.tag)  # Told before Docker is missed.
    versions, python = _recorded(wanted.run)
    _same_python(wanted.image, python)
    building = making.ready(wanted.registry, build=wanted.build)
    with codes.of(root, wanted.run, reporter) as code:
        done = _write(root, code, versions, wanted, reporter, building=building)
        epoch = naming.given_epoch(code.epoch)
    if building:
        order = making.Making(done.folder, done.name, epoch, wanted.image.platform, TRAINING_HOLDS)
        done = replace(done, built=making.build(order, reporter))
        making.keep(done, done.folder)
    if wanted.registry is not None:
        assert done.built is not None
        pushed = making.push(done.built.id, done.name, wanted.registry, reporter)
        done = replace(done, pushed=pushed)
        making.keep(done, done.folder)
    return done


def _recorded(run: Run | None) -> tuple[Mapping[str, str], str]:
    """Version of each package, and of Python: those of a run, or of now."""
    if run is None:
        return packages.installed(), platform.python_version()
    told = packages.read(run.path)
    if told is None:
        raise DataError(
            f"run {run.id} is older than the record of packages",
            hint="train again; or, without a run: what is installed now",
        )
    return told, str(run.read().get("environment", {}).get("python", ""))


def _same_python(image: ImageConfig, python: str) -> None:
    """Refuses a base whose Python is not the one that trained."""
    had = ".".join(python.split(".")[:2])
    if had != image.python:
        raise ConfigError(
            f"image.python is {image.python}, and what trains is Python {python}",
            hint=f"image.python='\"{had}\"' image.base=python:{had}-slim",
        )


def _write(
    root: Path,
    code: Code,
    versions: Mapping[str, str],
    wanted: WantedTraining,
    reporter: Reporter,
    *,
    building: bool,
) -> PackagedTraining:
    """Writes everything but the image."""
    with extra("package", "mlops package"):
        from mlops_cli.packaging import sbom
    image, label = wanted.image, wanted.run.id if wanted.run else code.commit[:12]
    name = naming.called_training(root, label, wanted.tag)
    output = making.place(root, name, wanted.output)
    before = making.known(output)
    replacing.must_be_ours(output, before)
    asked = locking.roots(code.text("requirements.txt"), image.packages)
    for other in locking.unlike(versions, asked):
        reporter.warn(f"requirements.txt asks for {other}")
    base = making.base(image, reporter, building=building)
    with atomic_folder(output) as made:
        place = made / making.CONTEXT
        _lay_out(code, place / "project")
        for part in ("wheels", "mlops"):
            (place / part).mkdir()
        machine = (image.python, making.machines_of(image))
        found = locking.collect(asked, versions, machine, place / "wheels", reporter)
        (place / "requirements.txt").write_text(wheels.locked(found), "utf-8")
        context.scripts(place)
        found = [*found, wheels.own(place / "mlops")]
        labels = _labels(root, code, wanted.run, (name, base), place / "requirements.txt")
        recipe = TrainingRecipe(name, base, image.user, code.commit, code.dirty or "", labels)
        (place / "Dockerfile").write_text(dockerfile.render_training(recipe), "utf-8")
        sealed = context.seal(place, {f"project/{one}" for one in code.programs})
        files = {f"{dockerfile.PROJECT}/{one}": place / "project" / one for one in code.files}
        content = sbom.code(root.resolve().name, code.commit, files)
        epoch = naming.given_epoch(code.epoch)
        parts = sbom.Parts(name, base, found, sealed, epoch, content)
        (made / making.SBOM).write_text(sbom.text(parts), "utf-8")
        done = PackagedTraining(
            name=name,
            run=wanted.run.id if wanted.run else "",
            commit=code.commit,
            dirty=code.dirty,
            python=image.python,
            packages=len(found),
            files=len(code.files) + len(code.links),
            left_out=code.left_out,
            base=base,
            folder=output,
            dockerfile=output / making.CONTEXT / "Dockerfile",
            context=sealed,
            sbom=output / making.SBOM,
            command=f"docker build --network=none --tag {name} {output / making.CONTEXT}",
        )
        making.keep(done, made, replacing.written(made))
        replacing.take_along(output, before, made)
    return done


def _lay_out(code: Code, into: Path) -> None:
    for name in code.files:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(code.folder / name, into / name)
    for name in code.links:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).symlink_to((code.folder / name).readlink())


def _labels(
    root: Path, code: Code, run: Run | None, image: tuple[str, str], lock: Path
) -> Mapping[str, str]:
    """Labels of the image: OCI's annotations, then ours."""
    (name, _, tag), (below, _, digest) = image[0].partition(":"), image[1].partition("@")
    facts = run.read() if run else {}
    told = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": tag,
        "org.opencontainers.image.description": f"trains {root.resolve().name} with mlops",
        "org.opencontainers.image.created": naming.iso(naming.given_epoch(code.epoch)),
        "org.opencontainers.image.revision": code.commit,
        "org.opencontainers.image.source": naming.source(root),
        "org.opencontainers.image.base.name": below,
        "org.opencontainers.image.base.digest": digest,
        "mlops.kind": "training",
        "mlops.run": run.id if run else None,
        "mlops.config.sha256": facts.get("config_sha256"),
        "mlops.git.dirty": code.dirty,
        "mlops.packages.sha256": sha256(lock),
    }
    return {key: str(value) for key, value in told.items() if value}
