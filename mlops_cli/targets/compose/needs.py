"""What a deployment on this machine takes: looked at, and nothing is changed."""

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

from mlops_cli.admin_client import KEY
from mlops_cli.errors import MissingDependencyError, NotFoundError
from mlops_cli.packaging import docker
from mlops_cli.schemas.deploy import Need
from mlops_cli.targets import Place, keys
from mlops_cli.targets.compose import containers, file
from mlops_cli.targets.compose.containers import DEPLOYMENT, PROJECT
from mlops_cli.targets.compose.spec import address, config_of, container, kept, keys_of, loopback

_OWN = "an address and port that this user may take here: target.host=127.0.0.1 target.port=8000"
_Found = dict[str, Any] | None


def look(place: Place, share: float | None) -> Iterator[Need]:
    """Docker, its engine, name, port and keys; of a canary a running server and its admin's key."""
    config = config_of(place)
    try:
        version = docker.require()
    except MissingDependencyError as error:
        yield Need("Docker", there=False, said=error.message, hint=error.hint)
        return
    yield Need("Docker", there=True, said=f"its engine {version} answers")
    command = file.there(config.use)
    if config.use == "compose" and command is None:
        hint = "https://docs.docker.com/compose/install, or target.use=docker"
        yield Need("Docker Compose", there=False, said="it is not installed", hint=hint)
    else:
        said = f"{' '.join(command)} starts it" if command else "docker alone starts it"
        yield Need("Compose", there=True, said=said)
    found = containers.look(container(place))
    yield name(place, found)
    yield _port(place, found)
    yield _keys(place)
    if share is not None:
        yield from _canary(place, found)


def running(place: Place) -> str:
    """Where the server that runs answers, whatever the settings say by now.

    Raises:
        NotFoundError: None runs.
    """
    bound = containers.published(containers.look(container(place)) or {})
    if bound is None:
        raise NotFoundError(f"{container(place)} does not run", hint="mlops deploy status")
    return address(*bound)


def name(place: Place, found: _Found) -> Need:
    """Whether the name of the container is free, or the container is this deployment's."""
    called = container(place)
    if found is None:
        return Need("name", there=True, said=f"no container {called} is there yet")
    if containers.label(found, DEPLOYMENT) != place.name:
        hint = f"docker rm {called}, or another name: target.deployment=NAME"
        said = f"a container {called} is there that mlops has not made"
        return Need("name", there=False, said=said, hint=hint)
    other = containers.label(found, PROJECT)
    if other != str(place.root.resolve()):
        said = f"the container {called} is of the project {other}"
        hint = "another name: target.deployment=NAME"
        return Need("name", there=False, said=said, hint=hint)
    return Need("name", there=True, said=f"the container {called} is this deployment's")


def _port(place: Place, found: _Found) -> Need:
    config = config_of(place)
    at = f"{config.host}:{config.port}"
    named = containers.every(place.name, str(place.root.resolve()))
    ours = [found, *(containers.look(one) for one in named)]
    if any((containers.published(one or {}) or ("", 0))[1] == config.port for one in ours):
        return Need("port", there=True, said=f"{at} is this deployment's")
    kind = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((config.host, config.port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            said = "something else answers there" if taken else str(error.strerror or error)
            hint = f"another one: target.port={config.port + 1}" if taken else _OWN
            return Need("port", there=False, said=f"{at}: {said}", hint=hint)
    return Need("port", there=True, said=f"{at} is free")


def _keys(place: Place) -> Need:
    config, given = config_of(place), keys_of(place)
    if given:
        return Need("API keys", there=True, said=f"{len(given)} may ask")
    if loopback(config.host):
        said = f"none, and nobody but this machine can ask at {config.host}"
        return Need("API keys", there=True, said=said)
    said = f"none are given, and others than this machine can ask at {config.host}"
    hint = "MLOPS_API_KEYS or serve.api_keys; mlops serve --new-key NAME makes one"
    return Need("API keys", there=False, said=said, hint=hint)


def _canary(place: Place, found: _Found) -> Iterator[Need]:
    if found is None or not found["State"]["Running"]:
        said = "nothing answers yet that a version could be on trial beside"
        yield Need("server", there=False, said=said, hint="deploy it without --canary first")
    if not os.environ.get(KEY):
        hint = f"mlops serve --new-key ops --admin makes one; deploy with it in {KEY}"
        said = f"{KEY} holds none, and a canary is put there by the server's admin"
        yield Need("admin's key", there=False, said=said, hint=hint)
    elif not keys.administers(kept(place)):
        said = f"the key in {KEY} is no admin's of the server that runs"
        hint = f"that of its admin, or give it this one: mlops deploy {place.target}"
        yield Need("admin's key", there=False, said=said, hint=hint)
    else:
        yield Need("admin's key", there=True, said=f"in {KEY}")
