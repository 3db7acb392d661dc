"""A real engine and registry. `.ci/run` starts them; here: scripts/docker-engine up."""

import contextlib
import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import run_mlops
from own import tutorial
from own.engine import BASE, REGISTRY, docker, needed
from own.servers import free_port
from own.versions import refused

from mlops_cli.packaging import naming, settling
from mlops_cli.serving import bundle

TEXT = "The boy near the queen blamed himself."

# One worker has the whole file (--dist loadfile): the tests share the engine.
pytestmark = [
    pytest.mark.slow,
    needed,
]


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    """A project, and what `mlops package` says of its bundle."""
    root = tmp_path_factory.mktemp("engine") / "shop"
    shutil.copytree(trained.root, root)
    (root / ".env").write_text("TOKEN=sk-live-" + "0815\n")
    (root / "keys.txt").write_text("shop: plain-" + "key-4711\n")
    with contextlib.chdir(root):
        done = run_mlops("package", f"image.base={BASE}", json=True)
    assert done.exit_code == 0, done.stderr
    return root, done.json


@contextlib.contextmanager
def running(image, *words):
    """A container without rights that writes nowhere: its id and its port."""
    port = free_port()
    hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")
    container = docker(
        "run", "--detach", "--network=host", *hardened, *words, image, f"serve.port={port}"
    )
    try:
        yield container, port
    finally:
        docker("rm", "--force", container, check=False)


def ask(port, path, body=None, seconds=120):
    """The answer, as soon as there is one."""
    until = time.monotonic() + seconds
    content = None if body is None else json.dumps(body).encode()
    while True:
        try:
            asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=content)
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return json.loads(answer.read())
        except OSError:
            assert time.monotonic() < until, f"nothing answers at {path}"
            time.sleep(0.1)


def files_of(image, folder):
    """The files of each layer, by path; the lowest layer first."""
    subprocess.run(["docker", "save", "--output", folder / "image.tar", image], check=True)
    with tarfile.open(folder / "image.tar") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # From 3.11.4 on.
        archive.extractall(folder)
    (manifest,) = json.loads((folder / "manifest.json").read_text("utf-8"))
    for layer in manifest["Layers"]:
        with tarfile.open(folder / layer) as archive:
            yield {
                entry.name: (entry, archive.extractfile(entry).read() if entry.isreg() else b"")
                for entry in archive
            }


def test_it_answers_like_the_bundle_and_ends_in_order(made):
    root, done = made
    with contextlib.chdir(root):
        here = run_mlops("predict", TEXT, json=True).json["predictions"][0]
    with running(done["name"]) as (container, port):
        assert ask(port, "/readyz")["status"] == "ready"
        there = ask(port, "/predict", {"inputs": [TEXT]})["predictions"][0]
        assert there["label"] == here["label"]
        assert there["score"] == pytest.approx(here["score"], abs=1e-4)
        status = docker("exec", container, "python3", "-c", "print(open('/proc/1/status').read())")
        assert re.search(r"^Uid:\s+10001\s", status, re.MULTILINE)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
        docker("stop", "--time", "60", container)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
        said = docker("logs", container)
        assert json.loads(said)["task"] == "text_classification"


def test_a_name_that_another_build_took_is_not_looked_at(made):
    root, done = made
    found, name = bundle.load(next((root / "runs").glob("*/bundle"))), "mlops-taken:1"
    docker("tag", BASE, name)
    try:
        settled = settling.settle(done["built"]["id"], name, naming.epoch(found))
        assert settled == (done["built"]["id"], True)
    finally:
        docker("image", "rm", name, check=False)


def test_its_health_is_looked_at(made):
    port = made[1]["port"]
    container = docker("run", "--detach", "--network=host", "--read-only", made[1]["name"])
    try:
        until = time.monotonic() + 180
        state = "{{.State.Health.Status}}"
        while docker("inspect", "--format", state, container) != "healthy":
            assert time.monotonic() < until, docker("inspect", container)
            time.sleep(0.5)
        assert ask(port, "/livez")
    finally:
        docker("rm", "--force", container)


def test_what_is_in_it(made, tmp_path):
    root, done = made
    layers = list(files_of(done["name"], tmp_path))
    assert len(layers) == 6
    held = {name: entry for layer in layers for name, (entry, _) in layer.items()}
    assert not [name for name in held if re.search(r"/(pip|hf_xet|tests|setuptools)(/|$)", name)]
    assert not [name for name, one in held.items() if one.isreg() and one.mode & 0o6000]
    binaries = {name.rpartition("/")[2] for name in held if re.search(r"(^|/)s?bin/.", name)}
    assert binaries == {"python", "python3", f"python3.{sys.version_info.minor}"}
    # Scanners find what is left of Debian, and people its licences.
    told = {"var/lib/dpkg/status.d/libc6", "usr/share/doc/libc6/copyright", "etc/debian_version"}
    assert told <= held.keys()
    assert "var/lib/dpkg/status.d/dash" not in held
    # Modules of the base and of packages are compiled, without their sources.
    sources = [name for name in held if name.endswith(".py") and "/mlops" not in name]
    assert not sources
    assert "opt/packages/numpy/__init__.pyc" in held
    assert {entry.mtime for layer in layers for entry, _ in layer.values() if entry.isdir()} <= {
        315532800
    }
    last = {name for name, (entry, _) in layers[-1].items() if entry.isreg()}
    place = "srv/mlops/model/"
    names = {name.removeprefix(place) for name in last}
    found = bundle.load(next((root / "runs").glob("*/bundle")))
    assert names == {"bundle.json", *found.facts["files"]}
    secrets = (b"sk-live-" + b"0815", b"plain-" + b"key-4711")
    for layer in layers:
        for name, (_, content) in layer.items():
            assert not any(secret in content for secret in secrets), name
    assert done["built"]["megabytes"] < 145


_ASKS_MUCH = """
import importlib, pathlib, socket, ssl, sys, sysconfig, zoneinfo
for path in pathlib.Path(sysconfig.get_path("platstdlib"), "lib-dynload").glob("*.so"):
    importlib.import_module(path.name.partition(".")[0])
for path in pathlib.Path("/opt/packages").glob("*/__init__.py"):
    importlib.import_module(path.parent.name)
assert ssl.create_default_context().get_ca_certs()
print(zoneinfo.ZoneInfo("Asia/Tokyo"), socket.gethostbyname("localhost"), sys.getfilesystemencoding())
"""


def test_what_it_keeps_of_the_base_is_enough(made):
    """Every library that a module of Python's or of a package's loads, certificates, time zones."""
    words = ("run", "--rm", "--network=host", "--read-only", "--entrypoint", "python3")
    assert docker(*words, made[1]["name"], "-c", _ASKS_MUCH) == "Asia/Tokyo 127.0.0.1 utf-8"


def test_the_whole_base_has_a_shell(made, tmp_path):
    root, done = made
    words = ("--output", str(tmp_path / "image"), "--tag", "shop:whole", "image.system=whole")
    with contextlib.chdir(root):
        whole = run_mlops("package", *words, f"image.base={BASE}", json=True)
    assert whole.exit_code == 0, whole.stderr
    said = docker("run", "--rm", "--entrypoint", "sh", "shop:whole", "-c", "cat /etc/os-release")
    assert "Debian" in said
    # Its libraries can be linked against: they have sections, whose number an ELF header tells.
    asks = "import glob; print(open(*glob.glob('/usr/lib/*/libz.so.1'), 'rb').read()[60:62] != bytes(2))"
    words = ("run", "--rm", "--entrypoint", "python3")
    assert docker(*words, "shop:whole", "-c", asks) == "True"
    assert docker(*words, done["name"], "-c", asks) == "False"
    assert whole.json["built"]["megabytes"] > done["built"]["megabytes"] + 40
    # What is ours is the same.
    assert whole.json["built"]["layers"][2:] == done["built"]["layers"][2:]
    asks = "import inspect, numpy, os; print(*map(inspect.getsource, (numpy, os)))"
    assert "NumPy" in docker(*words, "shop:whole", "-c", asks)


def test_its_labels_lead_back_to_its_making(made):
    known = json.loads(docker("image", "inspect", made[1]["name"]))[0]
    labels = known["Config"]["Labels"]
    assert labels["mlops.run"] == made[1]["run"]
    assert labels["mlops.bundle.digest"] == made[1]["bundle"]
    assert labels["org.opencontainers.image.base.digest"].startswith("sha256:")
    assert "@sha256:" in made[1]["base"]
    assert known["Config"]["User"] == "10001:10001"
    assert known["Config"]["Healthcheck"]["Test"][0] == "CMD"
    assert not [word for word in known["Config"]["Env"] if "KEY" in word or "TOKEN" in word]


def test_the_same_inputs_give_the_same_image(made):
    root, done = made
    docker("image", "rm", "--force", done["name"])
    docker("builder", "prune", "--all", "--force")
    with contextlib.chdir(root):
        again = run_mlops("package", f"image.base={BASE}", json=True)
    assert again.exit_code == 0, again.stderr
    assert again.json["built"]["layers"] == done["built"]["layers"]
    assert again.json["built"]["id"] == done["built"]["id"]
    assert again.json["built"]["reproducible"] is True


def test_what_changed_is_sent_whatever_its_size(made, tmp_path):
    """An engine compares names, sizes and times with what it was sent for the same folder."""
    for port in ("8001", "8002"):
        words = ("--output", str(tmp_path / "image"), "--tag", "shop:port", f"image.port={port}")
        with contextlib.chdir(made[0]):
            done = run_mlops("package", *words, f"image.base={BASE}", json=True)
        assert done.exit_code == 0, done.stderr
        told = docker("inspect", "--format", "{{json .Config.ExposedPorts}}", "shop:port")
        assert json.loads(told) == {f"{port}/tcp": {}}


def test_a_server_compiles_nothing(made):
    """Every module that it has loaded was compiled when the image was made."""
    with running(made[1]["name"], "--env", "PYTHONVERBOSE=1") as (container, port):
        assert ask(port, "/predict", {"inputs": [TEXT]})["predictions"]
        words = ["docker", "logs", container]
        said = subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stderr
    assert "import 'mlops_cli.serving.engine'" in said
    assert not re.findall(r"code object from (/\S+\.py)$", said, re.MULTILINE)


def test_a_new_model_moves_its_own_layer_alone(made, tmp_path):
    """And what was pushed, as the tutorial does, is what is pulled."""
    root, _ = made
    name = f"{REGISTRY}/team-{time.time_ns()}"
    _, (words, _) = tutorial.elsewhere("images.md", {"registry.example.com/team": name})
    with contextlib.chdir(root):
        first = run_mlops(*words, f"image.base={BASE}", json=True)
    assert first.exit_code == 0, first.stderr
    assert first.json["pushed"]["sent"] == 6
    copy = shutil.copytree(next((root / "runs").glob("*/bundle")), tmp_path / "other")
    facts = bundle.load(copy).facts
    (copy / "reference.json").write_text(json.dumps({"rows": 1}))
    bundle.write(
        copy, {key: value for key, value in facts.items() if key not in ("files", "digest")}
    )
    with contextlib.chdir(root):
        second = run_mlops(
            "package",
            str(copy),
            "--push",
            name,
            "--tag",
            "shop:other",
            f"image.base={BASE}",
            json=True,
        )
    assert second.exit_code == 0, second.stderr
    assert (second.json["pushed"]["sent"], second.json["pushed"]["there"]) == (1, 5)
    changed = [
        after["holds"]
        for before, after in zip(
            first.json["built"]["layers"], second.json["built"]["layers"], strict=True
        )
        if before != after
    ]
    assert changed == ["model"]
    record = json.loads((Path(second.json["folder"]) / "image.json").read_text("utf-8"))
    assert record["pushed"] == second.json["pushed"]

    docker("image", "rm", "--force", first.json["built"]["id"])
    docker("pull", first.json["pushed"]["reference"])
    with running(first.json["pushed"]["reference"]) as (_, port):
        assert ask(port, "/predict", {"inputs": [TEXT]})["predictions"]


def test_an_interrupted_build_leaves_the_context_and_no_image(made, mlops_script, tmp_path):
    root, _ = made
    output = tmp_path / "image"
    # Another package: what is kept of earlier builds would be too quick to be interrupted.
    tag = f"shop:interrupted-{time.time_ns()}"
    words = ("--output", output, "--tag", tag, "image.packages=[pillow]")
    command = [mlops_script, "package", *words, f"image.base={BASE}"]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, encoding="utf-8") as process:
        until = time.monotonic() + 300
        while not (output / "build.log").exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 130, said
    assert "Traceback" not in said
    assert docker("images", "--quiet", tag) == ""
    assert json.loads((output / "image.json").read_text("utf-8"))["built"] is None
    assert (output / "context" / "Dockerfile").is_file()
    with contextlib.chdir(root):
        done = run_mlops("package", *map(str, words), f"image.base={BASE}", json=True)
    assert done.exit_code == 0, done.stderr


class _Locked(http.server.BaseHTTPRequestHandler):
    """A registry that wants a login."""

    def do_GET(self):
        self.send_response(401)
        self.send_header("Www-Authenticate", 'Basic realm="registry"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST = do_GET  # noqa: N815 - as the base class calls them

    def log_message(self, *_):
        pass


def test_a_registry_that_wants_a_login_or_does_not_answer(made):
    root, _ = made
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Locked) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        target = f"127.0.0.1:{server.server_port}/team"
        with contextlib.chdir(root):
            done = run_mlops("package", "--push", target, "--quiet", f"image.base={BASE}")
        server.shutdown()
    refused(done, 4, f"{target} wants a login", f"docker login 127.0.0.1:{server.server_port}")
    target = f"127.0.0.1:{free_port()}"
    with contextlib.chdir(root):
        done = run_mlops("package", "--push", target, "--quiet", f"image.base={BASE}")
    refused(done, 5, f"the registry {target} does not answer", "by the same command")


def test_an_engine_that_is_down(made, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with contextlib.chdir(made[0]):
        done = run_mlops("package", "--output", str(tmp_path / "image"))
    refused(
        done, 4, f"Docker's engine at unix://{tmp_path}/docker.sock does not answer", "--no-build"
    )
    assert not (tmp_path / "image").exists()


def test_the_doctor_finds_the_engine(made):
    with contextlib.chdir(made[0]):
        found = run_mlops("doctor", json=True).json["findings"]
    (engine,) = (one for one in found if one["area"] == "docker")
    assert (engine["name"], engine["status"]) == ("engine", "ok")
    assert engine["detail"] == docker("version", "--format", "{{.Server.Version}}")


def test_a_base_that_is_not_there(made):
    missing = f"{REGISTRY}/no-such-base:1"
    with contextlib.chdir(made[0]):
        done = run_mlops("package", "--quiet", f"image.base={missing}")
    refused(done, 5, f"the base {missing} can't be pulled", "image.base=IMAGE")


def test_a_base_of_another_python(made, tmp_path):
    words = ("--quiet", "--output", str(tmp_path / "image"), f"image.base={BASE}")
    with contextlib.chdir(made[0]):
        done = run_mlops("package", *words, "image.python=3.12")
    refused(done, 1, "docker build failed: its Python is not the one of image.python", "image.base")
