"""The API of a cluster on loopback: what kubectl calls to look at, apply and delete objects.

It keeps objects by their path, merges what is applied, and lets pods get ready at once, unless
their image is one of those that never do. There is no cluster where these tests run; the kubectl
that talks to this one is real, and so is every manifest.
"""

import contextlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

_KINDS = {
    "v1": {
        "namespaces": ("Namespace", False),
        "secrets": ("Secret", True),
        "services": ("Service", True),
        "serviceaccounts": ("ServiceAccount", True),
        "pods": ("Pod", True),
    },
    "apps/v1": {"deployments": ("Deployment", True), "replicasets": ("ReplicaSet", True)},
    "autoscaling/v2": {"horizontalpodautoscalers": ("HorizontalPodAutoscaler", True)},
    "policy/v1": {"poddisruptionbudgets": ("PodDisruptionBudget", True)},
    "networking.k8s.io/v1": {"networkpolicies": ("NetworkPolicy", True)},
    "authorization.k8s.io/v1": {"selfsubjectaccessreviews": ("SelfSubjectAccessReview", False)},
    "serving.kserve.io/v1beta1": {"inferenceservices": ("InferenceService", True)},
}
_SHORT = {"horizontalpodautoscalers": ["hpa"], "deployments": ["deploy"]}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Cluster:
    """What the cluster has, and how it is."""

    def __init__(self):
        self.objects, self.asked, self.url = {}, [], ""
        self.broken = set()
        """Images whose pods never get ready."""
        self.denied = set()
        """Kinds that nobody may change."""
        self.served = {}
        """Digest that the pods of a deployment say they answer with, if not that of its manifest."""
        self.hidden = False
        """Whether no pod tells that it is ready, though its deployment does."""
        self.keys = False
        """Whether the pods want a key of whoever asks them."""
        self.put("v1", "namespaces", None, {"metadata": {"name": "default"}})

    def put(self, version, kind, namespace, content):
        name = content["metadata"]["name"]
        known = {"apiVersion": version, "kind": _KINDS[version][kind][0]}
        self.objects[version, kind, namespace, name] = {**known, **content}

    def pods(self, namespace):
        """The pods that the deployments come to, and one more of each that is ending."""
        for key, one in list(self.objects.items()):
            if key[1:3] != ("deployments", namespace):
                continue
            name, template = key[3], one["spec"]["template"]
            state = str(bool(one["status"]["readyReplicas"]) and not self.hidden)
            for number in range(one["spec"]["replicas"] + 1):
                meta = {"name": f"{name}-{number}", "labels": template["metadata"]["labels"]}
                if number == one["spec"]["replicas"]:
                    meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
                status = {"conditions": [{"type": "Ready", "status": state}]}
                yield {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "status": status}

    def get(self, kind, name, namespace="default"):
        found = [one for key, one in self.objects.items() if key[1:] == (kind, namespace, name)]
        return found[0] if found else None

    def settle(self, found, before):
        """What controllers would do."""
        meta = found["metadata"]
        meta.setdefault("uid", f"uid-{meta['name']}")
        known = (before or {}).get("metadata", {}).get("generation", 0)
        same = before is not None and before.get("spec") == found.get("spec")
        meta["generation"] = known + (not same)
        meta["resourceVersion"] = str(time.monotonic_ns())
        if found["kind"] == "InferenceService":
            ready = [{"type": "Ready", "status": "True"}]
            found["status"] = {"conditions": ready, "url": "http://shop.default.example.com"}
        if found["kind"] == "Deployment":
            wanted = found["spec"].setdefault("replicas", 2)
            image = found["spec"]["template"]["spec"]["containers"][0]["image"]
            ready = 0 if image in self.broken else wanted
            found["status"] = {
                "observedGeneration": meta["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": ready,
                "availableReplicas": ready,
            }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def log_message(self, *_):
        pass

    def answer(self, code, content):
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, reason, message):
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
        self.answer(code, {**status, "reason": reason, "message": message})

    def route(self):
        parts = urlsplit(self.path)
        path, query = parts.path.rstrip("/"), parse_qs(parts.query)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.cluster.asked.append((self.command, path, query))
        if found := _discovery(path):
            return self.answer(200, found)
        if path.endswith("/proxy/models"):
            return self.models(path)
        found = re.fullmatch(
            r"/(?:api|apis)/((?:[\w.]+/)?v\w+)(?:/namespaces/([\w-]+)(?=/))?/(\w+)(?:/([\w.-]+))?",
            path,
        )
        if not found or found[1] not in _KINDS or found[3] not in _KINDS[found[1]]:
            return self.refuse(404, "NotFound", f"the server could not find {path}")
        return self.objects(found[1], found[2], found[3], found[4], query, body)

    do_GET = do_POST = do_PATCH = do_DELETE = route  # noqa: N815 - as the base class calls them

    def models(self, path):
        namespace, name, number = re.search(
            r"/namespaces/([\w-]+)/pods/http:([\w-]+)-(\d+):8000/", path
        ).groups()
        found = self.cluster.get("deployments", name, namespace)
        if self.cluster.keys:
            return self.refuse(401, "Unauthorized", "the server has asked for the client to log in")
        if int(number) >= found["spec"]["replicas"]:
            return self.refuse(503, "ServiceUnavailable", "connection refused")
        marks = found["spec"]["template"]["metadata"]["annotations"]
        digest = self.cluster.served.get(name, marks["mlops/bundle"])
        version = {"name": "v", "digest": digest}
        model = {"name": "model", "primary": "v", "versions": [version]}
        return self.answer(200, {"models": [model]})

    def objects(self, version, namespace, kind, name, query, body):
        objects = self.cluster.objects
        if kind == "selfsubjectaccessreviews":
            # kubectl asks it in protobuf: the resource is the string of its field 5.
            every = [one for kinds in _KINDS.values() for one in kinds]
            wanted = next(one for one in every if b"*" + bytes([len(one)]) + one.encode() in body)
            told = {"kind": "SelfSubjectAccessReview", "apiVersion": version, "spec": {}}
            return self.answer(
                201, {**told, "status": {"allowed": wanted not in self.cluster.denied}}
            )
        key = (version, kind, namespace, name)
        if name is None:
            return self.listed(version, namespace, kind, query)
        if self.command == "PATCH":
            return self.patched(key, body)
        if key not in objects:
            return self.refuse(404, "NotFound", f'{kind} "{name}" not found')
        found = objects.pop(key) if self.command == "DELETE" else objects[key]
        return self.answer(200, found)

    def listed(self, version, namespace, kind, query):
        wanted = (version, kind, namespace)
        known = [one for key, one in self.cluster.objects.items() if key[:3] == wanted]
        known += self.cluster.pods(namespace) if kind == "pods" else []
        items = [one for one in known if _chosen(one, query)]
        shown = {"kind": f"{_KINDS[version][kind][0]}List", "apiVersion": version}
        if self.command == "DELETE":
            for one in items:
                del self.cluster.objects[version, kind, namespace, one["metadata"]["name"]]
        self.answer(200, {**shown, "metadata": {"resourceVersion": "1"}, "items": items})

    def patched(self, key, body):
        _, kind, _, name = key
        before = self.cluster.objects.get(key)
        if kind in self.cluster.denied:
            return self.refuse(403, "Forbidden", f"{kind} is forbidden: no")
        change = yaml.safe_load(body)
        if "apply-patch" in self.headers["Content-Type"]:
            found = change  # One manager has all of it.
            if before and "replicas" not in found.get("spec", {}) and kind == "deployments":
                found["spec"]["replicas"] = before["spec"]["replicas"]
        elif before is None:
            return self.refuse(404, "NotFound", f'{kind} "{name}" not found')
        else:
            found = _merged(before, change)
        self.cluster.settle(found, before)
        self.cluster.objects[key] = found
        return self.answer(200 if before else 201, found)


def _chosen(one, query):
    meta = one["metadata"]
    for part in query.get("labelSelector", [""])[0].split(","):
        name, _, wanted = part.partition("=")
        if name and (meta.get("labels") or {}).get(name) != wanted:
            return False
    field = query.get("fieldSelector", [""])[0]
    return not field.startswith("metadata.name=") or field.partition("=")[2] == meta["name"]


def _merged(before, change):
    if not isinstance(before, dict) or not isinstance(change, dict):
        return change
    kept = {name: value for name, value in before.items() if change.get(name, 0) is not None}
    return {
        **kept,
        **{
            name: _merged(kept.get(name), value)
            for name, value in change.items()
            if value is not None
        },
    }


def _discovery(path):
    if path == "/version":
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = []
        for version in _KINDS:
            group, slash, rest = version.partition("/")
            if slash:
                one = {"groupVersion": version, "version": rest}
                groups.append({"name": group, "versions": [one], "preferredVersion": one})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if path == "/openapi/v3":
        known = {version: _root(version) for version in _KINDS}
        return {
            "paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in known.values()}
        }
    for version, kinds in _KINDS.items():
        if path == f"/openapi/v3/{_root(version)}":
            return _schema(version, kinds)
    for version, kinds in _KINDS.items():
        if path == f"/{_root(version)}":
            listed = [
                {
                    "name": name,
                    "singularName": kind.lower(),
                    "namespaced": inside,
                    "kind": kind,
                    "verbs": _VERBS,
                    "shortNames": _SHORT.get(name, []),
                }
                for name, (kind, inside) in kinds.items()
            ]
            return {"kind": "APIResourceList", "groupVersion": version, "resources": listed}
    return None


def _root(version):
    return f"api/{version}" if "/" not in version else f"apis/{version}"


def _schema(version, kinds):
    """That the server looks at the fields of what is applied itself, of each kind."""
    group, _, number = version.rpartition("/")
    paths = {}
    for name, (kind, _) in kinds.items():
        known = {"group": group, "version": number, "kind": kind}
        looked = [{"name": "fieldValidation", "in": "query"}]
        patch = {"x-kubernetes-group-version-kind": known, "parameters": looked, "responses": {}}
        paths[f"/{_root(version)}/{name}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "", "version": ""}, "paths": paths}


@contextlib.contextmanager
def running(folder):
    """A cluster at a free port, and the file by which kubectl finds it."""
    cluster = Cluster()
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        cluster.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cluster.config = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "loop", "cluster": {"server": cluster.url}}],
            "contexts": [{"name": "loop", "context": {"cluster": "loop", "user": ""}}],
            "current-context": "loop",
        }
        cluster.config.write_text(yaml.safe_dump(content), "utf-8")
        yield cluster
        server.shutdown()
