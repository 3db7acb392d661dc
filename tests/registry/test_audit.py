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


def test_a_tag_that_is_gone(registry, log, mlops):
    registry.git("tag", "-d", "shop#production#2")
    done = mlops("audit", "verify")
    assert done.exit_code == 6
    assert "entry 4: the tag shop#production#2 is gone, or another one" in done.stderr


def remade(registry, tag, *, to=None, inside=None, later=0):
    """A tag as it was, but with another target, name inside or time."""
    head, _, text = registry.git("cat-file", "tag", tag).partition("\n\n")
    lines = dict(line.split(" ", 1) for line in head.splitlines())
    who, at, zone = lines["tagger"].rsplit(" ", 2)
    target = registry.git("rev-list", "-n1", to or tag).strip()
    head = f"object {target}\ntype commit\ntag {inside or tag}\n"
    made = subprocess.run(
        ["git", "mktag"], cwd=registry.root, check=True, capture_output=True, encoding="utf-8",
        input=f"{head}tagger {who} {int(at) + later} {zone}\n\n{text}",
    ).stdout.strip()  # fmt: skip
    registry.git("update-ref", f"refs/tags/{tag}", made)


def found(mlops):
    """What is wrong with the log: every problem, and the line that the command ends with."""
    done = mlops("audit", "verify")
    assert done.exit_code == 6, done.stdout
    said = mlops("audit", "verify", json=True).json["problems"]
    return [(one["entry"], one["said"]) for one in said], done.stderr


def test_a_tag_that_points_elsewhere(registry, log, mlops):
    """The fourth entry puts v1.1.0 into production, the fifth goes back to v1.0.0."""
    put_back = {
        name: registry.git("rev-parse", name).strip() for name in registry.git("tag").split()
    }
    other = "points to shop@v1.0.0, where the entry says shop@v1.1.0"
    moves = {
        "a stage": (("shop#production#2", "shop@v1.0.0"), 4, other),
        "a rollback": (
            ("shop#production#3", "shop@v1.1.0"), 5,
            "points to shop@v1.1.0, where the entry says shop@v1.0.0",
        ),
        "a version": (("shop@v1.1.0", "shop@v1.0.0"), 3, other),
        "a commit of no version": (
            ("shop#production#2", "mlops-registry~0"), 4,
            "points to the commit of entry 5, where the entry says shop@v1.1.0",
        ),
        "a commit of the project": (("shop#production#2", "main"), 4, "which is not of the log"),
    }  # fmt: skip
    for name, ((tag, to), entry, said) in moves.items():
        remade(registry, tag, to=to)
        problems, errors = found(mlops)
        assert [number for number, _ in problems] == [entry], (name, problems)
        assert f"error: entry {entry}: the tag {tag} points to " in errors, name
        assert said in errors, name
        assert f"hint: git cat-file tag '{tag}' shows" in errors or "#" not in tag
        registry.git("update-ref", f"refs/tags/{tag}", put_back[tag])
    assert mlops("audit", "verify").exit_code == 0


def test_a_tag_whose_commit_was_made_up(registry, log, mlops):
    """The log in it is the right one, the record need not be."""
    made = registry.git(
        "commit-tree", "shop@v1.1.0^{tree}", "-p", "shop@v1.1.0^{commit}", "-m", "x"
    ).strip()
    remade(registry, "shop@v1.1.0", to=made)
    problems, _ = found(mlops)
    assert problems[0][0] == 3
    assert f"points to {made[:12]}, which is not of the log" in problems[0][1]


def test_a_tag_with_another_time_or_name_inside(registry, log, mlops):
    """GTO takes the newest, and the name that is in the tag."""
    remade(registry, "shop#production#2", later=999)
    assert found(mlops)[0] == [
        (5, "the tag shop#production#3 is not later than shop#production#2, as the entry is")
    ]
    remade(registry, "shop#production#2", later=-999, inside="shop#staging#2")
    problems = dict(found(mlops)[0])
    assert problems[4] == "the tag shop#production#2 is gone, or another one"
    assert "not made by mlops" in problems[None]


@pytest.mark.parametrize(
    "name", ["shop#production#9", "shop#staging!#4", "shop@v9.0.0", "shop@v1.1.0!", "mlops-audit/9"]
)
def test_a_tag_that_was_made_by_hand(registry, log, mlops, monkeypatch, name):
    said = f"it has no entry of {name}, which points to shop@v1.0.0: not made by mlops"
    for when in ("2038-01-01T00:00:00", "2001-01-01T00:00:00"):
        monkeypatch.setenv("GIT_COMMITTER_DATE", when)
        registry.git("tag", "-f", "-a", name, "shop@v1.0.0^{commit}", "-m", "x")
        problems, errors = found(mlops)
        assert problems == [(None, said)]
        assert f"error: the audit log: {said}" in errors
    # What it says of the entry of another tag does not help.
    entry = registry.git("tag", "--list", "--format=%(contents)", "shop#production#1")
    registry.git("tag", "-f", "-a", name, "shop@v1.0.0^{commit}", "-m", entry)
    assert found(mlops)[0] == [(2, f"the tag {name} says it is its entry")]


def test_two_versions_at_one_commit_are_found_though_gto_refuses_them(registry, log, mlops):
    remade(registry, "shop@v1.1.0", to="shop@v1.0.0")
    registry.git("tag", "-d", "shop#production#2")
    assert {number for number, _ in found(mlops)[0]} == {3, 4}


def test_tags_that_are_older_than_the_log_are_told(registry, register, mlops, monkeypatch):
    """GTO was there first: its versions are none of ours, and can be taken out of use."""
    with monkeypatch.context() as before:
        before.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00")
        for name in ("shop@v0.9.0", "shop#production#1", "other@v1.0.0"):
            registry.git("tag", "-a", name, "main", "-m", "x")
    registry.git("tag", "light@v1.0.0", "main")
    register("fair")
    assert mlops("models", "deprecate", "other@v1.0.0").exit_code == 0
    done = mlops("audit", "verify")
    assert done.exit_code == 0, done.stderr
    listed = "older than the log, and in no entry: other@v1.0.0, shop#production#1, shop@v0.9.0"
    assert listed in done.stdout
    remade(registry, "other@v1.0.0!", to="shop@v0.10.0")
    assert "where the entry says other@v1.0.0" in found(mlops)[1]
    registry.git("tag", "-a", "other@v2.0.0", "main", "-m", "x")
    assert "it has no entry of other@v2.0.0" in found(mlops)[0][-1][1]


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
