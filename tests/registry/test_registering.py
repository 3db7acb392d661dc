"""A bundle becomes a version: a tag that GTO reads, a record, bytes under DVC, nothing touched."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from own import held
from own.versions import refused

BIN = Path(sys.executable).parent


def gto(root, *words):
    done = subprocess.run(
        [BIN / "gto", *words, "--json"], cwd=root, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_a_version_is_a_tag_with_its_record_in_the_same_commit(registry, register, mlops):
    done = register("fair", "--message", "the first\n\nAudit: none")
    assert (done["model"], done["version"], done["tag"]) == ("shop", "v1.0.0", "shop@v1.0.0")
    commit = registry.git("rev-list", "-n1", "shop@v1.0.0").strip()
    assert commit == done["commit"] == registry.git("rev-parse", "mlops-registry").strip()
    record = json.loads(registry.git("show", f"{commit}:models/shop.json"))
    bundle = registry.bundle("fair")
    for name, digest in record["bundle"]["files"].items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest
    assert set(record["bundle"]["files"]) == {path.name for path in bundle.iterdir()}
    assert record["run"] == registry.runs["fair"]
    assert record["data"]["fingerprints"].keys() == {"train", "validation"}
    assert record["signature"]["labels"] == ["neg", "pos"]
    assert record["signature"]["inputs"] == {"text": "text"}
    assert record["metrics"]["accuracy"] == 0.5
    config = registry.git("show", f"{commit}:models/shop.yaml")
    assert hashlib.sha256(config.encode()).hexdigest() == record["config"]["sha256"]
    tag = registry.git("cat-file", "tag", "shop@v1.0.0")
    assert "Test <test@example.com>" in tag
    assert "the first Audit: none" in tag
    assert registry.git("cat-file", "-t", "shop@v1.0.0").strip() == "tag"


def test_gto_reads_what_was_written(registry, register, promote):
    register("fair")
    register("better", "--bump", "major")
    promote("shop@v1.0.0", "production")
    promote("shop@v2.0.0", "production")
    promote("shop@v2.0.0", "staging")
    assert gto(registry.root, "show")["shop"]["version"] == "v2.0.0"
    assert gto(registry.root, "show")["shop"]["stage"] == {
        "production": "v2.0.0",
        "staging": "v2.0.0",
    }
    events = [(one["event"], one["version"]) for one in gto(registry.root, "history", "shop")]
    assert sorted(events) == [
        ("assignment", "v1.0.0"),
        ("assignment", "v2.0.0"),
        ("assignment", "v2.0.0"),
        ("registration", "v1.0.0"),
        ("registration", "v2.0.0"),
    ]
    assert registry.git("tag", "--list", "shop#*").split() == [
        "shop#production#1",
        "shop#production#2",
        "shop#staging#3",
    ]


def test_dvc_itself_gets_a_version(registry, register, mlops, tmp_path):
    register("fair")
    register("better")
    assert mlops("push").exit_code == 0
    words = ["get", ".", "models/shop", "--rev", "shop@v1.0.0", "-o", str(tmp_path / "got")]
    subprocess.run([BIN / "dvc", *words], check=True, capture_output=True)
    bundle = registry.bundle("fair")
    got = {path.name: path.read_bytes() for path in (tmp_path / "got").iterdir()}
    assert got == {path.name: path.read_bytes() for path in bundle.iterdir()}


def test_nothing_of_the_users_work_is_touched(registry, register, promote):
    (registry.root / "train.csv").write_text("text,label\nstaged,pos\n", "utf-8")
    registry.git("add", "train.csv")
    (registry.root / "train.csv").write_text("text,label\nnot staged,pos\n", "utf-8")
    (registry.root / "new.txt").write_text("unknown to git", "utf-8")
    kept = [registry.git(*words) for words in (
        ("status", "--porcelain"), ("diff"  ,), ("diff", "--cached"), ("rev-parse", "HEAD"),
        ("symbolic-ref", "HEAD"), ("stash", "list"), ("ls-files", "--stage"),
    )]  # fmt: skip
    before = (registry.root / ".git" / "index").read_bytes()
    register("fair")
    promote("shop", "staging")
    assert (registry.root / ".git" / "index").read_bytes() == before
    assert kept == [registry.git(*words) for words in (
        ("status", "--porcelain"), ("diff"  ,), ("diff", "--cached"), ("rev-parse", "HEAD"),
        ("symbolic-ref", "HEAD"), ("stash", "list"), ("ls-files", "--stage"),
    )]  # fmt: skip


def test_it_works_on_a_detached_head_and_in_a_folder_of_a_repository(
    registry, register, made, tmp_path, monkeypatch, mlops
):
    registry.git("checkout", "--quiet", "--detach")
    assert register("fair")["version"] == "v1.0.0"
    top = tmp_path / "mono"
    top.mkdir()
    held.git(top, "init", "--quiet")
    inside = made.copied(top / "parts" / "shop")
    shutil.rmtree(inside.root / ".git")
    monkeypatch.chdir(inside.root)
    # No commit yet.
    done = mlops("models", "register", inside.runs["fair"], json=True)
    assert done.exit_code == 0, done.stderr
    assert mlops("models", "promote", "shop", "production").exit_code == 0
    assert mlops("models", "verify", "shop@production").exit_code == 0
    assert mlops("audit", "verify", json=True).json["entries"] == 2
    listed = held.git(top, "ls-tree", "-r", "--name-only", "mlops-registry").split()
    assert "parts/shop/models/shop.json" in listed


def test_a_second_project_of_a_repository_is_refused(registry, register, mlops, monkeypatch):
    """Tags are of the whole repository: a second registry would number its own like the first."""
    register("fair")
    other = registry.root / "other"
    (other / "configs").mkdir(parents=True)
    shutil.copy(registry.root / "configs" / "config.yaml", other / "configs")
    shutil.copytree(registry.bundle("better"), other / "bundle")
    before = registry.git("for-each-ref")
    monkeypatch.chdir(other)
    words = "models register bundle", "models list", "models verify --all", "audit verify"
    for line in words:
        told = "this repository keeps the registry of another project"
        refused(mlops(*line.split()), 5, told, "a repository of its own")
    assert registry.git("for-each-ref") == before


def test_a_remote_without_models_is_not_taken_for_one_with_some(registry, register, mlops):
    registry.git("remote", "add", "origin", "https://example.com/shop.git")
    assert mlops("models", "list").exit_code == 0
    refused(mlops("models", "show", "shop"), 5, "no model is registered", "mlops models register")
    register("fair")
    registry.git("tag", "-d", "shop@v1.0.0")
    refused(mlops("models", "list"), 5, "no model is registered in this clone", "git fetch --tags")


def test_versions_go_up_as_asked(register, mlops):
    assert register("fair")["version"] == "v1.0.0"
    assert register("better")["version"] == "v1.1.0"
    assert register("best", "--bump", "patch")["version"] == "v1.1.1"
    assert register("worse", "--version", "2.0.0-rc.1")["version"] == "v2.0.0-rc.1"
    assert register("odd", "--name", "topics", "--bump", "major")["version"] == "v1.0.0"
    found = mlops("models", "list", json=True).json["models"]
    assert [one["name"] for one in found] == ["shop", "topics"]
    assert [one["version"] for one in found[0]["versions"]] == [
        "v2.0.0-rc.1", "v1.1.1", "v1.1.0", "v1.0.0",
    ]  # fmt: skip


def test_what_people_see(register, promote, mlops):
    assert "No model is registered\nnext: mlops models register" in mlops("models", "list").stdout
    register("fair", "-m", "why not")
    promote("shop", "production", "-m", "go")
    listed = mlops("models", "list").stdout
    assert "next: mlops models show shop" in listed
    assert "production" in listed
    shown = mlops("models", "show", "shop@production").stdout
    assert "why not" in shown
    assert "next: mlops serve shop@production" in shown
    told = mlops("models", "history", "shop").stdout
    assert "register  v1.0.0" in told
    assert "promote   v1.0.0   production" in told


def test_history_tells_from_what_a_version_was_registered(registry, register, promote, mlops):
    run, commit = registry.runs["fair"], registry.git("rev-parse", "HEAD").strip()
    record = registry.root / "runs" / run / "run.json"
    facts = json.loads(record.read_text("utf-8"))
    git = {"commit": commit, "branch": None, "dirty_hash": None}
    record.write_text(json.dumps({**facts, "git": git}), "utf-8")
    register("fair")
    promote("shop", "production")
    assert f"\n  from {run} at {commit[:12]}" in mlops("models", "history", "shop").stdout
    first, second = mlops("models", "history", "shop", json=True).json["events"]
    assert (first["run"], first["commit"]) == (run, commit)
    assert (second["run"], second["commit"]) == ("", "")


def test_lineage_leads_from_the_version_to_the_data(registry, register, mlops):
    register("fair")
    tree = mlops("models", "show", "shop@latest", "--lineage").stdout
    assert f"run {registry.runs['fair']}" in tree
    lineage = mlops("models", "show", "shop", json=True).json["lineage"]
    run = json.loads((registry.bundle("fair").parent / "run.json").read_text("utf-8"))
    assert lineage["run"]["id"] == registry.runs["fair"]
    assert lineage["run"]["data"]["fingerprints"] == run["data"]["fingerprints"]
    assert lineage["run"]["config"]["sha256"] == run["config_sha256"]
    assert lineage["metrics"]["accuracy"] == 0.5


def test_lineage_leads_to_where_the_version_is_used(register, promote, mlops):
    register("fair")
    register("better")
    promote("shop@v1.0.0", "staging")
    promote("shop@v1.0.0", "production")
    promote("shop@v1.1.0", "production")

    def used(version):
        spans = mlops("models", "show", version, json=True).json["lineage"]["used"]
        return [(one["stage"], one["until"] is None) for one in spans]

    assert used("shop@v1.0.0") == [("staging", True), ("production", False)]
    assert used("shop@v1.1.0") == [("production", True)]
    assert mlops("models", "rollback", "shop").exit_code == 0
    assert used("shop@v1.0.0") == [("staging", True), ("production", False), ("production", True)]
    assert used("shop@v1.1.0") == [("production", False)]
    tree = mlops("models", "show", "shop@v1.0.0", "--lineage").stdout
    assert tree.count("production since") == 2
    assert tree.count("until now") == 2


def test_pull_brings_the_versions_that_are_in_a_stage(
    registry, register, promote, mlops, tmp_path, monkeypatch
):
    for name in ("fair", "better"):
        register(name)
    promote("shop@v1.0.0", "production")
    assert mlops("push").exit_code == 0
    storage = registry.root / ".dvc-storage"
    held.git(tmp_path, "clone", "--quiet", str(registry.root), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    assert mlops("remote", "add", "storage", str(storage), "--force").exit_code == 0
    came = mlops("pull", json=True)
    assert came.exit_code == 0, came.stderr
    record = mlops("models", "show", "shop@production", json=True).json["record"]
    # Every file of the bundle, and the list of them.
    assert came.json["fetched"] == len(record["bundle"]["files"]) + 1
    assert mlops("pull", json=True).json["fetched"] == 0
    shutil.rmtree(storage)
    assert mlops("predict", "--model", "shop@production", "good").exit_code == 0
    assert mlops("predict", "--model", "shop@v1.1.0", "good").exit_code == 5


def test_push_carries_every_version_to_a_clone_that_verifies_them(
    registry, register, promote, mlops, tmp_path, monkeypatch
):
    held.git(tmp_path, "init", "--quiet", "--bare", "hub.git")
    registry.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    registry.git("push", "--quiet", "origin", "main")
    register("fair")
    said = mlops("models", "register", registry.runs["better"]).stdout
    assert "mlops push && git push --follow-tags origin mlops-registry" in said
    promote("shop@v1.0.0", "production")
    registry.git("push", "--quiet", "--follow-tags", "origin", "mlops-registry")
    status = mlops("status", json=True).json
    assert any(name.startswith("shop@v1.0.0/") for name in status["unpushed"])
    assert status["next_step"] == "mlops push"
    sent = mlops("push", json=True)
    assert sent.exit_code == 0, sent.stderr
    assert mlops("status", json=True).json["unpushed"] == []
    assert mlops("push", json=True).json["sent"] == 0
    for depth in ([], ["--depth", "1"]):
        target = tmp_path / f"clone{len(depth)}"
        url = f"file://{tmp_path / 'hub.git'}"
        held.git(tmp_path, "clone", "--quiet", *depth, url, str(target))
        monkeypatch.chdir(target)
        mlops("remote", "add", "storage", str(registry.root / ".dvc-storage"), "--force")
        if depth:
            bare = mlops("models", "show", "shop")
            refused(bare, 5, "no model is registered in this clone")
            fetch = "git fetch --tags origin mlops-registry:mlops-registry"
            assert f"hint: {fetch}" in bare.stderr
            held.git(target, *fetch.split()[1:])
        found = mlops("models", "verify", "--all", json=True)
        assert found.exit_code == 0, found.stderr
        assert [one["status"] for one in found.json["versions"]] == ["fetched", "fetched"]
        assert mlops("audit", "verify", json=True).json["entries"] == 3
        shown = mlops("models", "show", "shop@production", json=True).json
        assert shown["version"]["version"] == "v1.0.0"
        # Without the remote: what came is here.
        held.git(target, "remote", "remove", "origin") if depth else None
        assert mlops("predict", "--run", "shop@production", "good", json=True).exit_code == 0
        promoted = mlops("models", "promote", "shop@v1.1.0", "production", json=True)
        assert promoted.exit_code == 0, promoted.stderr
        assert mlops("models", "rollback", "shop", json=True).json["version"] == "v1.0.0"


def test_what_is_registered_stays_the_version_it_is(registry, register, mlops):
    first = register("fair")
    log = registry.git("show", "mlops-registry:models/audit.jsonl")
    again = mlops("models", "register", registry.runs["fair"], json=True)
    assert again.exit_code == 0, again.stderr
    same = ("version", "tag", "commit", "digest", "files", "bytes")
    assert [again.json[name] for name in same] == [first[name] for name in same]
    assert (again.json["changed"], registry.git("tag").split()) == (False, ["shop@v1.0.0"])
    assert registry.git("show", "mlops-registry:models/audit.jsonl") == log
    done = mlops("models", "register", registry.runs["fair"])
    assert done.stdout.startswith("✓ shop v1.0.0 is this very bundle, registered already (run ")
    bumped = mlops("models", "register", registry.runs["fair"], "--bump", "major")
    assert "this bundle is v1.0.0 already: --bump makes no other of it" in bumped.stderr


def test_what_is_deprecated_is_said_to_be_when_it_is_registered_again(registry, register, mlops):
    register("fair")
    register("better")
    run = registry.runs["fair"]
    for name in ("shop@v1.0.0", "shop"):
        assert mlops("models", "deprecate", name).exit_code == 0
        done = mlops("models", "register", run)
        assert done.exit_code == 0
        assert done.stderr == f"warning: {name} is deprecated: no stage takes it\n"
        assert done.stdout.splitlines()[-1] == "next: mlops models history shop"
        assert mlops("models", "register", run, json=True).json["deprecated"] is True
        other = mlops("models", "register", run, "--version", "v3.0.0")
        refused(
            other, 5, f"this very bundle is registered as shop@v1.0.0, and {name} is", "history"
        )


def test_a_new_version_brings_a_deprecated_model_back_and_says_so(
    registry, register, promote, mlops
):
    register("fair")
    register("better")
    for name in ("shop@v1.0.0", "shop"):
        assert mlops("models", "deprecate", name).exit_code == 0
    done = mlops("models", "register", registry.runs["best"])
    assert done.exit_code == 0
    assert "warning: shop was deprecated as a whole, and is in use again" in done.stderr
    assert mlops("models", "list", json=True).json["models"][0]["deprecated"] is False
    assert (
        "shop@v1.0.0 is deprecated" in mlops("models", "promote", "shop@v1.0.0", "staging").stderr
    )
    promote("shop@v1.1.0", "staging")
    assert "in use again" not in mlops("models", "register", registry.runs["worse"]).stderr


def test_what_cant_be_registered(registry, register, mlops, tmp_path):
    def does(*words):
        return mlops("models", "register", *words)

    register("fair")
    better = registry.runs["better"]
    done = does(registry.runs["fair"], "--version", "v3.0.0")
    refused(done, 5, "this very bundle is registered as shop@v1.0.0", "promote")
    refused(does(better, "--version", "v1.0.0"), 2, "shop v1.0.0 is registered already", "v1.1.0")
    refused(does(better, "--version", "one"), 2, "'one' is no version", "v1.2.0")
    refused(does(better, "--bump", "mayor"), 2, "--bump takes no 'mayor'", "did you mean major?")
    refused(does(better, "--bump", "major", "--version", "v3.0.0"), 2, "--bump and --version")
    refused(does(better, "--name", "My Model"), 2, "'My Model' is no name", "such as my-model")
    refused(does(better, "--name", "../up"), 2, "'../up' is no name", "such as up")
    refused(does("nothing"), 5, "no run 'nothing'")
    refused(does(str(tmp_path)), 5, "no bundle in")
    damaged = registry.bundle("better") / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    refused(does(better), 5, "", "export")
    assert registry.git("tag", "--list").split() == ["shop@v1.0.0"]


@pytest.mark.parametrize("how", ["owned by another", "config", "HEAD"])
def test_a_repository_that_git_refuses_is_not_taken_for_none(registry, mlops, monkeypatch, how):
    said, hint = "not a git repository (or any", f"mend {registry.root / '.git'}"
    if how == "config":
        (registry.root / ".git" / "config").write_text("[core", "utf-8")
        said = "bad config line "
    elif how == "HEAD":
        (registry.root / ".git" / "HEAD").write_text("garbage", "utf-8")
    else:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        said = f"detected dubious ownership in repository at '{registry.root}'"
        hint = f"git config --global --add safe.directory {registry.root}"
    message = f"git does not work in {registry.root}: fatal: {said}"
    for words in (["models", "list"], ["models", "promote", "shop", "staging"], ["push"]):
        refused(mlops(*words), 5, message, hint)

    for more in ([], ["--fix"]):
        done = mlops("doctor", "--offline", *more, json=True)
        assert done.exit_code == 5
        told = [one for one in done.json["findings"] if one["name"] == "repository"]
        assert [(one["area"], one["status"]) for one in told] == [("git", "error")]
        assert told[0]["detail"].startswith(message)
        assert told[0]["remedy"].startswith(hint)
        assert done.json["fixed"] == 0


def test_without_git_dvc_or_a_name(registry, mlops, monkeypatch):
    run = registry.runs["fair"]
    shutil.move(registry.root / ".dvc", registry.root / "away")
    refused(mlops("models", "register", run), 5, f"{registry.root} is no DVC project", "dvc init")
    shutil.move(registry.root / "away", registry.root / ".dvc")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    registry.git("config", "user.useConfigOnly", "true")
    refused(mlops("models", "register", run), 4, "git does not know who you are", "user.name")
    shutil.rmtree(registry.root / ".git")
    refused(mlops("models", "list"), 5, f"{registry.root} lies in no git repository", "git init")
    monkeypatch.setenv("PATH", "")
    refused(mlops("models", "list"), 4, "the registry of models is kept by git", "install git")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("shpo", "no model 'shpo' is registered", "did you mean shop?"),
        ("shop@v1.0.1", "shop has no version v1.0.1", "did you mean shop@v1.0.0?"),
        ("shop@prodcution", "no version of shop is in stage 'prodcution'", "shop@production?"),
        ("shop@qa", "no version of shop is in stage 'qa'", "stages: staging, production"),
        ("shop@staging", "no version of shop is in", "mlops models promote shop staging"),
        ("shop@v9", "shop has no version v9", "versions: v1.0.0"),
        ("shop@1.0", "shop has no version v1.0", "did you mean shop@v1.0.0?"),
    ],
)
def test_names_that_are_not_there(register, promote, mlops, words, message, hint):
    register("fair")
    promote("shop", "production")
    for command in (("show",), ("verify",), ("history",)):
        refused(mlops("models", *command, words), 5, message, hint)
    if "@" in words:
        refused(mlops("predict", "--run", words, "a text"), 5, message, hint)


@pytest.mark.parametrize("command", ["show", "history", "verify", "deprecate"])
def test_a_stage_of_no_model_is_a_slip_of_the_pen(register, promote, mlops, command):
    register("fair")
    promote("shop", "production")
    done = mlops("models", command, "@production")
    refused(done, 2, "'@production' names no model", "shop@production")


def test_who_was_faster_wins(registry, register, mlops, monkeypatch):
    from mlops_cli.registry import storage

    take = storage.take

    def slowly(*words):
        monkeypatch.setattr(storage, "take", take)
        register("better")  # Meanwhile.
        return take(*words)

    monkeypatch.setattr(storage, "take", slowly)
    done = mlops("models", "register", registry.runs["fair"])
    refused(done, 1, "the registry was changed by somebody else meanwhile", "again")
    assert mlops("audit", "verify", json=True).json["entries"] == 1


def test_two_clones_that_went_different_ways(registry, register, mlops, tmp_path):
    held.git(tmp_path, "init", "--quiet", "--bare", "hub.git")
    registry.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    register("fair")
    registry.git("push", "--quiet", "origin", "mlops-registry")
    theirs = registry.git("commit-tree", "-p", "mlops-registry", "-m", "x", "mlops-registry^{tree}")
    hub = str(tmp_path / "hub.git")
    registry.git("push", "--quiet", hub, f"{theirs.strip()}:refs/heads/mlops-registry")
    register("better")
    registry.git("fetch", "--quiet")
    done = mlops("models", "register", registry.runs["best"])
    refused(done, 1, "mlops-registry here and at the git remote went different ways", "branch -f")
    for command in done.stderr.partition("do it again: ")[2].strip().split(" && "):
        registry.git(*command.split()[1:])
    assert register("better")["version"] == "v1.1.0"
    assert mlops("audit", "verify", json=True).json["entries"] == 2


def test_the_branch_is_not_for_working_on(registry, register, mlops):
    register("fair")
    registry.git("checkout", "--quiet", "mlops-registry")
    done = mlops("models", "deprecate", "shop")
    refused(done, 1, "mlops-registry is checked out", "git switch")
