"""An image to a registry, and what the registry says when it refuses."""

import re

from mlops_cli.errors import MissingDependencyError, MlopsError, UnreachableError
from mlops_cli.packaging import docker


def push(local: str, target: str, registry: str) -> tuple[str, int, int]:
    """Pushes an image.

    Args:
        local: Its id here.
        target: Its name there.
        registry: The registry, as it was typed.

    Returns:
        Digest of its manifest; how many layers were sent, and how many were there.

    Raises:
        UsageError: It is no name of a registry.
        UnreachableError: The registry does not answer.
        MissingDependencyError: It wants a login.
        MlopsError: It refuses otherwise.
    """
    done = docker.run("tag", local, target)
    if not done.returncode:
        done = docker.run("push", target)
    said = done.stdout + done.stderr
    if done.returncode:
        raise _refused(said, registry)
    digest = re.search(r"digest: (sha256:[0-9a-f]{64})", said)
    if digest is None:
        raise MlopsError(f"{registry} took the image and told no digest")
    sent = len(re.findall(r"^[0-9a-f]{12}: (?:Pushed|Mounted from .*)\s*$", said, re.MULTILINE))
    known = len(re.findall(r"^[0-9a-f]{12}: Layer already exists\s*$", said, re.MULTILINE))
    return digest[1], sent, known


def _refused(said: str, registry: str) -> MlopsError:
    """A registry's refusal as an error of ours."""
    low, line = said.lower(), docker.last_line(said)
    host = registry.partition("/")[0]
    if any(word in low for word in docker.LOGIN):
        return MissingDependencyError(
            f"{registry} wants a login: {line}", hint=f"docker login {host}"
        )
    if any(word in low for word in docker.UNREACHABLE):
        return UnreachableError(
            f"the registry {registry} does not answer: {line}",
            hint="the image is here; push it again by the same command",
        )
    return MlopsError(f"{registry} refuses the image: {line}", hint="--push REGISTRY[/NAMESPACE]")
