"""Manifests of a deployment on Kubernetes: what a cluster is to have, as files to read and keep."""

import math
from collections.abc import Mapping

import yaml

from mlops_cli.errors import UsageError
from mlops_cli.schemas.target import KubernetesTargetConfig
from mlops_cli.targets import Order, Place
from mlops_cli.targets.kubernetes.pods import (
    CANARY,
    STABLE,
    Manifest,
    Served,
    annotations,
    config_of,
    container,
    deployment,
    metadata,
    probe,
    selector,
)

KUSTOMIZATION = "kustomization.yaml"
TRIAL_FILE = "deployment-canary.yaml"


def pods(config: KubernetesTargetConfig, share: float) -> tuple[int, int]:
    """How many pods answer as before and how many are on trial, so that their share is right.

    Raises:
        UsageError: It takes more pods than are allowed.
    """
    if share >= 1:
        raise UsageError("a trial with all requests is none", hint="leave out --canary")
    beside = max(config.replicas, round((1 - share) / share))
    if beside > config.max_replicas:
        least = math.ceil(100 / (config.max_replicas + 1))
        raise UsageError(
            f"{share:.4g} of the requests takes {beside} pods beside the one on trial, and "
            f"target.max_replicas is {config.max_replicas}",
            hint=f"--canary {least}%, target.max_replicas={beside}, or target.kind=kserve",
        )
    return beside, max(1, round(beside * share / (1 - share)))


def files(order: Order) -> Mapping[str, str]:
    """Every file, by name."""
    place, config = order.place, config_of(order.place)
    ours = Served(
        order.image.reference if order.image else "", order.model, order.bundle.digest,
        order.bundle.run,
    )  # fmt: skip
    if config.kind == "kserve":
        made = {"inferenceservice.yaml": inference_service(order, ours)}
    elif order.share is None:
        made = plain(order, ours, config.replicas)
    else:
        current = order.current
        assert current is not None
        stable = Served(current.image, current.called, current.bundle, current.run)
        beside, on_trial = pods(config, order.share)
        made = plain(order, stable, beside)
        trial = deployment(order, ours, CANARY)
        trial["spec"]["replicas"] = on_trial
        made[TRIAL_FILE] = trial
    made = {"serviceaccount.yaml": account(place), **made}
    texts = {name: text(content) for name, content in made.items()}
    return {KUSTOMIZATION: kustomization(place, list(made)), **texts}


def plain(order: Order, served: Served, least: int) -> dict[str, Manifest]:
    """Pods behind a service, by file."""
    place = order.place
    return {
        "deployment.yaml": deployment(order, served, STABLE),
        "service.yaml": service(place),
        "autoscaler.yaml": autoscaler(place, least),
        "disruptions.yaml": disruptions(place),
        "network.yaml": network(place, order.settings.port),
    }


def kustomization(place: Place, resources: list[str]) -> str:
    """What is applied as one: `kubectl apply --server-side -k`."""
    head = (
        f"# {place.name}: written by mlops deploy kubernetes, which also applies it. By hand:\n"
        "#   kubectl apply --server-side --field-manager mlops -k .\n"
    )
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": config_of(place).namespace,
        "resources": resources,
    }
    return head + text(content)


def text(content: Manifest) -> str:
    """A manifest as YAML."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def account(place: Place) -> Manifest:
    """An account without any rights, and without a token in its pods."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(place, place.name),
        "automountServiceAccountToken": False,
    }


def service(place: Place) -> Manifest:
    """One address for all pods, those on trial too."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(place, place.name),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(place),
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def autoscaler(place: Place, least: int) -> Manifest:
    """More pods under load; fewer only after five quiet minutes."""
    config = config_of(place)
    target = {"type": "Utilization", "averageUtilization": config.load}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(place, place.name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": place.name},
            "minReplicas": least,
            "maxReplicas": max(config.max_replicas, least),
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    }


def disruptions(place: Place) -> Manifest:
    """At most one pod at a time goes when machines are emptied."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(place, place.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(place, STABLE)},
        },
    }


def network(place: Place, port: int) -> Manifest:
    """Who may ask: pods of the own namespace, and of those listed. A server asks nobody."""
    peers: list[Manifest] = [{"podSelector": {}}]
    for namespace in config_of(place).clients:
        chosen = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        peers.append({"namespaceSelector": chosen})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(place, place.name),
        "spec": {
            "podSelector": {"matchLabels": selector(place)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": [{"port": port, "protocol": "TCP"}]}],
            "egress": [],
        },
    }


def inference_service(order: Order, served: Served) -> Manifest:
    """The same server as KServe runs it; a trial is its own to steer."""
    place, config = order.place, config_of(order.place)
    predictor: Manifest = {
        "minReplicas": config.replicas,
        "maxReplicas": config.max_replicas,
        "serviceAccountName": place.name,
        "containers": [
            {
                "name": "kserve-container",
                **container(order, served),
                "readinessProbe": probe("/readyz", failureThreshold=2),
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if order.share is not None:
        predictor["canaryTrafficPercent"] = max(1, round(order.share * 100))
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {**metadata(place, place.name), "annotations": annotations(served)},
        "spec": {"predictor": predictor},
    }
