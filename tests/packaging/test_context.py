"""What an image is built from: the same each time, whole or not there, and without secrets."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from own import bundles
from own.versions import refused

from mlops_cli.serving import bundle

pytestmark = pytest.mark.slow


def files(folder):
    """Path, mode, time and content of every file."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode,
            path.stat().st_mtime,
            path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def context(done):
    return Path(done.folder) / "context"


def model(done):
    return context(done) / "model" / "srv" / "mlops" / "model"


def test_the_same_inputs_give_the_same_bytes(shop, monkeypatch, tmp_path):
    first = shop.packaged("--no-build", "--output", str(tmp_path / "a"), "--compose")
    for path in shop.bundle.iterdir():
        os.utime(path, (1, 1))
    before = os.umask(0o077)
    try:
        second = shop.packaged("--no-build", "--output", str(tmp_path / "b"), "--compose")
    finally:
        os.umask(before)
    assert first.context == second.context
    assert files(context(first)) == files(context(second))
    for name in ("sbom.cdx.json", "compose.yaml", "grafana/dashboards/mlops.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    # A setting is part of it.
    third = shop.packaged("--no-build", "--output", str(tmp_path / "c"), "serve.max_rows=3")
    assert third.context != first.context


def test_what_is_written_says_what_to_type(shop, mlops):
    done = shop.package("--no-build", json=False)
    assert done.exit_code == 0, done.stderr
    folder = shop.root / "packages" / f"shop-{shop.run}"
    command = f"docker build --network=none --tag shop:{shop.run} {folder / 'context'}"
    assert f"next: {command}\n" in done.stdout
    assert "warning: the base is not pinned" in done.stderr
    said = (folder / "context" / "Dockerfile").read_text("utf-8")
    assert (
        said.index("--from=packages") < said.index("--from=settings") < said.index("--from=model")
    )
    assert json.loads((folder / "image.json").read_text("utf-8"))["name"] == f"shop:{shop.run}"


def test_the_settings_of_the_server_come_along_but_no_secret_and_no_path(shop, monkeypatch):
    secrets = ("plain-" + "key-4711", "sk-" + "live-0815", "hunter2-" + "hunter2")
    monkeypatch.setenv("MLOPS_API_KEYS", secrets[0])
    (shop.root / ".env").write_text(f"TOKEN={secrets[1]}\n")
    (shop.root / "keys.txt").write_text(f"shop: {secrets[2]}\n")
    done = shop.packaged(
        "--no-build", "serve.api_keys=keys.txt", "serve.queue=77", "image.port=9001"
    )
    place = context(done) / "settings" / "srv" / "mlops" / "configs" / "config.yaml"
    served = yaml.safe_load(place.read_text("utf-8"))["serve"]
    assert (served["queue"], served["port"], served["host"]) == (77, 9001, "0.0.0.0")
    assert "api_keys" not in served
    for name, (_, _, content) in files(Path(done.folder)).items():
        assert not [one for one in secrets if one.encode() in content], name
        assert b"hunter2" not in content, name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("server.pem", "anything"),
        (".env", "TOKEN=1"),
        ("notes.txt", "-----BEGIN RSA " + "PRIVATE KEY-----\n"),
    ],
)
def test_a_file_that_looks_like_a_secret_is_not_put_in(shop, name, text):
    (shop.root / name).write_text(text)
    done = shop.package("--no-build", f"image.files={{words.txt: {name}}}", json=False)
    refused(done, 3, f"image.files: {name} looks like a secret", "docker run --env-file")
    assert not (shop.root / "packages").exists() or not list((shop.root / "packages").iterdir())


def test_files_of_ones_own_lie_below_the_servers_folder(shop):
    (shop.root / "lists").mkdir()
    (shop.root / "lists" / "a.txt").write_text("a")
    done = shop.packaged("--no-build", "image.files={words: lists}")
    assert (context(done) / "settings/srv/mlops/words/a.txt").read_text() == "a"
    outside = shop.package("--no-build", "image.files={../../etc/passwd: lists/a.txt}", json=False)
    refused(outside, 3, "image.files: '../../etc/passwd' is no place")
    missing = shop.package("--no-build", "image.files={words: nowhere}", json=False)
    refused(missing, 5, "image.files: there is no nowhere")


def test_a_bundle_that_was_changed_is_not_packaged(shop):
    with (shop.bundle / "tokenizer.json").open("a") as stream:
        stream.write(" ")
    done = shop.package("--no-build", json=False)
    refused(done, 6, "not packaged: ", "mlops export --onnx")
    assert not (shop.root / "packages").exists()


def test_what_somebody_else_wrote_is_left_alone(shop, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("a")
    done = shop.package("--no-build", "--output", str(tmp_path / "mine"), json=False)
    refused(done, 2, f"{tmp_path / 'mine'} is there already", "--output")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["a.txt"]

    first = shop.packaged("--no-build")
    again = shop.packaged("--no-build")
    assert again.context == first.context
    Path(first.dockerfile).write_text("FROM scratch\n")
    edited = shop.package("--no-build", json=False)
    refused(edited, 2, f"{context(first)} was edited since it was written", "--output")
    assert Path(first.dockerfile).read_text() == "FROM scratch\n"


def test_what_others_put_beside_it_stays(shop, tmp_path):
    words = ("--no-build", "--compose", "--output", str(tmp_path / "out"))
    out = Path(shop.packaged(*words).folder)
    (out / ".env").write_text("GRAFANA_PASSWORD=tea\n")
    (out / ".env").chmod(0o600)
    (out / "grafana" / "dashboards" / "ours.json").write_text("{}")
    (out / "private" / "empty").mkdir(parents=True)
    (out / "private").chmod(0o700)
    (out / "now").symlink_to("nowhere")
    inode = (out / ".env").stat().st_ino
    again = shop.packaged(*words, "serve.max_rows=3")
    assert (out / ".env").read_text() == "GRAFANA_PASSWORD=tea\n"
    assert ((out / ".env").stat().st_mode & 0o777, (out / ".env").stat().st_ino) == (0o600, inode)
    assert (out / "grafana" / "dashboards" / "ours.json").read_text() == "{}"
    assert (out / "private" / "empty").is_dir()
    assert (out / "private").stat().st_mode & 0o777 == 0o700
    assert (out / "now").readlink() == Path("nowhere")
    assert json.loads((out / "image.json").read_text())["context"] == again.context
    # Of what was ours and is not wanted any more, nothing is left.
    shop.packaged("--no-build", "--output", str(out))
    assert not (out / "compose.yaml").exists()
    assert [path.name for path in (out / "grafana").rglob("*")] == ["dashboards", "ours.json"]


@pytest.mark.parametrize("listed", [True, False], ids=["now", "older"])
def test_what_was_edited_beside_it_is_not_written_over(shop, tmp_path, listed):
    """An older record does not tell what was written."""
    words = ("--no-build", "--compose", "--output", str(tmp_path / "out"))
    out = Path(shop.packaged(*words).folder)
    record = json.loads((out / "image.json").read_text())
    record.pop("written", None)
    for name in ("prometheus.yml", "compose.yaml"):
        ours = (out / name).read_bytes()
        if not listed:
            (out / "image.json").write_text(json.dumps(record))
        (out / name).write_text("mine: 1\n")
        before = files(out)
        done = shop.package(*words, "--quiet", json=False)
        refused(done, 2, f"{out / name} ", "--output DIR; or move it away")
        assert files(out) == before
        (out / name).write_bytes(ours)
        shop.packaged(*words)  # All is as it would be written.


OWN_TASK = """
import json
import pathlib
from mlops_cli.tasks.text_classification import fit, load
import helpers
WORDS = json.loads(pathlib.Path("custom/words.json").read_text())
"""


@pytest.fixture
def own_task(shop):
    """The project with a task of its own, which needs another package and a file."""
    for name, text in {
        "custom/task.py": OWN_TASK,
        "custom/words.json": "[]",
        "helpers/__init__.py": "WORDS = 1",
    }.items():
        (shop.root / name).parent.mkdir(exist_ok=True)
        (shop.root / name).write_text(text)
    facts = bundle.load(shop.bundle).facts
    facts = {key: value for key, value in facts.items() if key not in ("files", "digest")}
    bundle.write(shop.bundle, {**facts, "task": {**facts["task"], "name": "custom.task"}})
    return shop


def test_a_task_of_ones_own_is_loaded_from_the_context_alone(own_task, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(own_task.root))

    def told(message, files):
        done = own_task.package("--no-build", f"image.files={{{files}}}", json=False)
        said = f"custom.task can't be loaded from what the image would have: {message}"
        refused(done, 3, said, "image.files=")
        assert not list((own_task.root / "packages").iterdir())

    helpers, words = "helpers: helpers", "custom/words.json: custom/words.json"
    told("task 'custom.task' can't be imported: No module named 'helpers'", "")
    told("FileNotFoundError: [Errno 2] No such file or directory: 'custom/words.json'", helpers)
    done = own_task.packaged("--no-build", f"image.files={{{helpers}, {words}}}")
    place = context(done) / "settings" / "srv" / "mlops"
    assert {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()} == {
        "configs/config.yaml", "custom/task.py", "custom/words.json", "helpers/__init__.py",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("open('cache.json', 'w')", "OSError: [Errno 30] Read-only file system: '/srv/mlops/cache"),
        ("pathlib.Path('a').mkdir()", "OSError: [Errno 30] Read-only file system: '/srv/mlops/a'"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "OSError: [Errno 101]"),
        ("import os; assert 'TOKEN' in os.environ", "AssertionError"),
        ("import os; os._exit(7)", "its process ended with 7"),
    ],
    ids=["file", "folder", "network", "environment", "nothing said"],
)
def test_a_task_that_is_tried_reaches_nothing_else(own_task, monkeypatch, line, message):
    monkeypatch.setenv("TOKEN", "sk-" + "live-0815")
    (own_task.root / "custom" / "task.py").write_text(
        f"import pathlib, tempfile\ntempfile.TemporaryFile().close()\n{line}\n"
    )
    refused(
        own_task.package("--no-build", json=False),
        3,
        f"custom.task can't be loaded from what the image would have: {message}",
    )


def test_a_full_disk_leaves_nothing(shop, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk: this user may not mount one")
    try:
        done = shop.package("--no-build", "--output", str(place / "image"), json=False)
        assert done.exit_code in (1, 5), done.stderr
        assert (
            "space" in done.stderr.splitlines()[-2].lower() + done.stderr.splitlines()[-1].lower()
        )
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_only_the_graph_that_answers_is_taken_unless_all_are_asked_for(tmp_path, monkeypatch):
    for name, text in bundles.FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n")
    monkeypatch.chdir(tmp_path)
    made = bundles.keyword_bundle(tmp_path)
    # A second graph that is preferred, as export --quantize would make one.
    shutil.copy(made.path / "model.onnx", made.path / "model_small.onnx")
    graphs = {**made.facts["graphs"], "small": {"file": "model_small.onnx"}}
    facts = {key: value for key, value in made.facts.items() if key not in ("files", "digest")}
    whole = bundle.write(made.path, {**facts, "graphs": graphs, "preferred": "small"})

    from conftest import run_mlops

    def names(*words):
        done = run_mlops("package", str(made.path), "--no-build", *words, json=True)
        assert done.exit_code == 0, done.stderr
        place = Path(done.json["folder"], "context", "model", "srv", "mlops", "model")
        return place, {path.name for path in place.iterdir()}

    place, all_of_them = names("image.graphs=all", "--output", "all")
    assert {"model.onnx", "model_small.onnx"} <= all_of_them
    place, taken = names("--output", "one")
    assert all_of_them - taken == {"model.onnx"}
    loaded = bundle.load(place)
    assert loaded.digest == whole.digest
    assert list(loaded.graphs) == ["small"]
    done = run_mlops("predict", "--bundle", str(place), "good film", json=True)
    assert done.json["predictions"][0]["label"] == "pos"
    # What answers must be there.
    (place / "model_small.onnx").unlink()
    done = run_mlops("predict", "--bundle", str(place), "good film")
    assert done.exit_code == 5
    assert "model_small.onnx is missing" in done.stderr


def test_the_list_of_parts_is_cyclonedx_and_complete(shop):
    done = shop.packaged("--no-build")
    text = Path(done.sbom).read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = json.loads(text)["components"]
    packages = {
        one["name"].lower().replace("-", "_"): one for one in listed if one["type"] == "library"
    }
    wheels = [*(context(done) / "wheels").iterdir(), *(context(done) / "mlops").iterdir()]
    assert set(packages) == {path.name.split("-")[0].lower() for path in wheels}
    locked = (context(done) / "requirements.txt").read_text("utf-8")
    for name in ("numpy", "onnxruntime", "tokenizers", "starlette"):
        assert packages[name]["hashes"][0]["content"] in locked
    (trained,) = [one for one in listed if one["type"] == "machine-learning-model"]
    assert trained["version"] == done.bundle
    assert {one["name"] for one in trained["components"]} == set(
        bundle.load(model(done)).facts["files"]
    )
    assert {one["name"] for one in trained["properties"]} >= {"mlops:run", "mlops:task"}


def test_nothing_is_installed_that_no_server_imports(shop):
    done = shop.packaged("--no-build")
    names = {path.name.split("-")[0] for path in (context(done) / "wheels").iterdir()}
    assert not names & {"pip", "hf_xet", "huggingface_hub", "torch", "hydra_core", "protobuf"}
    assert {"numpy", "onnxruntime", "tokenizers", "uvicorn", "msgspec"} <= names
    (own,) = (context(done) / "mlops").iterdir()
    shipped = zipfile.ZipFile(own).namelist()
    assert "mlops_cli/serving/app.py" in shipped
    assert "mlops_cli/_configs/base.yaml" in shipped


def test_packages_of_ones_own_come_with_what_they_need(shop, tmp_path):
    done = shop.packaged("--no-build", "image.packages=[pillow]")
    assert list((context(done) / "wheels").glob("pillow-*.whl"))
    # What we don't know may read its own sources.
    plain = shop.packaged("--no-build", "--output", str(tmp_path / "plain"))
    for one, kind in ((done, "packages"), (plain, "compiled")):
        text = (context(one) / "Dockerfile").read_text("utf-8")
        assert f"shrink.py {kind} /build/out/opt/packages" in text
    unknown = shop.package("--no-build", "image.packages=[no-such-package-here]", json=False)
    refused(unknown, 4, "the package no-such-package-here is not installed here", "pip install")
    other = shop.package("--no-build", "image.packages=['numpy<1']", json=False)
    refused(other, 3, "image.packages: numpy<1 is asked for, and this environment has")


def test_a_wheel_is_put_together_again_from_an_installed_package(tmp_path):
    from importlib import metadata

    from mlops_cli.packaging import wheels

    wheels.own(tmp_path)
    (built,) = tmp_path.iterdir()
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(built)], check=True, capture_output=True)
    (installed,) = metadata.distributions(name="mlops-cli", path=[str(site)])
    made = wheels._together(installed, tmp_path)
    assert made.name == built.name
    again = tmp_path / "again"
    pip[-1] = str(again)
    subprocess.run([*pip, str(made)], check=True, capture_output=True)
    first, second = (
        {path.relative_to(place): path.read_bytes() for path in place.rglob("*.py")}
        for place in (site, again)
    )
    assert first == second
    assert first


def test_without_docker_the_context_is_what_is_made(shop, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("git", "python3"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = shop.package(json=False)
    assert done.exit_code == 0, done.stderr
    assert "next: docker build --network=none --tag" in done.stdout
    pushed = shop.package("--push", "registry.example", json=False)
    refused(pushed, 4, "Docker is not installed here", "docs.docker.com")


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        (
            "Got permission denied while trying to connect to the Docker daemon socket",
            "is not for this user: permission denied",
            "sudo usermod -aG docker",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
            "does not answer",
            "--no-build",
        ),
    ],
    ids=["permission", "down"],
)
def test_an_engine_that_can_not_be_asked(shop, monkeypatch, tmp_path, said, message, hint):
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    done = shop.package(json=False)
    refused(done, 4, "Docker's engine at ", hint)
    assert message in done.stderr
    assert not (shop.root / "packages").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--tag", "Shop Of Mine"), 2, "'Shop Of Mine' is no name of an image"),
        (("--push", "https://registry.example"), 2, "'https://registry.example' is no registry"),
        (("--push", "registry.example", "--no-build"), 2, "--push pushes what is built"),
        (("nowhere", "--no-build"), 5, "no run"),
        (("--no-build", "image.python=3.99"), 5, "there is no wheel of "),
    ],
    ids=["tag", "scheme", "no-build", "run", "python"],
)
def test_mistakes_are_one_line(shop, words, code, message):
    done = shop.package(*words, "--quiet", json=False)
    refused(done, code, message)


def test_a_time_of_ones_own(shop, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    done = shop.packaged("--no-build")
    assert 'created="1970-01-02T00:00:00Z"' in Path(done.dockerfile).read_text("utf-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    refused(shop.package("--no-build", json=False), 3, "SOURCE_DATE_EPOCH=yesterday is no time")


def test_looking_for_pip_leaves_distutils_as_setuptools_wants_it():
    code = "from mlops_cli.packaging import wheels; wheels._pip('--version'); import setuptools"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
