"""Deployments on this machine, by a real engine; every claim is looked at from outside."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest
from conftest import run_mlops
from own import held
from own.engine import BASE, docker, needed
from own.servers import free_port
from own.versions import refused

from mlops_cli import config
from mlops_cli.deployment import made_before
from mlops_cli.serving import auth
from mlops_cli.serving import bundle as bundles

NAME = f"shop-{os.getpid()}"
CONTAINER = f"mlops-{NAME}"

# One worker has the whole file (--dist loadfile): the tests share the engine.
pytestmark = [
    pytest.mark.slow,
    needed,
]


def inspect(name=CONTAINER):
    return json.loads(docker("container", "inspect", name))[0]


@pytest.fixture(scope="module")
def home(registered, tmp_path_factory):
    """The project of all tests of this file, and the keys of its server."""
    copy = registered.copied(tmp_path_factory.mktemp("compose") / "shop")
    config = copy.root / "configs" / "config.yaml"
    lines = [
        f"image: {{base: '{BASE}'}}",
        f"target: {{deployment: {NAME}, port: {free_port()}}}",
        "serve: {canary_min_requests: 1000}",
    ]
    config.write_text(config.read_text("utf-8") + "\n".join(lines) + "\n", "utf-8")
    port = int(lines[1].rpartition(" ")[2].rstrip("}"))
    secret, _ = auth.new("ops", "admin")
    asker, key = auth.new("asker")
    yield SimpleNamespace(root=copy.root, port=port, admin=secret, asker=asker, key=key.line)
    for name in (CONTAINER, *(CONTAINER + end for end in ("-trial", "-next", "-before"))):
        docker("rm", "--force", name, check=False)
        docker("network", "rm", name, check=False)
    docker("network", "rm", f"{CONTAINER}-compose", check=False)
    docker("image", "rm", "--force", "shop:v1.0.0", "shop:v1.1.0", check=False)


@pytest.fixture
def keyed(home, monkeypatch):
    """Whoever deploys has the keys of the server."""
    monkeypatch.setenv("MLOPS_API_KEYS", home.key)
    monkeypatch.setenv("MLOPS_ADMIN_KEY", home.admin)
    monkeypatch.chdir(home.root)
    return home


def deploy(*words, exit_code=0):
    done = run_mlops("deploy", *words, json=True)
    assert done.exit_code == exit_code, done.stderr
    return done.json if exit_code == 0 else done


def ask(port, path, key=None, body=None):
    """Status and answer."""
    content = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", content, headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def answers(home):
    """Digest of what answers, as the server says."""
    status, told = ask(home.port, "/models", home.asker)
    assert status == 200, told
    (model,) = told["models"]
    return next(one["digest"] for one in model["versions"] if one["name"] == model["primary"])


def log(home):
    lines = held.git(home.root, "show", "mlops-registry:models/audit.jsonl").splitlines()
    return [json.loads(line) for line in lines]


def made(home, *words):
    """What is remembered of the image of the version in production, with some settings."""
    folder = home.root / ".mlops" / "registry" / "shop" / "v1.0.0"
    image, serve = (config.load_group(group, words, root=home.root) for group in ("image", "serve"))
    return made_before.Memory(home.root, bundles.load(folder), image, serve)


def digest(version):
    return run_mlops("models", "show", version, json=True).json["record"]["bundle"]["digest"]


def everything(home):
    """All text that a deployment leaves behind."""
    for folder in (".mlops", "deploy", "packages"):
        for path in (home.root / folder).rglob("*"):
            if path.is_file() and path.stat().st_size < 1 << 20:
                yield path.name, path.read_bytes()
    yield "container", docker("container", "inspect", CONTAINER).encode()
    yield "audit", held.git(home.root, "show", "mlops-registry:models/audit.jsonl").encode()
    yield "said", (docker("logs", CONTAINER)).encode()


def test_a_version_is_deployed_tried_rolled_back_and_taken_down(keyed):  # noqa: PLR0915 - one life
    fair, better = digest("shop@v1.0.0"), digest("shop@v1.1.0")
    checked = deploy("check", "compose")
    assert all(need["there"] for need in checked["needs"])
    assert checked["changes"][0].endswith("where nothing is")
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}") == ""

    done = deploy("compose", "--message", "the first")
    assert (done["live"]["state"], done["live"]["digest"]) == ("running", fair)
    found = inspect()
    assert found["Image"] == done["record"]["image_digest"]
    host = found["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Memory"]) == (True, ["ALL"], 2 << 30)
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert found["Config"]["User"] == "10001:10001"
    assert found["Config"]["Labels"]["com.docker.compose.project"] == CONTAINER
    assert [one["HostIp"] for one in host["PortBindings"]["8000/tcp"]] == ["127.0.0.1"]
    assert ask(keyed.port, "/predict", None, {"inputs": ["good"]})[0] == 401
    status, told = ask(keyed.port, "/predict", keyed.asker, {"inputs": ["good film"]})
    assert (status, told["predictions"][0]["label"]) == (200, "pos")
    assert answers(keyed) == fair
    entry = log(keyed)[-1]
    assert (entry["action"], entry["bundle"], entry["why"]) == ("deploy", fair, "the first")
    assert entry["image_digest"] == found["Image"]

    again = run_mlops("deploy", "compose", json=True)
    assert (again.json["changed"], inspect()["Id"]) == (False, found["Id"])
    assert log(keyed)[-1] == entry
    # What is there already is not put together again; with other settings it is.
    assert "collecting" not in again.stderr
    assert not made(keyed, "serve.queue=7").recall()
    assert made(keyed).recall().digest == found["Image"]

    trial = deploy("compose", "shop@v1.1.0", "--canary", "50%")
    assert trial["live"]["canary"]["digest"] == better
    seen = {
        ask(keyed.port, "/predict", keyed.asker, {"inputs": ["a plot"]})[1]["model"]["version"]
        for _ in range(40)
    }
    assert len(seen) == 2
    (standing,) = deploy("status")["deployments"]
    assert (standing["agrees"], standing["canary"]["share"]) == (True, 0.5)
    assert standing["record"]["version"] == "v1.0.0"

    ended = deploy("rollback", "compose", "--message", "slow")
    assert (ended["record"]["action"], ended["live"]["canary"]) == ("withdraw", None)
    state = ask(keyed.port, "/admin/state", keyed.admin)[1]["models"][0]
    assert (state["canary"], inspect()["Id"]) == (None, found["Id"])

    assert deploy("compose", "shop@v1.1.0")["record"]["before"] == "shop@v1.0.0"
    assert answers(keyed) == better
    span = run_mlops("models", "show", "shop@v1.1.0", json=True).json["lineage"]["deployed"][-1]
    assert (span["target"], span["until"]) == ("compose", None)
    deploy("rollback", "compose")
    assert (answers(keyed), inspect()["Image"]) == (fair, found["Image"])
    refused(run_mlops("deploy", "rollback", "compose"), 5, "nothing to roll back to")
    events = [
        one["action"] for one in run_mlops("models", "history", "shop", json=True).json["events"]
    ]
    assert events[-5:] == ["deploy", "canary", "withdraw", "deploy", "revert"]
    assert run_mlops("audit", "verify").exit_code == 0

    for name, content in everything(keyed):
        for secret in (keyed.admin, keyed.asker):
            assert secret.encode() not in content, name
    assert (keyed.root / f".mlops/deploy/compose/{NAME}/server.env").stat().st_mode & 0o77 == 0

    done = run_mlops("deploy", "destroy", "compose")
    refused(done, 2, f"Take shop@v1.0.0 down from {socket.gethostname()}", "--yes")
    gone = deploy("destroy", "compose", "--yes")
    assert gone["removed"] == [f"the container {CONTAINER}"]
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}") == ""
    with pytest.raises(OSError, match="refused"):
        ask(keyed.port, "/readyz")
    refused(run_mlops("deploy", "status"), 5, "nothing is deployed")


def test_keys_stay_where_none_are_given_again(keyed, monkeypatch):
    deploy("compose")
    deploy("compose", "shop@v1.1.0", "--canary", "10%")
    monkeypatch.delenv("MLOPS_ADMIN_KEY")
    monkeypatch.delenv("MLOPS_API_KEYS")
    # Whoever is on call and has no key can still end a trial.
    ended = run_mlops("deploy", "rollback", "compose", json=True)
    assert "the server starts again, without the trial" in ended.stderr
    assert ended.json["record"]["action"] == "withdraw"
    model = ask(keyed.port, "/admin/state", keyed.admin)[1]["models"][0]
    assert (model["canary"], answers(keyed)) == (None, digest("shop@v1.0.0"))
    deploy("compose", "shop@v1.1.0", "target.use=docker")
    assert "com.docker.compose.project" not in inspect()["Config"]["Labels"]
    assert ask(keyed.port, "/models")[0] == 401
    assert answers(keyed) == digest("shop@v1.1.0")
    (standing,) = deploy("status")["deployments"]
    assert (standing["agrees"], standing["live"]["asked"]) == (True, False)
    done = run_mlops("deploy", "compose", "shop@v1.0.0", "--canary", "10%")
    refused(done, 4, "admin's key: MLOPS_ADMIN_KEY holds none", "mlops serve --new-key ops --admin")
    stranger, _ = auth.new("stranger", "admin")
    monkeypatch.setenv("MLOPS_ADMIN_KEY", stranger)
    done = run_mlops("deploy", "compose", "shop@v1.0.0", "--canary", "10%")
    said = "admin's key: the key in MLOPS_ADMIN_KEY is no admin's of the server that runs"
    refused(done, 4, said, "mlops deploy compose")
    (standing,) = deploy("status")["deployments"]
    assert standing["said"].endswith("the server does not know the MLOPS_ADMIN_KEY")
    done = run_mlops("deploy", "status", "compose", "target.deployment=other")
    refused(done, 5, "nothing is deployed to compose as other")
    assert deploy("check", "compose", "shop@v1.1.0", f"target.port={free_port()}")["changes"][
        0
    ].startswith(f"shop@v1.1.0 would go from {socket.gethostname()} http://127.0.0.1:{keyed.port}")


def test_keys_stay_where_what_git_ignores_is_removed(keyed, monkeypatch):
    deploy("compose")
    monkeypatch.delenv("MLOPS_ADMIN_KEY")
    monkeypatch.delenv("MLOPS_API_KEYS")
    state = keyed.root / ".mlops" / "deploy" / "compose" / NAME
    shutil.rmtree(keyed.root / ".mlops")
    deploy("compose")
    assert ask(keyed.port, "/predict", None, {"inputs": ["good"]})[0] == 401
    assert answers(keyed) == digest("shop@v1.0.0")
    assert ask(keyed.port, "/admin/state", keyed.admin)[0] == 200
    # The files are there again, for whoever looks after the deployment.
    assert "asker:" in (state / "server.env").read_text()


def test_what_does_not_start_leaves_what_answers(keyed):
    deploy("compose", "target.use=docker")
    before, entries = inspect(), log(keyed)
    done = deploy("compose", "shop@v1.1.0", "target.memory=12m", exit_code=1)
    assert "was tried out, and is not deployed" in done.stderr
    assert "Traceback" not in done.stderr
    now = inspect()
    assert (now["Id"], now["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert answers(keyed) == digest("shop@v1.0.0")
    assert log(keyed) == entries
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}-") == ""


@pytest.mark.parametrize("use", ["docker", "compose"])
def test_what_can_not_take_its_place_gives_it_back(keyed, use):
    """The port is taken by somebody else once it was looked at."""
    deploy("compose", f"target.use={use}")
    entries, port = log(keyed), free_port()
    words = ["compose", "shop@v1.1.0", f"target.use={use}", f"target.port={port}"]
    with (
        socket.socket() as taken,
        subprocess.Popen(
            [sys.executable, "-m", "mlops_cli", "deploy", *words],
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("putting"):
                taken.bind(("127.0.0.1", port))
                taken.listen()
    assert process.returncode == 1
    assert said[-2].startswith("error: not deployed, the one before answers again: ")
    assert "address already in use" in said[-2]
    assert said[-1] == "hint: another one: target.port=8001\n"
    wait(lambda: ask(keyed.port, "/readyz")[0] == 200)
    assert (answers(keyed), log(keyed)) == (digest("shop@v1.0.0"), entries)
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}").count("\n") == 0


def wait(holds, seconds=60):
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if holds():
                return
        assert time.monotonic() < until
        time.sleep(0.1)


def test_killed_it_leaves_something_that_answers_and_can_go_on(keyed):
    words = [sys.executable, "-m", "mlops_cli", "deploy", "compose", "shop@v1.1.0"]
    with subprocess.Popen(
        [*words, "target.use=docker"], stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        for line in process.stderr:
            if line.startswith("putting"):
                time.sleep(0.3)
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    known = {digest("shop@v1.0.0"), digest("shop@v1.1.0")}
    wait(lambda: answers(keyed) in known)
    assert log(keyed)[-1]["version"] == "v1.0.0"
    done = deploy("compose", "shop@v1.1.0", "target.use=docker")
    assert done["record"]["version"] == "v1.1.0"
    assert answers(keyed) == digest("shop@v1.1.0")
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}-") == ""


def test_a_port_or_a_name_that_is_taken(keyed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_mlops("deploy", "compose", f"target.port={port}", "target.deployment=other-name")
    refused(done, 4, f"port: 127.0.0.1:{port}: something else answers there", f"={port + 1}")
    name = f"{NAME}-theirs"
    docker("create", "--name", f"mlops-{name}", "shop:v1.0.0")
    try:
        done = run_mlops("deploy", "compose", f"target.deployment={name}")
        refused(done, 4, f"name: a container mlops-{name} is there that mlops has not made")
    finally:
        docker("rm", "--force", f"mlops-{name}")


def test_a_network_needs_keys(keyed, monkeypatch):
    monkeypatch.delenv("MLOPS_ADMIN_KEY")
    monkeypatch.delenv("MLOPS_API_KEYS")
    words = ("target.host=0.0.0.0", f"target.port={free_port()}", "target.deployment=other-name")
    done = run_mlops("deploy", "compose", *words)
    refused(done, 4, "API keys: none are given", "mlops serve --new-key NAME")


def test_an_engine_that_is_down(keyed, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    done = run_mlops("deploy", "compose", "target.deployment=other-name")
    refused(done, 4, f"Docker: Docker's engine at unix://{tmp_path}/docker.sock does not answer")
