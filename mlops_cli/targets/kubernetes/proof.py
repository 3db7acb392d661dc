"""What the pods answer with: each of them is asked, through the cluster, by its digest."""

import json
from typing import Any

from mlops_cli.errors import GateError, MissingDependencyError, MlopsError
from mlops_cli.reporting import Reporter
from mlops_cli.targets import Order, asking
from mlops_cli.targets.kubernetes import kubectl
from mlops_cli.targets.kubernetes.pods import CANARY, STABLE, config_of, selector

_DENIED = ("unauthorized", "forbidden", "logged in")


def prove(order: Order, reporter: Reporter) -> None:
    """Asks the pods of an order what they serve; what wants keys is told by its manifest alone.

    The service has the pods of a trial too, so each pod is asked by its own name. Those of KServe
    are behind its own gateway, and are not asked.

    Raises:
        GateError: One of them serves something else.
        MlopsError: One of them does not answer, or none is ready.
    """
    if config_of(order.place).kind == "kserve":
        return
    track = STABLE if order.share is None else CANARY
    pods = _pods(order, track)
    if not pods:
        raise MlopsError(
            "no pod is ready that could be asked what it serves",
            hint="kubectl get pods tells why; the same command again",
        )
    try:
        for pod in pods:
            served = _served(order, pod)
            if served != order.bundle.digest:
                who = "pods answer" if track == STABLE else "pods on trial answer"
                raise GateError(
                    f"the {who} with the bundle {served[:12]}, not {order.bundle.digest[:12]}"
                )
    except MissingDependencyError:
        reporter.warn("the pods can't be asked what they serve: their manifest tells it alone")


def _pods(order: Order, track: str) -> list[str]:
    """Names of the pods of a track that are ready; those that are ending serve nobody any more."""
    chosen = ",".join(f"{name}={value}" for name, value in selector(order.place, track).items())
    found = kubectl.found(order.place, "pods", "--selector", chosen)
    return [str(one["metadata"]["name"]) for one in found if _ready(one)]


def _ready(pod: dict[str, Any]) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    told = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in told)


def _served(order: Order, pod: str) -> str:
    """Digest of the bundle that a pod says it answers with.

    Raises:
        MissingDependencyError: It wants a key, or may not be asked by this user.
        MlopsError: It does not answer, or not as a server of ours.
    """
    namespace, port = config_of(order.place).namespace, order.settings.port
    path = f"/api/v1/namespaces/{namespace}/pods/http:{pod}:{port}/proxy/models"
    done = kubectl.run(order.place, "get", "--raw", path)
    if done.returncode:
        if any(word in done.stderr.lower() for word in _DENIED):
            raise MissingDependencyError(f"the pod {pod} may not be asked")
        raise kubectl.refused(done.stderr, "get --raw")
    return asking.primary(json.loads(done.stdout))
