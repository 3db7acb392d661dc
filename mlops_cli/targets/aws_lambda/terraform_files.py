"""The Terraform files of a deployment, for a team to keep: what is edited stays as it is.

*.tf                      role, logs, function, alias, HTTP API; the same for every deployment
backend.tf                where Terraform keeps its state
terraform.tfvars.json     the settings of the target
image.auto.tfvars.json    what the function begins with
repository/               the repository of images, by itself: it is there before the function,
                          and stays when that is taken down
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_cli.errors import ConfigError
from mlops_cli.packaging import making
from mlops_cli.targets import Order, Place
from mlops_cli.targets.aws_lambda import versions
from mlops_cli.targets.aws_lambda.session import config_of, required_region

IMAGE = "image.auto.tfvars.json"
MAIN = "main.tf"
REPOSITORY = "repository"
"""Folder of the repository's files."""
_HCL = Path(__file__).parent / "hcl"
_VARIABLES = "terraform.tfvars.json"
_BACKEND = "backend.tf"
_IGNORED = "# Terraform's own, and a state that is kept on this machine.\n.terraform/\n*.tfstate*\n"
_MARK = re.compile(r"# Written by mlops deploy aws_lambda \(([0-9a-f]{16})\)[^\n]*\n")
_LONGEST = 40
"""Letters of a name that AWS takes with what is put behind it for roles."""
_ARCHITECTURES = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}


def of(order: Order) -> dict[str, str]:
    """All files of a deployment, by path below its folder.

    Raises:
        ConfigError: No region is named, or the name is too long.
    """
    place = order.place
    found = _ours(place, "function", "")
    found[_VARIABLES] = _json(variables(order))
    image = order.image.reference if order.image and order.image.digest else ""
    found[IMAGE] = _json({"image": image, "description": versions.described(order)})
    found[".gitignore"] = _IGNORED
    if owns(place):
        found |= of_repository(place)
    return found


def owns(place: Place) -> bool:
    """Whether the deployment has a repository of images of its own."""
    config = config_of(place)
    return config.image is None and config.registry is None


def of_repository(place: Place) -> dict[str, str]:
    """The files of the repository of images."""
    found = _ours(place, REPOSITORY, f"{REPOSITORY}/")
    told = {"name": named(place), "region": required_region(place)}
    return {**found, f"{REPOSITORY}/{_VARIABLES}": _json(told)}


def variables(order: Order) -> dict[str, Any]:
    """What Terraform is told of the settings."""
    place = order.place
    config = config_of(place)
    return {
        "name": named(place),
        "region": required_region(place),
        "repository": repository(place),
        "architecture": _ARCHITECTURES[making.machines_of(order.settings)],
        "memory": config.memory,
        "timeout": config.timeout,
        "concurrency": -1 if config.concurrency is None else config.concurrency,
        "rate": config.rate,
        "burst": config.burst,
        "log_days": config.log_days,
        "github": config.github,
        "github_subject": config.github_subject,
    }


def named(place: Place) -> str:
    """Name of the function, which is that of the deployment.

    Raises:
        ConfigError: AWS would not take it.
    """
    if len(place.name) > _LONGEST:
        raise ConfigError(
            f"{place.name} is longer than {_LONGEST} letters, which AWS takes for its role",
            hint="a shorter one: target.deployment=NAME",
        )
    return place.name


def repository(place: Place) -> str:
    """Repository of ECR that the images are in."""
    config = config_of(place)
    if config.image is not None:
        return config.image.partition("@")[0].partition("/")[2]
    below = (config.registry or "").strip("/").partition("/")[2]
    return f"{below}/{place.name}" if below else place.name


def digest(files: Mapping[str, str]) -> str:
    """What Terraform is to make, summed up: all but what only the first version begins with."""
    mine = {
        name: text
        for name, text in files.items()
        if name != IMAGE and not name.startswith((REPOSITORY, "."))
    }
    return hashlib.sha256(json.dumps(mine, sort_keys=True).encode()).hexdigest()[:32]


def edited(place: Place) -> list[str]:
    """The files that somebody has edited since they were written, and that stay so."""
    below = place.folder.rglob("*.tf")
    return sorted(
        path.relative_to(place.folder).as_posix()
        for path in below
        if ".terraform" not in path.parts and not _untouched(_read(path))
    )


def _ours(place: Place, kind: str, below: str) -> dict[str, str]:
    """The Terraform files of one kind, as they are to be, or as they were edited."""
    found = {path.name: path.read_text("utf-8") for path in sorted((_HCL / kind).glob("*.tf"))}
    found["versions.tf"] = (_HCL / "versions.tf").read_text("utf-8")
    found[_BACKEND] = _backend(place, kind, below)
    return {below + name: _kept(place, below + name, text) for name, text in found.items()}


def _backend(place: Place, kind: str, below: str) -> str:
    """Where Terraform keeps the state: beside what else git leaves out, or in a bucket."""
    state = config_of(place).state
    if state is None:
        up = "../" * (len(place.folder.relative_to(place.root).parts) + bool(below))
        path = place.state.relative_to(place.root) / f"{kind}.tfstate"
        return f'terraform {{\n  backend "local" {{\n    path = "{up}{path.as_posix()}"\n  }}\n}}\n'
    bucket, _, key = state.removeprefix("s3://").partition("/")
    key = f"{key}-{kind}" if below else key
    lines = {
        "bucket": f'"{bucket}"',
        "key": f'"{key}"',
        "region": f'"{required_region(place)}"',
        "encrypt": "true",
        "use_lockfile": "true",
    }
    body = "".join(f"    {name:<12} = {value}\n" for name, value in lines.items())
    return f'terraform {{\n  backend "s3" {{\n{body}  }}\n}}\n'


def _kept(place: Place, name: str, text: str) -> str:
    """A file as it is to be written: what somebody has edited is theirs."""
    path = place.folder / name
    if path.is_file():
        there = _read(path)
        if not _untouched(there):
            return there
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    return (
        f"# Written by mlops deploy aws_lambda ({mark}); edited, it stays as you have it.\n{text}"
    )


def _read(path: Path) -> str:
    """What a file says that somebody may have edited."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8", hint="save it as UTF-8, or remove it") from error


def _untouched(text: str) -> bool:
    found = _MARK.match(text)
    if found is None:
        return False
    return hashlib.sha256(text[found.end() :].encode()).hexdigest()[:16] == found[1]


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
