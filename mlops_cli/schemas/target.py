"""Config group `target`: where a model is deployed to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from mlops_cli.errors import ConfigError
from mlops_cli.schemas.option import option

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kKMGT]i?)?")
_MEMORY = re.compile(r"\d+[kmgKMG]")
_REGISTRY = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*/?")
_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass
class TargetConfig:
    """What every target has."""

    name: str = option(
        "Target module in mlops_cli/targets, or a dotted module of your own.", "compose"
    )
    module: str | None = option("Target module, where it is not called like the choice.", None)
    deployment: str | None = option(
        "Name of what is deployed there; null: that of the model.", None
    )
    seconds: float = option("How long what is deployed may take until it answers.", 180.0, above=0)
    params: dict[str, Any] = option("Free settings for a target of your own.", {})


@dataclass
class ComposeTargetConfig(TargetConfig):
    """`target=compose`: a container on this machine."""

    host: str = option(
        "Address of this machine to answer at; any but a loopback one needs API keys.", "127.0.0.1"
    )
    port: int = option("Port of this machine.", 8000, minimum=1, maximum=65535)
    memory: str | None = option("Most memory, as Docker takes it: 2g; null: no limit.", "2g")
    cpus: float | None = option("Most processors; null: no limit.", None, above=0)
    use: str = option(
        "What starts it: Docker Compose, docker alone, or auto: compose where it is installed.",
        "auto",
        choices=("auto", "compose", "docker"),
    )


@dataclass
class KubernetesTargetConfig(TargetConfig):
    """`target=kubernetes`: manifests, and kubectl where it is to be applied."""

    namespace: str = option("Namespace; it has to be there.", "default")
    context: str | None = option("Context of kubectl; null: the current one.", None)
    registry: str | None = option(
        "Registry to push the image to, such as registry.example.com/team.", None
    )
    image: str | None = option(
        "An image that was pushed already, by its digest; null: it is made and pushed.", None
    )
    kind: str = option(
        "Plain manifests, or an InferenceService of KServe.",
        "plain",
        choices=("plain", "kserve"),
    )
    replicas: int = option("Pods at least.", 2, minimum=1)
    max_replicas: int = option("Pods at most, under load.", 6, minimum=1)
    cpu: str = option("Processor that each pod asks for, as Kubernetes takes it.", "500m")
    max_cpu: str | None = option("Most processor of each pod; null: no limit.", "2")
    memory: str = option("Memory of each pod: asked for, and the most it gets.", "1Gi")
    load: int = option(
        "Processor use in percent of what is asked for at which pods are added.",
        70,
        minimum=1,
        maximum=100,
    )
    keys: str | None = option(
        "Secret of the namespace with an entry MLOPS_API_KEYS; null: nobody needs a key.", None
    )
    clients: list[str] = option(
        "Namespaces whose pods may ask; empty: those of the own namespace.", []
    )


@dataclass
class HuggingfaceTargetConfig(TargetConfig):
    """`target=huggingface`: a model repository of the Hugging Face hub."""

    repository: str | None = option("Repository, as OWNER/NAME; it has to be named.", None)
    private: bool = option("Whether a repository that is made for it is private.", True)
    branch: str = option("Branch that gets the commit.", "main")


SCHEMAS: dict[str, type[TargetConfig]] = {
    "compose": ComposeTargetConfig,
    "kubernetes": KubernetesTargetConfig,
    "huggingface": HuggingfaceTargetConfig,
}


def problems(config: TargetConfig) -> Iterator[ConfigError]:
    """What is wrong with settings that a target would refuse."""
    if config.deployment is not None and not _NAME.fullmatch(config.deployment):
        yield ConfigError(
            f"target.deployment {config.deployment!r} is no name",
            hint="lower-case letters, digits and -, such as target.deployment=reviews",
        )
    if isinstance(config, ComposeTargetConfig):
        yield from _of_compose(config)
    if isinstance(config, KubernetesTargetConfig):
        yield from _of_kubernetes(config)
    if isinstance(config, HuggingfaceTargetConfig):
        name = config.repository
        if name is not None and not _REPOSITORY.fullmatch(name):
            yield ConfigError(
                f"target.repository {name!r} is no repository of the hub",
                hint="such as target.repository=team/reviews",
            )


def _of_compose(config: ComposeTargetConfig) -> Iterator[ConfigError]:
    try:
        ip_address(config.host)
    except ValueError:
        # Docker takes no names, and tells so once it has taken down what answers.
        yield ConfigError(
            f"target.host {config.host!r} is no address of a network",
            hint="digits, not a name: target.host=127.0.0.1",
        )
    if config.memory is not None and not _MEMORY.fullmatch(config.memory):
        yield ConfigError(
            f"target.memory {config.memory!r} is no amount of memory", hint="such as 512m or 2g"
        )


def _of_kubernetes(config: KubernetesTargetConfig) -> Iterator[ConfigError]:
    if config.max_replicas < config.replicas:
        yield ConfigError(
            f"target.max_replicas {config.max_replicas} is below target.replicas {config.replicas}",
            hint=f"target.max_replicas={config.replicas}",
        )
    for name in ("cpu", "max_cpu", "memory"):
        value = getattr(config, name)
        if value is not None and not _QUANTITY.fullmatch(value):
            yield ConfigError(
                f"target.{name} {value!r} is no quantity of Kubernetes",
                hint="such as 500m of a processor, or 1Gi of memory",
            )
    for namespace in (config.namespace, *config.clients):
        if not _NAME.fullmatch(namespace):
            yield ConfigError(
                f"{namespace!r} is no name of a namespace", hint="lower-case letters, digits and -"
            )
    if config.image is not None and "@sha256:" not in config.image:
        yield ConfigError(
            f"target.image {config.image} has no digest, and a tag may mean another image tomorrow",
            hint="as mlops package --push tells it: NAME@sha256:…",
        )
    elif config.image is not None and not _DIGEST.fullmatch(config.image):
        yield ConfigError(
            f"target.image {config.image!r} does not end in a digest: 64 digits, 0-9 and a-f",
            hint="as mlops package --push tells it: NAME@sha256:…",
        )
    if config.registry is not None and not _REGISTRY.fullmatch(config.registry):
        yield ConfigError(
            f"target.registry {config.registry!r} is no registry to push to",
            hint="without https://, such as target.registry=registry.example.com/team",
        )
    if config.image is not None and config.registry is not None:
        yield ConfigError(
            "target.image is there already, and target.registry is where one is to be pushed",
            hint="leave one out",
        )
