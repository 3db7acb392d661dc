"""Deploy targets: where a model is deployed to. One module per target.

A target's module offers the functions of `Target`, and tells what it is like:

    RUNS      it runs an image, which is made before `deploy` is called
    PULLS     that image comes from a registry, not from the engine of this machine
    CANARY    a version can be on trial there with a share of the requests
    CARD      it shows a model card

and, where it is otherwise than with most:

    RUNTIME   what its image runs, as `image.runtime` says it
    push      see `Pushing`: it brings the image into a registry itself

What `deploy` does leaves the old state or the new one: a target that can't have the new one puts
the old one back before it raises. It may be called again at any time, and does what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from mlops_cli import lookup
from mlops_cli.files import atomic_path
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Deployment, Live, Need
from mlops_cli.schemas.image import SERVER, ImageConfig
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.schemas.target import TargetConfig
from mlops_cli.serving.bundle import Bundle

FOLDER = "deploy"
"""Where the project has the files that describe its deployments, by target and name."""


@dataclass(frozen=True)
class Place:
    """Where something is deployed.

    Attributes:
        root: The project.
        target: Name of the target.
        name: Name of the deployment.
        config: Settings of the target.
        serve: Settings of the server.
    """

    root: Path
    target: str
    name: str
    config: TargetConfig
    serve: ServeConfig

    @property
    def folder(self) -> Path:
        """For the files that describe the deployment, for people and for git."""
        return self.root / FOLDER / self.target / self.name

    @property
    def state(self) -> Path:
        """For what the deployment itself needs on this machine; git leaves it out."""
        return self.root / ".mlops" / FOLDER / self.target / self.name


@dataclass(frozen=True)
class Image:
    """The image that is deployed.

    Attributes:
        reference: By which it is run: its name here, or name and digest in a registry.
        digest: Digest that stands for all of it; empty where it is only planned.
    """

    reference: str
    digest: str


@dataclass(frozen=True)
class Order:
    """What is deployed.

    Attributes:
        place: Where.
        bundle: The bundle, verified.
        model: What people call it: a version, a run, or a folder.
        settings: The image that it is served by.
        image: That image; None where the target runs none.
        share: Of the requests, where it is on trial; None where it is to answer all.
        card: The model card, where the target shows one.
        current: What answers there by the record, which a trial leaves as it is.
    """

    place: Place
    bundle: Bundle
    model: str
    settings: ImageConfig
    image: Image | None = None
    share: float | None = None
    card: str = ""
    current: Deployment | None = None


@dataclass(frozen=True)
class Done:
    """What a deployment came to.

    Attributes:
        live: What is there now.
        changed: Whether anything had to be changed for it.
    """

    live: Live
    changed: bool


class Target(Protocol):
    """What a target's module offers."""

    RUNS: bool
    PULLS: bool
    CANARY: bool
    CARD: bool

    def where(self, place: Place) -> str:
        """The machine, cluster or repository, and the address there; nothing is asked for it."""

    def check(self, place: Place, share: float | None) -> Sequence[Need]:
        """What a deployment there takes, looked at without changing anything."""

    def files(self, order: Order) -> Mapping[str, str]:
        """The files that describe a deployment, by path below the folder of the place."""

    def deploy(self, order: Order, files: Mapping[str, str], reporter: Reporter) -> Done:
        """Deploys, and says what is there once it answers with what was deployed.

        Raises:
            MlopsError: It can't be; what was there before is there again.
        """

    def status(self, place: Place) -> Live:
        """What is there.

        Raises:
            MlopsError: It can't be asked.
        """

    def withdraw(self, place: Place, reporter: Reporter) -> Live:
        """Ends a trial, and says what is there then."""

    def destroy(self, place: Place, reporter: Reporter) -> Sequence[str]:
        """Takes a deployment down; what was removed, a sentence each."""


class Pushing(Protocol):
    """What a target's module offers beside, that knows its registry and the login there."""

    def push(self, place: Place, image: Image, reporter: Reporter) -> Image:
        """The image of this machine's engine as it is pulled from the registry, by its digest.

        Raises:
            MlopsError: It can't be pushed.
        """


def pushing(target: Target) -> Pushing | None:
    """The target, where it pushes its image itself."""
    return cast(Pushing, target) if hasattr(target, "push") else None


def runtime(target: Target) -> str:
    """What the image of a target runs."""
    return str(getattr(target, "RUNTIME", SERVER))


def lay_out(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Writes files into a folder, each whole or not at all; variables are for their owner alone.

    Returns:
        Where they are.
    """
    for name, text in files.items():
        with atomic_path(folder / name) as made:
            made.write_text(text, "utf-8")
            if name.endswith(".env"):
                made.chmod(0o600)
    return [folder / name for name in files]


def module(config: TargetConfig) -> Target:
    """The module of a target.

    Raises:
        ConfigError: There is no such module, or it lacks a function.
    """
    found = lookup.find(
        config.module or config.name,
        room=__name__,
        kind="target",
        known=lookup.choices("target"),
        offers=[
            "where(place)",
            "check(place, share)",
            "files(order)",
            "deploy(order, files, reporter)",
            "status(place)",
            "withdraw(place, reporter)",
            "destroy(place, reporter)",
        ],
    )
    return cast(Target, found)
