"""Which packages an image needs: those of this environment that the serving path asks for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mlops_cli.errors import ConfigError, MissingDependencyError
from mlops_cli.schemas.image import LAMBDA, ImageConfig
from mlops_cli.serving.bundle import Bundle

OWN = "mlops-cli"
UNUSED = frozenset(
    {
        # Reading data files, Hydra's part of the config, benchmarks: nothing of a server.
        "charset-normalizer",
        "hydra-core",
        "omegaconf",
        "packaging",
        "psutil",
        # tokenizers downloads with it.
        "huggingface-hub",
        # onnxruntime's tools read graphs with them; its runtime has its own.
        "flatbuffers",
        "protobuf",
        # Rich draws code and Markdown with them.
        "markdown-it-py",
        "pygments",
    }
)
"""What the base install has and a server never imports."""
_FUNCTION = ("awslambdaric", "mangum")
"""What a function of AWS Lambda has beside a server: its runtime client, and requests of events."""
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@dataclass(frozen=True, order=True)
class Pin:
    """A package in the version that is installed here."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def of_image(image: ImageConfig, bundle: Bundle, platform: str) -> list[Pin]:
    """The packages of an image: what serving takes, its task, its runtime, and the settings.

    Args:
        image: The settings.
        bundle: What it serves.
        platform: The machines that it is for.

    Raises:
        MissingDependencyError: One is not installed here.
        ConfigError: One can't be asked for.
    """
    wanted = list(image.packages)
    if "image" in str(bundle.task.get("name")).split("_"):
        wanted.append("pillow")
    if image.runtime == LAMBDA:
        wanted += _FUNCTION
    return pins(wanted, image.python, platform)


def machine(platform: str) -> str:
    """What packages call the machines of a platform."""
    return _MACHINES[platform]


def target(python: str, platform: str) -> dict[str, str]:
    """What the markers of requirements are asked about: the Python of an image."""
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine(platform),
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def pins(more: Iterable[str], python: str, platform: str) -> list[Pin]:
    """The packages that serve a bundle, in the versions of this environment, by name.

    Args:
        more: Further packages, as pip takes them; they bring what they need.
        python: Version of the Python that is to run them.
        platform: The machines.

    Raises:
        ConfigError: One of `more` is none, or this environment has another version of it.
        MissingDependencyError: It is not installed here.
    """
    environment = target(python, platform)
    found: dict[str, Pin] = {}
    asked = [_wanted(word) for word in more]
    _follow(
        [*_needs(OWN, (), environment), *asked], found, environment, {one.name for one in asked}
    )
    return sorted(found.values())


def _follow(
    asked: Iterable[Requirement],
    found: dict[str, Pin],
    environment: Mapping[str, str],
    named: Iterable[str],
) -> None:
    """Adds packages and what they need in turn."""
    kept = {canonicalize_name(name) for name in named}
    waiting = list(asked)
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (name in UNUSED and name not in kept):
            continue
        try:
            found[name] = Pin(name, metadata.version(name))
        except metadata.PackageNotFoundError as error:
            python = environment["python_version"]
            raise MissingDependencyError(
                f"the package {name} is not installed here, and Python {python} needs it",
                hint=f"pip install {wanted.name}{wanted.specifier}",
            ) from error
        waiting += _needs(name, tuple(wanted.extras), environment)


def _needs(
    name: str, extras: tuple[str, ...], environment: Mapping[str, str]
) -> Iterator[Requirement]:
    try:
        listed = metadata.requires(name) or []
    except metadata.PackageNotFoundError as error:
        raise MissingDependencyError(
            f"{name} is not installed here, so what it needs is not known",
            hint=f"pip install {name}",
        ) from error
    for text in listed:
        one = Requirement(text)
        kinds = ("", *extras)
        if one.marker is None or any(
            one.marker.evaluate({**environment, "extra": kind}) for kind in kinds
        ):
            yield one


def _wanted(word: str) -> Requirement:
    try:
        wanted = Requirement(word)
    except InvalidRequirement as error:
        raise ConfigError(
            f"image.packages: {word!r} names no package", hint="such as image.packages=[pillow]"
        ) from error
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return wanted
    if not wanted.specifier.contains(version, prereleases=True):
        raise ConfigError(
            f"image.packages: {word} is asked for, and this environment has {version}",
            hint=f"pip install '{word}', then try the model with it; the image gets what is here",
        )
    return wanted
