"""Signed versions: who signed is in record and log, and decides what may enter a stage."""

import json
import shutil
import signal
import subprocess

import pytest
from own import held, keys
from own.versions import killed, refused


@pytest.fixture
def release(tmp_path):
    return keys.pair(tmp_path)


@pytest.fixture
def trusting(registry, release):
    """The project accepts one key, and asks for a signature."""
    keys.trusting(registry.root, release[1])
    return release[0]


@pytest.fixture
def sign(registry, mlops):
    """`sign("shop@v1.0.0", KEY)`."""

    def does(what, key):
        done = mlops("models", "sign", what, "--key", key, json=True)
        assert done.exit_code == 0, done.stderr
        return done.json

    return does


def log(registry):
    lines = registry.git("show", "mlops-registry:models/audit.jsonl").splitlines()
    return [json.loads(line) for line in lines]


def test_what_is_signed_before_it_is_registered_keeps_its_signature(
    registry, register, trusting, sign, promote, mlops
):
    done = sign(registry.runs["fair"], trusting)
    print_of_key = done["signer"]["fingerprint"]
    public = trusting.with_suffix(".pub").read_bytes()
    assert (
        subprocess.run(["sha256sum"], input=public, capture_output=True, check=True).stdout[:64]
        == print_of_key.encode()
    )
    register("fair")
    record = mlops("models", "show", "shop", json=True).json["record"]
    signer = {"kind": "key", "fingerprint": print_of_key, "name": "release.pub", "verified": True}
    assert record["signed"] == signer
    assert "model.sig" in record["bundle"]["files"]
    assert log(registry)[-1]["signed"] == signer
    assert "release.pub, key" in mlops("models", "show", "shop").stdout
    first = promote("shop", "production")["checks"][0]
    assert (first["name"], first["passed"]) == ("signed", True)
    assert print_of_key[:16] in first["said"]
    # As DVC holds it: the run is gone.
    shutil.rmtree(registry.root / "runs")
    shutil.rmtree(registry.root / ".mlops")
    assert mlops("predict", "--model", "shop@production", "good").exit_code == 0
    found = mlops("models", "verify", "shop", json=True).json["versions"][0]
    assert (found["signature"], found["signer"]) == ("trusted", first["said"].removeprefix("by "))


def test_an_unsigned_version_is_refused_and_signed_later(
    registry, register, trusting, sign, promote, mlops, tmp_path
):
    register("fair")
    words = ("models", "promote", "shop", "production")
    for more in ((), ("--force", "-m", "now")):
        done = mlops(*words, *more)
        assert done.exit_code == 6
        assert "signed: shop@v1.0.0 has no signature" in done.stderr
        assert "hint: mlops models sign shop@v1.0.0 --key FILE" in done.stderr
    refused(mlops("predict", "--model", "shop", "good"), 6, "", "mlops models sign")
    done = mlops("models", "verify", "shop")
    assert done.exit_code == 6
    assert "error: shop@v1.0.0 has no signature" in done.stderr

    other = keys.pair(tmp_path, "other")[0]
    sign("shop@v1.0.0", other)
    done = mlops(*words)
    assert done.exit_code == 6
    assert "registry.trust does not have it" in done.stderr
    assert mlops("models", "verify", "--all", json=True).exit_code == 6
    before = registry.git("show", "shop@v1.0.0:models/shop.dvc")
    signed = sign("shop@v1.0.0", trusting)
    assert signed["tag"] == "mlops-audit/6"
    assert registry.git("show", "mlops-registry:models/shop.dvc") == before
    entry = log(registry)[-1]
    assert (entry["action"], entry["signer"]) == ("sign", signed["signer"])
    promote("shop", "production")
    assert mlops("predict", "--model", "shop@production", "good").exit_code == 0
    assert mlops("models", "verify", "--all").exit_code == 0
    assert mlops("audit", "verify", json=True).json["entries"] == 7
    actions = [
        one["action"] for one in mlops("models", "history", "shop", json=True).json["events"]
    ]
    assert actions == ["register", "refuse", "refuse", "sign", "refuse", "sign", "promote"]
    assert (
        registry.git("status", "--porcelain", "--untracked-files=no") == " M configs/config.yaml\n"
    )


def test_a_bundle_that_is_signed_once_it_is_registered_leads_to_its_version(
    registry, register, trusting, promote, mlops
):
    """The version stays as it is: the signature that counts is made for it, by name."""
    register("fair")
    run, sign = registry.runs["fair"], f"mlops models sign shop@v1.0.0 --key {trusting}"
    done = mlops("models", "sign", run, "--key", trusting)
    assert done.exit_code == 0, done.stderr
    assert "warning: shop@v1.0.0 is registered, and stays without this signature" in done.stderr
    assert done.stdout.splitlines()[-1] == f"next: {sign}"
    done = mlops("models", "register", run)
    assert "warning: shop@v1.0.0 stays without the signature that its bundle got" in done.stderr
    assert done.stdout.splitlines()[-1] == "next: mlops models sign shop@v1.0.0 --key FILE"
    assert mlops("models", "promote", "shop", "production").exit_code == 6

    assert mlops(*sign.split()[1:]).exit_code == 0
    promote("shop", "production")
    done = mlops("models", "register", run)
    assert (done.stderr, "next: mlops models promote" in done.stdout) == ("", True)


def test_what_was_signed_before_it_was_registered_needs_no_other(
    registry, register, trusting, sign, mlops
):
    assert sign(registry.runs["fair"], trusting)["registered"] == ""
    register("fair")
    again = mlops("models", "register", registry.runs["fair"], json=True)
    assert (again.json["changed"], again.json["unsigned"], again.stderr) == (False, False, "")


def test_the_version_is_what_is_to_be_signed_and_not_a_copy_of_it(
    registry, register, trusting, mlops
):
    register("fair")
    hint = "hint: mlops models sign shop@v1.0.0 --key FILE"
    for words in (
        ("predict", "--model", "shop@v1.0.0", "good"),
        ("predict", "--bundle", ".mlops/registry/shop/v1.0.0", "good"),
        ("serve", "shop@v1.0.0", "--port", "0"),
    ):
        refused(mlops(*words), 6, "shop@v1.0.0 has no signature")
        assert hint in mlops(*words).stderr.splitlines()
    copy = registry.root / ".mlops" / "registry" / "shop" / "v1.0.0"
    done = mlops("models", "sign", str(copy), "--key", trusting)
    refused(done, 2, f"{copy} is a copy of shop@v1.0.0", "mlops models sign shop@v1.0.0")
    assert not (copy / "model.sig").exists()


def test_a_later_signature_comes_with_a_clone(
    registry, register, sign, trusting, promote, mlops, tmp_path, monkeypatch
):
    registry.git("commit", "--quiet", "-am", "Trust")
    register("fair")
    sign("shop@latest", trusting)
    promote("shop", "production")
    storage = tmp_path / "storage"
    held.git(registry.root, "init", "--quiet", "--bare", str(tmp_path / "hub.git"))
    registry.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    assert mlops("remote", "add", "lab", str(storage), "--default").exit_code == 0
    registry.git("commit", "--quiet", "-am", "Remote")
    registry.git("push", "--quiet", "--follow-tags", "origin", "main", "mlops-registry")
    assert mlops("push").exit_code == 0
    held.git(tmp_path, "clone", "--quiet", str(tmp_path / "hub.git"), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    assert mlops("audit", "verify", json=True).json["problems"] == []
    assert mlops("predict", "--model", "shop@production", "good").exit_code == 0
    place = tmp_path / "clone" / ".mlops" / "registry" / "shop" / "v1.0.0" / "model.sig"
    place.write_text(place.read_text("utf-8").replace("a", "b", 1), "utf-8")
    # What lies here and was changed is laid out again.
    assert mlops("predict", "--model", "shop@production", "good").exit_code == 0


def test_a_signature_that_is_wrong_is_not_registered(registry, sign, release, mlops):
    bundle = registry.bundle("fair")
    sign(registry.runs["better"], release[0])
    shutil.copyfile(registry.bundle("better") / "model.sig", bundle / "model.sig")
    done = mlops("models", "register", registry.runs["fair"])
    refused(done, 6, f"{bundle / 'model.sig'} is not the signature of the bundle.json beside it")
    sign(registry.runs["fair"], release[0])
    assert mlops("models", "register", registry.runs["fair"]).exit_code == 0
    assert mlops("models", "show", "shop", json=True).json["record"]["signed"]["verified"] is False


def test_a_rollback_asks_for_the_signature_too(registry, register, release, sign, promote, mlops):
    register("fair")
    register("better")
    promote("shop@v1.0.0", "production")
    promote("shop@v1.1.0", "production")
    keys.trusting(registry.root, release[1])
    done = mlops("models", "rollback", "shop")
    assert done.exit_code == 6
    assert "shop@v1.0.0 does not go to production: signed: " in done.stderr
    assert log(registry)[-1]["action"] == "refuse"
    sign("shop@v1.0.0", release[0])
    assert mlops("models", "rollback", "shop", json=True).json["version"] == "v1.0.0"


def test_a_refused_promotion_is_written_down(registry, register, promote, mlops):
    register("better")
    register("worse")
    promote("shop@v1.0.0", "production")
    done = mlops("models", "promote", "shop@v1.1.0", "production", "-m", "try it")
    assert done.exit_code == 6
    entry = log(registry)[-1]
    assert (entry["action"], entry["version"], entry["stage"]) == ("refuse", "v1.1.0", "production")
    assert (entry["from"], entry["why"], entry["by"]) == (
        "v1.0.0",
        "try it",
        "Test <test@example.com>",
    )
    assert [one.partition(":")[0] for one in entry["reasons"]] == ["mcc"]
    assert {one["name"]: one["passed"] for one in entry["gates"]}["mcc"] is False
    assert registry.git("cat-file", "-t", entry["tag"]).strip() == "tag"
    assert mlops("audit", "verify", json=True).json["tags"] == 4
    shown = mlops("models", "history", "shop@v1.1.0").stdout
    assert "refuse" in shown
    # Nothing moved, and GTO's reading of the tags is as before.
    assert mlops("models", "list", json=True).json["models"][0]["stages"] == {
        "production": "v1.0.0"
    }
    registry.git("tag", "-d", entry["tag"])
    done = mlops("audit", "verify")
    assert done.exit_code == 6
    assert f"entry 4: the tag {entry['tag']} is gone" in done.stderr


@pytest.mark.parametrize("action", ["sign", "refuse"])
def test_killed_at_any_moment_it_is_the_old_state_or_the_new(
    registry, register, promote, mlops, release, action
):
    register("better")
    register("worse")
    promote("shop@v1.0.0", "production")
    words = {
        "sign": ["models", "sign", "shop@v1.0.0", "--key", str(release[0])],
        "refuse": ["models", "promote", "shop@v1.1.0", "production"],
    }[action]
    before = log(registry)
    for number in range(1, 99):
        ended = killed(words, registry.root, number)
        assert mlops("audit", "verify").exit_code == 0
        if len(log(registry)) > len(before):
            break
        assert ended == -signal.SIGKILL
        assert log(registry) == before
    assert number > 8
    assert [one["action"] for one in log(registry)[3:]] == [action]
    assert registry.git("status", "--porcelain") == ""
