"""The audit log: whatever is done to it afterwards is found, and said where."""

import json
import os
import random
import signal
import subprocess
import time

import pytest
from own import held
from own.versions import killed, refused

from mlops_cli.registry import audit

FILE = "models/audit.jsonl"


def put(root, text):
    """Another log on the branch of the registry, as a commit of somebody's."""
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=root, input=text, check=True,
        capture_output=True, encoding="utf-8",
    ).stdout.strip()  # fmt: skip
    env = os.environ | {"GIT_INDEX_FILE": ".git/other"}

    def git(*words):
        return subprocess.run(
            ["git", *words], cwd=root, env=env, check=True, capture_output=True, encoding="utf-8"
        ).stdout.strip()

    git("read-tree", "mlops-registry")
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},{FILE}")
    tree = git("write-tree")
    commit = held.git(root, "commit-tree", tree, "-p", "mlops-registry", "-m", "Tidy up").strip()
    held.git(root, "update-ref", "refs/heads/mlops-registry", commit)


@pytest.fixture
def log(registry, register, promote, mlops):
    """A log of five entries, line by line."""
    for name in ("fair", "better"):
        register(name)
        promote("shop", "production", "-m", f"{name} is good")
    assert mlops("models", "rollback", "shop").exit_code == 0
    whole = mlops("audit", "verify", json=True).json
    assert (whole["entries"], whole["tags"], whole["problems"]) == (5, 5, [])
    return registry.git("show", f"mlops-registry:{FILE}").splitlines(keepends=True)


def edited(line, **facts):
    return json.dumps(json.loads(line) | facts, ensure_ascii=False) + "\n"


def test_every_change_is_found(registry, log, mlops):
    spaced = log[2].replace('": ', '":  ', 1)
    cases = {
        "edited": (
            [*log[:1], edited(log[1], why="no reason"), *log[2:]],
            "entry 2: it was changed",
        ),
        "by another": ([*log[:3], edited(log[3], by="Nobody <x@y>"), log[4]], "entry 4: it was"),
        "white space": ([*log[:2], spaced, *log[3:]], "entry 3: it was changed"),
        "removed": ([*log[:2], *log[3:]], "entry 3: it is entry 4, out of its place"),
        "first removed": (log[1:], "entry 1: it is entry 2, out of its place"),
        "last removed": (log[:-1], "the audit log: it has no entry of shop#production#3"),
        "reordered": ([log[0], log[2], log[1], *log[3:]], "entry 2: it is entry 3, out of its"),
        "doubled": ([*log, log[4]], "entry 6: it is entry 5, out of its place"),
        "cut off": ([*log[:4], log[4][:40]], "entry 5: it can't be read"),
        "no JSON": ([log[0], "\n", *log[1:]], "entry 2: it can't be read"),
        "emptied": ([], "the audit log: it has no entry of"),
    }
    for name, (lines, said) in cases.items():
        put(registry.root, "".join(lines))
        done = mlops("audit", "verify")
        assert done.exit_code == 6, name
        assert f"error: {said}" in done.stderr, (name, done.stderr)
        assert mlops("audit", "verify", json=True).json["problems"], name
    put(registry.root, "".join(log))
    assert mlops("audit", "verify").exit_code == 0


def test_a_chain_that_is_made_anew_has_the_tags_against_it(registry, log, mlops):
    made = b""
    for line in log:
        entry = json.loads(line)
        rest = {k: v for k, v in entry.items() if k not in ("seq", "at", "previous", "hash")}
        rest["why"] = rest["why"].replace("good", "bad")
        by, action = rest.pop("by"), rest.pop("action")
        made = audit.extended(made, audit.entry(made, by, action, rest))
    put(registry.root, made.decode())
    done = mlops("audit", "verify")
    assert done.exit_code == 6
    assert "is gone, or another one" in done.stderr


def test_a_tag_that_is_gone_or_moved(registry, log, mlops):
    registry.git("tag", "-d", "shop#production#2")
    done = mlops("audit", "verify")
    assert done.exit_code == 6
    assert "entry 4: the tag shop#production#2 is gone, or another one" in done.stderr


def test_there_is_no_log_yet(registry, mlops):
    refused(mlops("audit", "verify"), 5, "there is no audit log", "mlops models register")


def state(registry):
    tags = registry.git("tag", "--list").split()
    log = registry.git("show", f"mlops-registry:{FILE}").splitlines()
    return tags, [json.loads(line)["tag"] for line in log]


@pytest.mark.parametrize("action", ["register", "promote", "rollback"])
def test_killed_at_any_moment_it_is_the_old_state_or_the_new(
    registry, register, promote, mlops, action
):
    register("fair")
    promote("shop", "production")
    register("better")
    promote("shop", "production")
    words = {
        "register": ["models", "register", registry.runs["best"]],
        "promote": ["models", "promote", "shop", "staging"],
        "rollback": ["models", "rollback", "shop"],
    }[action]
    before = state(registry)
    for number in range(1, 99):
        ended = killed(words, registry.root, number)
        tags, log = state(registry)
        assert sorted(tags) == sorted(log)
        assert mlops("audit", "verify").exit_code == 0
        if len(tags) > len(before[0]):
            break
        assert ended == -signal.SIGKILL
        assert (tags, log) == before
    assert number > 8
    assert len(tags) == len(before[0]) + 1
    assert mlops("models", "verify", "--all").exit_code == 0
    assert registry.git("status", "--porcelain") == ""
    # Nothing stands in the way of the next.
    assert mlops("models", "deprecate", "shop").exit_code == 0


@pytest.mark.slow
def test_killed_at_random_it_can_be_typed_again(registry, register, promote, mlops, mlops_script):
    register("fair")
    promote("shop", "production")
    register("better")
    words = ["models", "promote", "shop", "production"]
    moments = random.Random(0)
    for _ in range(3):
        with subprocess.Popen([mlops_script, *words], stderr=subprocess.DEVNULL) as process:
            time.sleep(moments.uniform(0.2, 2.5))
            process.kill()
        tags, log = state(registry)
        assert sorted(tags) == sorted(log)
    assert mlops(*words, json=True).json["version"] == "v1.1.0"
    assert mlops("audit", "verify", json=True).json["entries"] == 4
