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
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_STATE = re.compile(r"s3://[a-z0-9][a-z0-9.-]+/[\w.-]+(/[\w.-]+)*", re.ASCII)
_SUBJECT = re.compile(r"(ref:refs/(heads|tags)/|environment:)[^\s*?]+")
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)
"""What CloudWatch takes."""
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


@dataclass
class AwsLambdaTargetConfig(TargetConfig):
    """`target=aws_lambda`: a function of AWS Lambda behind an HTTP API."""

    region: str | None = option("Region of AWS; null: AWS_REGION, or the profile's.", None)
    registry: str | None = option(
        "Registry of ECR to push the image to; null: a repository that is made for it.", None
    )
    image: str | None = option(
        "An image of ECR that was pushed already, by its digest; null: it is made and pushed.", None
    )
    memory: int = option(
        "Memory in MB; 1769 come with a whole processor.", 2048, minimum=128, maximum=10240
    )
    timeout: int = option(
        "Seconds that one request may take; the API waits for 30.", 30, minimum=1, maximum=900
    )
    concurrency: int | None = option(
        "Most requests at once, which are kept for it; null: what the account has.", None, minimum=1
    )
    rate: int = option("Requests a second that the API lets in.", 100, minimum=1)
    burst: int = option("Requests that it lets in at one moment.", 200, minimum=1)
    log_days: int = option("Days that logs are kept, as CloudWatch takes them.", 30)
    open: bool = option("Whether everybody may ask, without an API key.", False)
    state: str | None = option(
        "Where Terraform keeps its state, as s3://BUCKET/KEY; null: on this machine.", None
    )
    github: str | None = option(
        "Repository whose workflows get a role to deploy as, by OIDC: OWNER/NAME; null: none.", None
    )
    github_subject: str = option(
        "Of that repository, the branch or environment that may: environment:production.",
        "ref:refs/heads/main",
    )


SCHEMAS: dict[str, type[TargetConfig]] = {
    "compose": ComposeTargetConfig,
    "kubernetes": KubernetesTargetConfig,
    "huggingface": HuggingfaceTargetConfig,
    "aws_lambda": AwsLambdaTargetConfig,
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
    if isinstance(config, AwsLambdaTargetConfig):
        yield from _of_aws_lambda(config)
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
    yield from _of_image(config.image, config.registry)


def is_region(name: str) -> bool:
    """Whether a region of AWS could be called so."""
    return _REGION.fullmatch(name) is not None


def _of_aws_lambda(config: AwsLambdaTargetConfig) -> Iterator[ConfigError]:
    if config.region is not None and not is_region(config.region):
        yield ConfigError(
            f"target.region {config.region!r} is no region of AWS",
            hint="such as target.region=eu-central-1",
        )
    if config.log_days not in _LOG_DAYS:
        near = min(_LOG_DAYS, key=lambda days: abs(days - config.log_days))
        yield ConfigError(
            f"CloudWatch keeps no logs for {config.log_days} days", hint=f"target.log_days={near}"
        )
    if config.state is not None and not _STATE.fullmatch(config.state):
        yield ConfigError(
            f"target.state {config.state!r} is no place in S3",
            hint="such as target.state=s3://team-terraform/reviews.tfstate",
        )
    if config.github is not None and not _REPOSITORY.fullmatch(config.github):
        yield ConfigError(
            f"target.github {config.github!r} is no repository of GitHub",
            hint="such as target.github=team/reviews",
        )
    if "*" in config.github_subject or config.github_subject == "pull_request":
        yield ConfigError(
            f"target.github_subject {config.github_subject!r} would let any branch deploy",
            hint="ref:refs/heads/BRANCH or environment:NAME",
        )
    elif not _SUBJECT.fullmatch(config.github_subject):
        yield ConfigError(
            f"target.github_subject {config.github_subject!r} is no branch and no environment",
            hint="ref:refs/heads/BRANCH or environment:NAME",
        )
    yield from _of_image(config.image, config.registry)


def _of_image(image: str | None, registry: str | None) -> Iterator[ConfigError]:
    """What is wrong with where an image comes from."""
    if image is not None and "@sha256:" not in image:
        yield ConfigError(
            f"target.image {image} has no digest, and a tag may mean another image tomorrow",
            hint="as mlops package --push tells it: NAME@sha256:…",
        )
    elif image is not None and not _DIGEST.fullmatch(image):
        yield ConfigError(
            f"target.image {image!r} does not end in a digest: 64 digits, 0-9 and a-f",
            hint="as mlops package --push tells it: NAME@sha256:…",
        )
    if registry is not None and not _REGISTRY.fullmatch(registry):
        yield ConfigError(
            f"target.registry {registry!r} is no registry to push to",
            hint="without https://, such as target.registry=registry.example.com/team",
        )
    if image is not None and registry is not None:
        yield ConfigError(
            "target.image is there already, and target.registry is where one is to be pushed",
            hint="leave one out",
        )
