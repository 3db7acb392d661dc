"""What a deployment on Kubernetes takes: asked of the cluster, and nothing is changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mlops_cli.errors import MlopsError
from mlops_cli.schemas.deploy import Need
from mlops_cli.serving.auth import ENVIRONMENT
from mlops_cli.targets import Place
from mlops_cli.targets.kubernetes import kubectl
from mlops_cli.targets.kubernetes.manifests import pods
from mlops_cli.targets.kubernetes.pods import config_of

_RIGHTS = (
    "deployments.apps",
    "services",
    "serviceaccounts",
    "horizontalpodautoscalers.autoscaling",
    "poddisruptionbudgets.policy",
    "networkpolicies.networking.k8s.io",
)
_KSERVE = "inferenceservices.serving.kserve.io"


def look(place: Place, share: float | None) -> Iterator[Need]:
    """kubectl, a cluster, its namespace, the right to change it; KServe and keys where wanted."""
    config = config_of(place)
    if share is not None and config.kind == "plain":
        beside, on_trial = pods(config, share)
        yield Need("pods", there=True, said=f"{on_trial} on trial beside {beside}")
    if not kubectl.there():
        hint = "https://kubernetes.io/docs/tasks/tools, or mlops deploy kubernetes --plan"
        yield Need("kubectl", there=False, said="it is not installed", hint=hint)
        return
    yield Need("kubectl", there=True, said="it is installed")
    try:
        known = kubectl.found(place, "namespace", config.namespace)
    except MlopsError as error:
        yield Need("cluster", there=False, said=error.message, hint=error.hint)
        return
    if not known:
        hint = f"kubectl create namespace {config.namespace}, or target.namespace=NAME"
        yield Need("namespace", there=False, said=f"there is no {config.namespace}", hint=hint)
        return
    yield Need("namespace", there=True, said=f"{config.namespace} is there")
    wanted = (_KSERVE, "serviceaccounts") if config.kind == "kserve" else _RIGHTS
    with ThreadPoolExecutor(len(wanted)) as pool:
        allowed = list(pool.map(partial(_may, place), wanted))
    denied = [kind for kind, may in zip(wanted, allowed, strict=True) if not may]
    if denied:
        said = f"{', '.join(denied)} may not be changed by this user"
        hint = "a role with patch on them: kubectl auth can-i --list"
        yield Need("permission", there=False, said=said, hint=hint)
    else:
        yield Need("permission", there=True, said=f"{len(wanted)} kinds may be changed")
    if config.keys:
        yield _secret(place, config.keys)


def _may(place: Place, kind: str) -> bool:
    return kubectl.run(place, "auth", "can-i", "patch", kind, "--quiet").returncode == 0


def _secret(place: Place, name: str) -> Need:
    """Whether the secret of API keys is there; what it holds is not looked at."""
    try:
        found = kubectl.found(place, "secret", name)
    except MlopsError as error:
        return Need("API keys", there=False, said=error.message, hint=error.hint)
    if found and ENVIRONMENT in (found[0].get("data") or {}):
        return Need("API keys", there=True, said=f"the secret {name} has {ENVIRONMENT}")
    hint = f"kubectl create secret generic {name} --from-literal={ENVIRONMENT}='NAME: HASH'"
    return Need("API keys", there=False, said=f"no secret {name} with {ENVIRONMENT}", hint=hint)
