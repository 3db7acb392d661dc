"""The pods of a deployment: what runs in them, and what they may."""

import re
from dataclasses import dataclass
from typing import Any, cast

from mlops_cli.schemas.target import KubernetesTargetConfig
from mlops_cli.serving.auth import ENVIRONMENT
from mlops_cli.targets import Order, Place

Manifest = dict[str, Any]
BUNDLE, MODEL, RUN = "mlops/bundle", "mlops/model", "mlops/run"
"""Annotations of a pod: what it answers with."""
TRACK = "mlops/track"
STABLE, CANARY = "stable", "canary"
_SETTLE = 5
"""Seconds that a pod goes on answering after it was told to end: whoever sends requests there
learns of it meanwhile."""
_PERIOD = 5
"""Seconds between two looks at a pod."""


@dataclass(frozen=True)
class Served:
    """An image and what it answers with.

    Attributes:
        image: By which it is pulled.
        model: What people call it.
        bundle: Digest of its bundle.
        run: The run it was made from.
    """

    image: str
    model: str
    bundle: str
    run: str


def config_of(place: Place) -> KubernetesTargetConfig:
    """The settings of the target."""
    return cast(KubernetesTargetConfig, place.config)


def labels(place: Place, **more: str) -> dict[str, str]:
    """Labels of everything that belongs to a deployment."""
    return {
        "app.kubernetes.io/name": "mlops-serve",
        "app.kubernetes.io/instance": place.name,
        "app.kubernetes.io/managed-by": "mlops",
        **more,
    }


def selector(place: Place, track: str | None = None) -> dict[str, str]:
    """Labels by which its pods are found."""
    return {
        "app.kubernetes.io/name": "mlops-serve",
        "app.kubernetes.io/instance": place.name,
        **({TRACK: track} if track else {}),
    }


def deployment(order: Order, served: Served, track: str) -> Manifest:
    """The pods; how many of those that answer all requests is the autoscaler's to say."""
    place = order.place
    name = place.name if track == STABLE else f"{place.name}-{CANARY}"
    version = {"app.kubernetes.io/version": _word(served.model)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(place, name, **{TRACK: track}),
        "spec": {
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": max(int(place.config.seconds), 60),
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "selector": {"matchLabels": selector(place, track)},
            "template": {
                "metadata": {
                    "labels": labels(place, **{TRACK: track}, **version),
                    "annotations": annotations(served),
                },
                "spec": pod(order, served, track),
            },
        },
    }


def pod(order: Order, served: Served, track: str) -> Manifest:
    """A pod without rights: no root, no token, nothing to write to but /tmp."""
    place, user = order.place, order.settings.user
    return {
        "serviceAccountName": place.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": int(place.serve.drain_seconds) + 10 + _SETTLE,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(place, track)},
            }
        ],
        "containers": [
            {
                "name": "server",
                **container(order, served),
                "startupProbe": probe(
                    "/readyz", failureThreshold=max(1, int(place.config.seconds) // _PERIOD)
                ),
                "livenessProbe": probe("/livez", failureThreshold=6),
                "readinessProbe": probe("/readyz", failureThreshold=2),
                "lifecycle": {
                    "preStop": {
                        "exec": {
                            "command": ["python3", "-c", f"import time; time.sleep({_SETTLE})"]
                        }
                    }
                },
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def container(order: Order, served: Served) -> Manifest:
    """What every container of a server is given."""
    config, user = config_of(order.place), order.settings.user
    limits = {"memory": config.memory, **({"cpu": config.max_cpu} if config.max_cpu else {})}
    made: Manifest = {
        "image": served.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": order.settings.port, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": config.cpu, "memory": config.memory},
            "limits": limits,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": user,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    if config.keys:
        source = {"secretKeyRef": {"name": config.keys, "key": ENVIRONMENT}}
        made["env"] = [{"name": ENVIRONMENT, "valueFrom": source}]
    return made


def annotations(served: Served) -> dict[str, str]:
    """What a pod tells of what it answers with."""
    return {MODEL: served.model, BUNDLE: served.bundle, RUN: served.run}


def metadata(place: Place, name: str, **more: str) -> Manifest:
    """Name, namespace and labels."""
    return {
        "name": name,
        "namespace": config_of(place).namespace,
        "labels": labels(place, **more),
    }


def probe(path: str, **more: int) -> Manifest:
    """How a pod is asked whether it is well."""
    asked = {"path": path, "port": "http"}
    return {"httpGet": asked, "periodSeconds": _PERIOD, "timeoutSeconds": 3, **more}


def _word(model: str) -> str:
    """A name as a label takes it."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.rpartition("@")[2])
    return plain[:63].strip("-_.") or "unknown"
