"""Manifests that Kubernetes takes, and what kubectl does with them."""

import hashlib
import json
import os
import shutil
import subprocess
import urllib.request

import kubernetes_validate
import pytest
import yaml
from own import cluster_stub
from own.engine import BASE, REGISTRY, needed
from own.servers import free_port
from own.versions import refused

DIGEST = "@sha256:" + "ab" * 32
IMAGE = f"registry.example.com/team/shop{DIGEST}"
NEXT = f"registry.example.com/team/shop@sha256:{'cd' * 32}"
KUBECTL = pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl")
pytestmark = pytest.mark.slow


def planned(mlops, shop, *words):
    """The manifests that a plan writes, by file."""
    done = mlops("deploy", "kubernetes", *words, "--plan", json=True)
    assert done.exit_code == 0, done.stderr
    folder = shop.root / "deploy" / "kubernetes" / "shop"
    assert {str(folder / path.name) for path in folder.iterdir()} == set(done.json["files"])
    return {path.name: yaml.safe_load(path.read_text("utf-8")) for path in folder.iterdir()}


def strict(content):
    kubernetes_validate.validate(content, "1.32", strict=True)


def test_the_manifests_are_valid_and_give_no_rights(shop, mlops):
    found = planned(mlops, shop, f"target.image={IMAGE}", "target.keys=shop-keys")
    kustomization = found.pop("kustomization.yaml")
    assert sorted(kustomization["resources"]) == sorted(found)
    for content in found.values():
        strict(content)
    pod = found["deployment.yaml"]["spec"]["template"]
    (server,) = pod["spec"]["containers"]
    security = server["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["allowPrivilegeEscalation"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert server["image"] == IMAGE
    assert server["resources"]["limits"] == {"memory": "1Gi", "cpu": "2"}
    assert {name for name in server if name.endswith("Probe")} == {
        "startupProbe",
        "livenessProbe",
        "readinessProbe",
    }
    secret = server["env"][0]["valueFrom"]["secretKeyRef"]
    assert secret == {"name": "shop-keys", "key": "MLOPS_API_KEYS"}
    chosen = found["service.yaml"]["spec"]["selector"].items()
    assert chosen <= pod["metadata"]["labels"].items()
    assert found["network.yaml"]["spec"]["egress"] == []
    digest = mlops("models", "show", "shop@v1.0.0", json=True).json["record"]["bundle"]["digest"]
    assert pod["metadata"]["annotations"]["mlops/bundle"] == digest
    scaled = found["autoscaler.yaml"]["spec"]
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (2, 6)
    assert scaled["scaleTargetRef"]["name"] == found["deployment.yaml"]["metadata"]["name"]


def test_strict_is_strict(shop, mlops):
    content = planned(mlops, shop, f"target.image={IMAGE}")["deployment.yaml"]
    content["spec"]["template"]["spec"]["containers"][0]["imagePulPolicy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePulPolicy"):
        strict(content)


def test_an_inference_service_of_kserve(shop, mlops):
    found = planned(mlops, shop, f"target.image={IMAGE}", "target.kind=kserve")
    service = found["inferenceservice.yaml"]
    assert (service["apiVersion"], service["kind"]) == (
        "serving.kserve.io/v1beta1",
        "InferenceService",
    )
    predictor = service["spec"]["predictor"]
    assert "canaryTrafficPercent" not in predictor
    # What KServe puts into a pod as it is has to be valid there.
    pod = {name: predictor[name] for name in ("serviceAccountName", "containers", "volumes")}
    strict({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod})


def test_what_can_not_be_planned(shop, mlops):
    done = mlops("deploy", "kubernetes", "--plan")
    refused(done, 2, "kubernetes pulls its image from a registry, and none is named", "target.reg")
    done = mlops("deploy", "kubernetes", "--plan", "target.image=shop:latest")
    refused(done, 3, "target.image shop:latest has no digest", "mlops package --push")
    done = mlops("deploy", "kubernetes", "--plan", "target.image=shop@sha256:12ab")
    refused(done, 3, "target.image 'shop@sha256:12ab' does not end in a digest", "--push")
    done = mlops("deploy", "kubernetes", "--plan", "target.registry=https://registry.example.com")
    refused(done, 3, "target.registry 'https://registry.example.com' is no reg", "without https://")
    words = ("target.replicas=5", "target.max_replicas=3")
    refused(mlops("deploy", "kubernetes", "--plan", *words), 3, "target.max_replicas 3 is below")
    done = mlops("deploy", "kubernetes", "--plan", "target.memory=lots")
    refused(done, 3, "target.memory 'lots' is no quantity of Kubernetes", "1Gi")
    assert not (shop.root / "deploy").exists()


@pytest.fixture
def cluster(tmp_path, monkeypatch, shop):
    with cluster_stub.running(tmp_path) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.config))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
        shop.git("config", "user.name", "Me")
        shop.git("config", "user.email", "me@example.com")
        yield cluster


def deploy(mlops, *words):
    done = mlops("deploy", *words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


def image(cluster, name="shop"):
    found = cluster.get("deployments", name)
    return found and found["spec"]["template"]["spec"]["containers"][0]["image"]


@KUBECTL
def test_a_version_is_applied_tried_rolled_back_and_deleted(cluster, shop, mlops):
    ours, theirs = f"target.image={IMAGE}", f"target.image={NEXT}"
    checked = deploy(mlops, "check", "kubernetes", ours)
    assert all(need["there"] for need in checked["needs"]), checked
    first = deploy(mlops, "kubernetes", ours)
    assert first["live"]["where"] == "loop default/shop"
    assert (first["live"]["state"], image(cluster)) == ("running", IMAGE)
    kinds = {key[1] for key in cluster.objects}
    assert {"services", "networkpolicies", "poddisruptionbudgets", "serviceaccounts"} <= kinds

    words = ("kubernetes", "shop@v1.1.0", theirs, "target.max_replicas=9", "--canary", "10%")
    trial = deploy(mlops, *words)
    assert (image(cluster), image(cluster, "shop-canary")) == (IMAGE, NEXT)
    assert cluster.get("horizontalpodautoscalers", "shop")["spec"]["minReplicas"] == 9
    assert cluster.get("deployments", "shop-canary")["spec"]["replicas"] == 1
    assert trial["live"]["canary"]["digest"] == trial["record"]["bundle"]
    (standing,) = deploy(mlops, "status")["deployments"]
    assert (standing["agrees"], standing["record"]["version"]) == (True, "v1.0.0")

    assert deploy(mlops, "rollback", "kubernetes")["record"]["action"] == "withdraw"
    assert cluster.get("deployments", "shop-canary") is None
    assert cluster.get("horizontalpodautoscalers", "shop")["spec"]["minReplicas"] == 2

    second = deploy(mlops, "kubernetes", "shop@v1.1.0", theirs)
    assert (second["record"]["image"], image(cluster)) == (NEXT, NEXT)
    back = deploy(mlops, "rollback", "kubernetes")
    assert (back["record"]["version"], image(cluster)) == ("v1.0.0", IMAGE)
    folder = shop.root / "deploy" / "kubernetes" / "shop"
    assert IMAGE in (folder / "deployment.yaml").read_text("utf-8")
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, check=True)
    assert len(list(yaml.safe_load_all(done.stdout))) == 6

    removed = deploy(mlops, "destroy", "kubernetes", "--yes")["removed"]
    assert len(removed) == 6
    assert {key[1] for key in cluster.objects} == {"namespaces"}
    assert mlops("audit", "verify").exit_code == 0


@KUBECTL
def test_an_inference_service_steers_its_canary_itself(cluster, shop, mlops):
    def predictor():
        found = cluster.get("inferenceservices", "shop")["spec"]["predictor"]
        return found["containers"][0]["image"], found.get("canaryTrafficPercent")

    kserve = "target.kind=kserve"
    deploy(mlops, "kubernetes", f"target.image={IMAGE}", kserve)
    assert predictor() == (IMAGE, None)
    words = ("kubernetes", "shop@v1.1.0", f"target.image={NEXT}", kserve)
    trial = deploy(mlops, *words, "--canary", "10%")
    assert predictor() == (NEXT, 10)
    assert trial["live"]["canary"] == {
        "share": 0.1,
        "digest": trial["record"]["bundle"],
        "said": "shop@v1.1.0",
    }
    assert deploy(mlops, "rollback", "kubernetes")["record"]["action"] == "withdraw"
    assert predictor() == (NEXT, 0)
    deploy(mlops, *words)
    assert predictor() == (NEXT, None)
    assert deploy(mlops, "rollback", "kubernetes")["record"]["version"] == "v1.0.0"
    assert predictor() == (IMAGE, None)
    deploy(mlops, "destroy", "kubernetes", "--yes")
    assert {key[1] for key in cluster.objects} == {"namespaces"}


@KUBECTL
@needed
def test_what_pods_pull_is_pushed_and_named_by_its_digest(cluster, shop, mlops):
    config = shop.root / "configs" / "config.yaml"
    base = f"image: {{base: '{BASE}'}}\n"
    config.write_text(config.read_text("utf-8") + base, "utf-8")
    # A run: what is registered has the name that other tests give their images.
    team, run = f"{REGISTRY}/pods-{os.getpid()}", shop.runs["better"]
    try:
        done = deploy(mlops, "kubernetes", run, f"target.registry={team}")
    finally:
        tags = (f"shop:{run}", f"{team}/shop:{run}")
        subprocess.run(["docker", "image", "rm", "--force", *tags], check=False)
    digest = done["record"]["image_digest"]
    assert image(cluster) == f"{team}/shop@{digest}"
    repository = team.partition("/")[2]
    asked = urllib.request.Request(
        f"http://{REGISTRY}/v2/{repository}/shop/manifests/{digest}",
        headers={"accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert f"sha256:{hashlib.sha256(answer.read()).hexdigest()}" == digest


def entries(shop):
    text = shop.git("show", "mlops-registry:models/audit.jsonl")
    return [json.loads(line)["action"] for line in text.splitlines()]


def last(done):
    """Without what was told of progress."""
    assert "Traceback" not in done.stderr
    kept = [line for line in done.stderr.splitlines() if line.startswith(("error", "hint"))]
    return type(done)(done.exit_code, done.stdout, "\n".join(kept))


@KUBECTL
def test_what_fails_in_the_cluster_gives_way_to_what_was_there(cluster, shop, mlops):
    deploy(mlops, "kubernetes", f"target.image={IMAGE}")
    cluster.broken.add(NEXT)
    words = ("kubernetes", "shop@v1.1.0", f"target.image={NEXT}", "target.seconds=1")
    done = last(mlops("deploy", *words))
    assert done.exit_code == 1
    assert "not deployed, the one before answers again: what was applied did not get" in done.stderr
    assert image(cluster) == IMAGE
    cluster.broken.clear()
    cluster.served = {"shop": "another"}
    done = last(mlops("deploy", *words))
    assert done.exit_code == 6
    assert "the pods answer with the bundle another" in done.stderr
    assert image(cluster) == IMAGE
    assert entries(shop)[-1] == "deploy"
    assert entries(shop).count("deploy") == 1


@KUBECTL
def test_pods_on_trial_are_asked_what_they_serve(cluster, shop, mlops):
    deploy(mlops, "kubernetes", f"target.image={IMAGE}")
    words = ("kubernetes", "shop@v1.1.0", f"target.image={NEXT}", "target.max_replicas=9")
    cluster.served = {"shop-canary": "another"}
    done = last(mlops("deploy", *words, "--canary", "20%"))
    assert done.exit_code == 6
    assert "not deployed, the trial is taken away: the pods on trial answer with" in done.stderr
    assert (image(cluster), image(cluster, "shop-canary")) == (IMAGE, None)
    cluster.served, cluster.asked[:] = {}, []
    deploy(mlops, *words, "--canary", "20%")
    asked = {path for _, path, _ in cluster.asked if path.endswith("/proxy/models")}
    assert asked == {"/api/v1/namespaces/default/pods/http:shop-canary-0:8000/proxy/models"}
    # A trial of something else beside it does not make what is deployed look wrong.
    cluster.served = {"shop-canary": "another"}
    deploy(mlops, *words)
    assert image(cluster) == NEXT


@KUBECTL
def test_where_no_pod_can_be_asked_nothing_is_taken_for_proven(cluster, shop, mlops):
    cluster.hidden = True
    done = mlops("deploy", "kubernetes", f"target.image={IMAGE}")
    assert done.exit_code == 1
    assert "no pod is ready that could be asked what it serves" in done.stderr


@KUBECTL
def test_pods_that_want_a_key_are_told_by_their_manifest(cluster, shop, mlops):
    cluster.keys = True
    done = mlops("deploy", "kubernetes", f"target.image={IMAGE}", json=True)
    assert done.exit_code == 0, done.stderr
    assert "the pods can't be asked what they serve" in done.stderr
    assert done.json["live"]["digest"] == done.json["record"]["bundle"]


@KUBECTL
def test_what_a_cluster_lacks_is_told_first(cluster, shop, mlops, monkeypatch):
    done = mlops("deploy", "check", "kubernetes", json=True)
    assert (done.exit_code, [one["name"] for one in done.json["needs"] if not one["there"]]) == (
        4, ["registry"],
    )  # fmt: skip
    assert "things that kubernetes takes is missing, first: registry" in done.stderr
    ours = f"target.image={IMAGE}"
    done = mlops("deploy", "kubernetes", ours, "target.namespace=prod")
    refused(done, 4, "namespace: there is no prod", "kubectl create namespace prod")
    done = mlops("deploy", "kubernetes", ours, "target.keys=shop-keys")
    refused(done, 4, "API keys: no secret shop-keys", "kubectl create secret generic shop-keys")
    cluster.denied.add("networkpolicies")
    done = mlops("deploy", "kubernetes", ours)
    refused(done, 4, "permission: networkpolicies.networking.k8s.io may not be changed")
    assert {key[1] for key in cluster.objects} == {"namespaces"}
    config = yaml.safe_load(cluster.config.read_text("utf-8"))
    config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{free_port()}"
    cluster.config.write_text(yaml.safe_dump(config), "utf-8")
    done = mlops("deploy", "kubernetes", ours)
    refused(done, 4, "cluster: the cluster does not answer", "kubectl config get-contexts")


def test_a_share_that_takes_more_pods_than_there_may_be(shop, mlops, monkeypatch):
    from mlops_cli.errors import UsageError
    from mlops_cli.schemas.target import KubernetesTargetConfig
    from mlops_cli.targets.kubernetes.manifests import pods

    config = KubernetesTargetConfig(replicas=2, max_replicas=9)
    assert [pods(config, share) for share in (0.1, 0.25, 0.5)] == [(9, 1), (3, 1), (2, 2)]
    with pytest.raises(UsageError, match="takes 19 pods beside") as raised:
        pods(config, 0.05)
    assert raised.value.hint.startswith("--canary 10%")
    # Without kubectl the manifests can still be written.
    monkeypatch.setenv("PATH", str(shop.root))
