"""Config group `image`: the container image that `mlops package` makes."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option

PLATFORMS = ("linux/amd64", "linux/arm64")
SERVER, LAMBDA = "server", "lambda"
"""What an image runs: our server, or a function of AWS Lambda."""
NEEDED, WHOLE = "needed", "whole"
"""What of its base an image keeps."""


@dataclass
class ImageConfig:
    """What the image is built on, and what it holds beside the model."""

    base: str = option(
        "Image with a CPython on glibc to build on; its digest is looked up and pinned.",
        "python:3.11-slim",
    )
    python: str = option("Version of the base's CPython, for which packages are chosen.", "3.11")
    system: str = option(
        "What of the base to keep: what Python and packages need, or all, with shell and sources.",
        NEEDED,
        choices=(NEEDED, WHOLE),
    )
    runtime: str = option(
        "What the image runs: our server, or a function of AWS Lambda (extra aws).",
        SERVER,
        choices=(SERVER, LAMBDA),
    )
    platform: str | None = option(
        "Machines that it runs on; null: such as this one.", None, choices=PLATFORMS
    )
    packages: list[str] = option(
        "Packages of this environment to install beside what serving needs.", []
    )
    files: dict[str, str] = option(
        "More files: where each goes, below the server's folder, and where it lies.", {}
    )
    graphs: str = option(
        "Graphs of the bundle to put in: the one that it prefers, or all.",
        "preferred",
        choices=("preferred", "all"),
    )
    port: int = option("Port that the server listens at.", 8000, minimum=1024, maximum=65535)
    user: int = option("User and group id that it runs as.", 10001, minimum=1, maximum=2**31 - 1)
