"""The compose file, and what starts it: Docker Compose as a plugin or a command of its own."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.packaging import docker
from mlops_cli.targets.compose import containers
from mlops_cli.targets.compose.containers import LOG, PIDS, Spec

FILE = "compose.yaml"
_HEAD = """\
# {name}: written by mlops deploy compose, which also puts it there. By hand:
#   docker compose --project-name {name} --file {file} up --detach
"""


def text(spec: Spec) -> str:
    """The compose file: the very things that `Spec.words` says."""
    server: dict[str, Any] = {
        "image": spec.image,
        "container_name": spec.name,
        "restart": "unless-stopped",
        "read_only": True,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": PIDS,
        "env_file": [spec.env.name],
        "volumes": [f"./{spec.mount.name}:{spec.target}:ro"],
        "ports": [f"{spec.bound}:{spec.port}:{spec.inside}"],
        "stop_grace_period": f"{spec.grace}s",
        "logging": {"driver": "json-file", "options": dict(LOG)},
        "labels": dict(spec.labels),
    }
    if spec.memory:
        server["mem_limit"] = spec.memory
    if spec.cpus:
        server["cpus"] = spec.cpus
    content = {
        "services": {"server": server},
        "networks": {"default": {"name": f"{spec.name}-compose"}},
    }
    head = _HEAD.format(name=spec.name, file=FILE)
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def there(use: str) -> list[str] | None:
    """What runs compose files here; None where nothing does, or it is not to be used."""
    if use == "docker":
        return None
    done = docker.run("compose", "version", "--format", "json")
    if not done.returncode and _is_json(done.stdout):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def up(command: list[str], folder: Path, spec: Spec) -> None:
    """Has a compose file come true.

    Raises:
        MlopsError: It can't.
    """
    # What docker alone started before is not Compose's, which would refuse to take its place.
    found = containers.look(spec.name)
    if found is not None and not containers.label(found, "com.docker.compose.project"):
        containers.remove(spec.name)
    words = ["--project-name", spec.name, "--file", str(folder / FILE)]
    words = [*command, *words, "up", "--detach", "--remove-orphans"]
    containers.asked(containers.detached(words, folder), f"{spec.name} can't start")


def _is_json(said: str) -> bool:
    try:
        return isinstance(json.loads(said), dict)
    except ValueError:
        return False
