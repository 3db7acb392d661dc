"""The image of a deployment: made and pushed by `mlops package`, or one that is there already."""

from collections.abc import Iterator
from dataclasses import replace

from mlops_cli import packaging
from mlops_cli.deployment import made_before
from mlops_cli.deployment.setting import Setting
from mlops_cli.deployment.subjects import Subject
from mlops_cli.errors import GateError, MissingDependencyError, UsageError
from mlops_cli.packaging import docker, naming
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Deployment, Need
from mlops_cli.schemas.image import ImageConfig
from mlops_cli.targets import Image, Order, Place, pushing

_SHORT = 19
"""Characters of an image's id that tell it from others."""


def order(
    ours: Setting,
    subject: Subject,
    place: Place,
    image: Image | None,
    settings: ImageConfig | None = None,
    *,
    trial: bool | None = None,
) -> Order:
    """What a target is given."""
    share = ours.wanted.share if trial is not False else None
    current = ours.now(subject.name).current
    return Order(
        place=place,
        bundle=subject.bundle,
        model=subject.called,
        settings=settings or ours.image,
        image=image,
        share=share,
        card=_card(ours, subject),
        current=current,
    )


def needs(ours: Setting) -> Iterator[Need]:
    """Where the image comes from, for a target that pulls it."""
    if not ours.target.PULLS:
        return
    given = getattr(ours.config, "image", None)
    if given:
        yield Need("image", there=True, said=f"{given} is there already, as you say")
        return
    if pushing(ours.target) is not None:
        yield _engine()
        return
    try:
        yield Need("registry", there=True, said=f"the image is pushed to {_registry(ours)}")
    except UsageError as error:
        yield Need("registry", there=False, said="none is named", hint=error.hint)


def planned(ours: Setting, subject: Subject, reporter: Reporter) -> Image:
    """The image as it will be called; the digest is known once it is made.

    Raises:
        UsageError: It can't be called so.
    """
    given = getattr(ours.config, "image", None)
    if given:
        return _given(given)
    name = naming.called(ours.root, subject.bundle, None, ours.image.runtime)
    if not ours.target.PULLS:
        return Image(name, "")
    if pushing(ours.target) is not None:
        reporter.warn("the image is not pushed yet: its digest is filled in then")
        return Image(name, "")
    registry = _registry(ours)
    reporter.warn("the image is not pushed yet: its digest takes the place of its tag then")
    return Image(f"{registry}/{name}", "")


def made(
    ours: Setting, subject: Subject, recorded: Deployment | None, reporter: Reporter
) -> tuple[Image, ImageConfig]:
    """The image, and the settings that it was made with.

    Args:
        ours: The project and the target.
        subject: What it serves.
        recorded: Where it was deployed before; its image is taken again where it is there.
        reporter: Told of progress.

    Raises:
        MissingDependencyError: Docker, or a login, is missing.
        MlopsError: It can't be made or pushed.
    """
    given = getattr(ours.config, "image", None)
    if given and recorded is None:
        return _given(given), ours.image
    if recorded is not None and recorded.image_digest:
        found = _again(ours, recorded)
        if found is not None:
            return found
    memory = made_before.Memory(ours.root, subject.bundle, ours.image, ours.serve)
    itself = pushing(ours.target)
    registry = _registry(ours) if ours.target.PULLS and itself is None else None
    known = memory.recall() if registry is None else None
    if known is not None:
        return _pushed(ours, subject, known, reporter), ours.image
    wanted = packaging.Wanted(ours.image, ours.serve, registry=registry)
    done = packaging.run(ours.root, subject.folder, wanted, reporter)
    if done.built is None:
        raise MissingDependencyError(
            "Docker is not installed here", hint="https://docs.docker.com/engine/install"
        )
    if done.pushed is not None:
        return Image(done.pushed.reference, done.pushed.digest), ours.image
    image = Image(done.name, done.built.id)
    memory.keep(image, done.folder / "context")
    return _pushed(ours, subject, image, reporter), ours.image


def _pushed(ours: Setting, subject: Subject, image: Image, reporter: Reporter) -> Image:
    """An image of this engine where the target takes it from."""
    itself = pushing(ours.target)
    return itself.push(ours.place(subject.name), image, reporter) if itself else image


def _engine() -> Need:
    """Docker, which makes and pushes what is not there yet."""
    try:
        version = docker.require()
    except MissingDependencyError as error:
        return Need("Docker", there=False, said=error.message, hint=error.hint)
    return Need("Docker", there=True, said=f"its engine {version} answers")


def _again(ours: Setting, recorded: Deployment) -> tuple[Image, ImageConfig] | None:
    """The image of an earlier deployment; None where it is not there any more."""
    image = Image(recorded.image, recorded.image_digest)
    if ours.target.PULLS:
        return image, ours.image
    # By its id: what has its name by now may be an image of another project.
    known = docker.inspect(recorded.image_digest)
    if known is None:
        return None
    if (known["Config"].get("Labels") or {}).get(naming.BUNDLE) != recorded.bundle:
        raise GateError(
            f"the image {recorded.image} does not say that it serves {recorded.called}",
            hint=f"docker image rm {recorded.image_digest[:_SHORT]}, then the same command again",
        )
    ports = [int(port.partition("/")[0]) for port in known["Config"].get("ExposedPorts") or {}]
    return image, replace(ours.image, port=ports[0]) if ports else ours.image


def _given(reference: str) -> Image:
    return Image(reference, reference.partition("@")[2])


def _registry(ours: Setting) -> str:
    registry = getattr(ours.config, "registry", None)
    if not registry:
        raise UsageError(
            f"{ours.name} pulls its image from a registry, and none is named",
            hint="target.registry=registry.example.com/team, or target.image=NAME@sha256:…",
        )
    return str(registry).strip("/")


def _card(ours: Setting, subject: Subject) -> str:
    if not ours.target.CARD:
        return ""
    from mlops_cli.registry import card

    if subject.version is not None:
        return card.of_version(ours.root, subject.version.name).card
    return card.of_run(ours.root, subject.bundle.run).card
