"""How the container of a deployment is started, and where it answers."""

import hashlib
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import cast

from mlops_cli.packaging.dockerfile import HOME
from mlops_cli.schemas.target import ComposeTargetConfig
from mlops_cli.serving import auth
from mlops_cli.serving.auth import Key
from mlops_cli.targets import Order, Place, keys
from mlops_cli.targets.compose import containers
from mlops_cli.targets.compose.containers import DEPLOYMENT, IMAGE, PROJECT, SPEC, Spec

ENV = "server.env"
"""File of the server's variables."""
BUNDLES = "bundles"
"""Folder of the bundles that may be on trial."""
SEEN = f"{HOME}/{BUNDLES}"
"""Where the server sees them: inside its project, so that it may load them."""
_EVERYWHERE = ("0.0.0.0", "::")


def config_of(place: Place) -> ComposeTargetConfig:
    """The settings of the target."""
    return cast(ComposeTargetConfig, place.config)


def container(place: Place) -> str:
    """Name of the container, and of its network."""
    return f"mlops-{place.name}"


def url(place: Place) -> str:
    """Where the server answers, seen from this machine."""
    config = config_of(place)
    return address(config.host, config.port)


def address(host: str, port: int) -> str:
    """An address and port as a URL that leads there."""
    host = "127.0.0.1" if host in _EVERYWHERE else host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def here(place: Place) -> str:
    """This machine, and the address there."""
    return f"{socket.gethostname()} {url(place)}"


def loopback(host: str) -> bool:
    """Whether only this machine can ask at an address."""
    return ip_address(host).is_loopback


def grace(place: Place) -> int:
    """Seconds that the server may take to end: to answer what it was asked, and a little more."""
    return int(place.serve.drain_seconds) + 10


def keys_of(place: Place) -> list[Key]:
    """The API keys of the server: those that are given, else those that it has.

    Whoever deploys without them does not open a server that had some.
    """
    return keys.listed(place.serve, kept(place))


def kept(place: Place) -> list[Key]:
    """The keys that the server was given before: as its file tells, else its container.

    Whoever removes what git ignores removes the file, and the server still answers.
    """
    file = place.state / ENV
    text = file.read_text("utf-8") if file.is_file() else _given(place)
    _, _, told = text.partition(f"{auth.ENVIRONMENT}=")
    return [key for key in auth.parsed(told.strip()) if key.name != keys.CHECK]


def _given(place: Place) -> str:
    """The variable of the keys, as a container of the deployment has it; empty where none has."""
    name, project = container(place), str(place.root.resolve())
    ours = containers.every(place.name, project)
    # A deployment that was broken off may have left one of another name.
    for one in sorted(ours, key=lambda called: called != name):
        for variable in containers.variables(one):
            if variable.startswith(f"{auth.ENVIRONMENT}="):
                return variable
    return ""


def env_text(found: list[Key]) -> str:
    """The file of the server's variables."""
    return f"{auth.ENVIRONMENT}={keys.variable(found)}\n" if found else ""


def of(order: Order, env: str) -> Spec:
    """How the container of an order is started; a label sums all of it up."""
    place, config = order.place, config_of(order.place)
    reference, digest = (order.image.reference, order.image.digest) if order.image else ("", "")
    labels: Mapping[str, str] = {
        DEPLOYMENT: place.name,
        PROJECT: str(place.root.resolve()),
        IMAGE: reference,
    }
    spec = Spec(
        name=container(place),
        image=digest or reference,  # None is made yet where it is only planned.
        host=config.host,
        port=config.port,
        inside=order.settings.port,
        mount=(place.state / BUNDLES).resolve(),
        target=SEEN,
        env=(place.state / ENV).resolve(),
        labels=labels,
        memory=config.memory,
        cpus=config.cpus,
        grace=grace(place),
    )
    known = hashlib.sha256(f"{spec} {env}".encode()).hexdigest()
    return spec.labelled({**labels, SPEC: known})
