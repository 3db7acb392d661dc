"""What `mlops package` made."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layer:
    """A layer of the image that is ours.

    Attributes:
        holds: What is in it.
        digest: Of its content, uncompressed.
    """

    holds: str
    digest: str


@dataclass(frozen=True)
class Built:
    """An image in the engine.

    Attributes:
        id: Digest of its configuration, which stands for all of it.
        megabytes: Its size.
        model_megabytes: Of it, the model.
        layers: Its layers, the lowest first; the last is the model.
        reproducible: Whether it holds no time of the build: the same inputs give the same id.
        seconds: How long it took.
    """

    id: str
    megabytes: float
    model_megabytes: float
    layers: list[Layer]
    reproducible: bool
    seconds: float


@dataclass(frozen=True)
class Pushed:
    """An image in a registry.

    Attributes:
        reference: By which it is pulled: with the digest of its manifest.
        digest: That digest.
        sent: Layers that were sent.
        there: Layers that were there already.
    """

    reference: str
    digest: str
    sent: int
    there: int


@dataclass(frozen=True)
class Packaged:
    """A bundle as a build context, and as an image.

    Attributes:
        name: Name and tag of the image.
        model: What it answers with: a version, a run, or a folder.
        run: The run it was made from.
        bundle: Digest of the bundle.
        base: The image it is built on, as the Dockerfile names it.
        port: Port of the server in it.
        runtime: What it runs: our server, or a function of AWS Lambda.
        folder: Holds all that was written.
        dockerfile: Of the build context.
        context: SHA-256 over path, mode and content of every file of the build context.
        sbom: The list of its parts, CycloneDX.
        compose: The compose file; None unless it was asked for.
        command: Builds the image.
        built: The image; None where Docker is not there, or was not to be asked.
        pushed: Where it was pushed to; None where it wasn't.
    """

    name: str
    model: str
    run: str
    bundle: str
    base: str
    port: int
    runtime: str
    folder: Path
    dockerfile: Path
    context: str
    sbom: Path
    compose: Path | None
    command: str
    built: Built | None = None
    pushed: Pushed | None = None


@dataclass(frozen=True)
class PackagedTraining:
    """A project as a build context that trains it, and as an image.

    Attributes:
        name: Name and tag of the image.
        run: The run whose environment and code it has; empty where it has those of now.
        commit: The code in it.
        dirty: SHA-256 of the uncommitted changes on top of that; None where there are none.
        python: Version of its Python.
        packages: How many packages it has.
        files: How many files of code it has.
        left_out: Files of data, and links out of the project, that git has and the image has not.
        base: The image it is built on, as the Dockerfile names it.
        folder: Holds all that was written.
        dockerfile: Of the build context.
        context: SHA-256 over path, mode and content of every file of the build context.
        sbom: The list of its parts, CycloneDX.
        command: Builds the image.
        built: The image; None where Docker is not there, or was not to be asked.
        pushed: Where it was pushed to; None where it wasn't.
    """

    name: str
    run: str
    commit: str
    dirty: str | None
    python: str
    packages: int
    files: int
    left_out: list[str]
    base: str
    folder: Path
    dockerfile: Path
    context: str
    sbom: Path
    command: str
    built: Built | None = None
    pushed: Pushed | None = None
