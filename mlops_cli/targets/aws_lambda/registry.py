"""The image in a registry of AWS: pushed by Docker, with a login that lasts for hours."""

import base64
import re

from mlops_cli.errors import MissingDependencyError, NotFoundError
from mlops_cli.packaging import docker, making, pushing
from mlops_cli.reporting import Reporter
from mlops_cli.targets import Image, Place
from mlops_cli.targets.aws_lambda import infrastructure, terraform_files
from mlops_cli.targets.aws_lambda.session import asked, client, config_of, found

HOST = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
"""A registry of ECR: account and region."""


def push(place: Place, image: Image, reporter: Reporter) -> Image:
    """The image of this engine as Lambda pulls it: in the registry, by its digest.

    Raises:
        MissingDependencyError: There is no login, or no right to push.
        MlopsError: The registry refuses.
    """
    registry = config_of(place).registry
    if registry is not None:
        if HOST.fullmatch(registry.partition("/")[0]):
            _log_in(place, registry.partition("/")[0])
        pushed = making.push(image.digest, image.reference, registry, reporter)
        return Image(pushed.reference, pushed.digest)
    repository = find(place)
    if repository is None:
        infrastructure.bring_up_repository(place, reporter)
        repository = find(place)
    if repository is None:
        raise NotFoundError(f"ECR has no repository {place.name}", hint="mlops deploy check")
    # A tag there is for ever, so it names the very image.
    tag = f"{image.reference.rpartition(':')[2][:100]}-{image.digest.removeprefix('sha256:')[:12]}"
    digest = _known(place, tag)
    if digest is None:
        _log_in(place, repository.partition("/")[0])
        reporter.info(f"pushing {repository}:{tag}")
        digest, _, _ = pushing.push(image.digest, f"{repository}:{tag}", repository)
    return Image(f"{repository}@{digest}", digest)


def find(place: Place) -> str | None:
    """The deployment's own repository of images, as images are called there; None without it."""
    asking = client(place, "ecr")
    with asked(place):
        told = found(asking.describe_repositories, repositoryNames=[terraform_files.named(place)])
    return str(told["repositories"][0]["repositoryUri"]) if told else None


def _known(place: Place, tag: str) -> str | None:
    """Digest of an image that is there already."""
    asking = client(place, "ecr")
    with asked(place):
        told = found(
            asking.describe_images,
            repositoryName=terraform_files.named(place),
            imageIds=[{"imageTag": tag}],
        )
    return str(told["imageDetails"][0]["imageDigest"]) if told else None


def _log_in(place: Place, host: str) -> None:
    """Lets Docker push: its password comes from AWS, and is in no argument."""
    asking = client(place, "ecr")
    with asked(place):
        told = asking.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(told).decode().partition(":")
    done = docker.run(
        "login", "--username", user, "--password-stdin", host, content=password.encode()
    )
    if done.returncode:
        raise MissingDependencyError(
            f"Docker can't log in to {host}: {docker.last_line(done.stderr)}",
            hint="docker logout, then the same command again",
        )
