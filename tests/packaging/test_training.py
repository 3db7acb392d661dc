"""`mlops package --train`: the code and the packages of a run, the same each time, and no secret."""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import run_mlops
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from own import tutorial
from own.engine import BASE, REGISTRY, needed
from own.versions import refused

from mlops_cli.project import diff, git_facts

pytestmark = pytest.mark.slow
SECRETS = ("plain-" + "key-4711", "sk-" + "live-0815", "hunter2-" + "hunter2")


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True)
    return done.stdout


class Project:
    """A committed project with a run, whose requirements need no training stack."""

    def __init__(self, trained, root):
        self.root = Path(shutil.copytree(trained.root, root))
        self.run = trained.run
        self.write("requirements.txt", "mlops-cli\n# a comment\npackaging>=20\n")
        self.write("custom/__init__.py", "VERSION = 1\n")
        self.write("custom/model.py", "LAYERS = 2\n")
        self.write(".gitignore", "runs/\n.env\nkeys.txt\npackages/\n")
        self.write("data/reviews.csv", f"text,label\n{SECRETS[2]},good\n")
        self.write("data/reviews.csv.dvc", "outs: []\n")
        self.write(".env", f"TOKEN={SECRETS[1]}\n")
        self.write("keys.txt", f"shop: {SECRETS[0]}\n")
        git(self.root, "init", "-q")
        git(self.root, "add", "--all")
        git(self.root, "commit", "-qm", "first")
        self.commit = git(self.root, "rev-parse", "HEAD").decode().strip()
        self.facts(git={"commit": self.commit, "branch": "main", "dirty_hash": None})

    def write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, "utf-8")

    @property
    def folder(self):
        return self.root / "runs" / self.run

    def facts(self, **told):
        file = self.folder / "run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | told))

    def package(self, *words, json=True, base=BASE):
        with contextlib.chdir(self.root):
            return run_mlops("package", "--train", *words, f"image.base={base}", json=json)

    def packaged(self, *words, base=BASE):
        done = self.package(*words, base=base)
        assert done.exit_code == 0, done.stderr
        return SimpleNamespace(**done.json, said=done.stderr)


@pytest.fixture
def project_of_run(trained, tmp_path):
    return Project(trained, tmp_path / "shop")


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    """A project, and the context of its run."""
    one = Project(trained, tmp_path_factory.mktemp("training") / "shop")
    return one, one.packaged(one.run, "--no-build")


def files(folder):
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def test_it_has_the_packages_that_the_run_recorded(made):
    project, done = made
    recorded = dict(
        line.split("==") for line in (project.folder / "packages.txt").read_text().split()
    )
    place = Path(done.folder) / "context"
    lock = (place / "requirements.txt").read_text().splitlines()[1:]
    assert done.packages == len(lock) + 1  # and mlops itself
    names = set()
    digests = [hashlib.sha256(one.read_bytes()).hexdigest() for one in (place / "wheels").iterdir()]
    for line in lock:
        name, version, digest = re.fullmatch(r"(\S+)==(\S+) --hash=sha256:(\w+)", line).groups()
        name = name.lower().replace("_", "-")
        names.add(name)
        assert recorded[name] == version
        assert digests.count(digest) == 1, line
    # What only has a source distribution is there as well; what trains is not asked for here.
    assert {"hydra-core", "antlr4-python3-runtime", "onnxruntime"} <= names
    assert not {"torch", "pytest"} & names


def test_it_has_the_code_of_the_run_and_nothing_else(made):
    project, done = made
    place = Path(done.folder) / "context"
    assert set(files(place / "project")) == {
        ".gitignore", "configs/config.yaml", "custom/__init__.py", "custom/model.py",
        "data/reviews.csv.dvc", "requirements.txt",
    }  # fmt: skip
    assert done.left_out == ["data/reviews.csv"]
    for name, (_, content) in files(Path(done.folder)).items():
        assert not [one for one in SECRETS if one.encode() in content], name
    said = Path(done.dockerfile).read_text()
    assert f"MLOPS_GIT_COMMIT={project.commit} " in said
    assert "\nUSER 10001:10001\n" in said
    assert '\nENTRYPOINT ["mlops"]\nCMD ["train"]\n' in said
    labels = dict(re.findall(r'(\S+)="([^"]*)"', said.partition("\nLABEL ")[2]))
    assert labels["org.opencontainers.image.revision"] == done.commit == project.commit
    assert labels["mlops.run"] == project.run
    bom = (Path(done.folder) / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom) is None
    parts = {one["name"]: one for one in json.loads(bom)["components"]}
    assert parts["shop"]["version"] == project.commit
    assert parts["hydra-core"]["hashes"]


def test_the_same_commit_gives_the_same_bytes(made, tmp_path):
    project, first = made
    (project.root / "custom" / "model.py").touch()
    before = os.umask(0o077)
    try:
        second = project.packaged(project.run, "--no-build", "--output", str(tmp_path / "b"))
    finally:
        os.umask(before)
    assert second.context == first.context
    assert files(Path(first.folder) / "context") == files(tmp_path / "b" / "context")
    sboms = [Path(one.folder, "sbom.cdx.json").read_bytes() for one in (first, second)]
    assert sboms[0] == sboms[1]


def test_changes_that_the_run_kept_are_in_it(project_of_run):
    one = project_of_run
    one.write("custom/model.py", "LAYERS = 3\n")
    changes = git(one.root, "diff", "HEAD", "--binary", "--full-index")
    (one.folder / "git.diff").write_bytes(changes)
    digest = hashlib.sha256(changes).hexdigest()
    one.facts(git={"commit": one.commit, "branch": "main", "dirty_hash": digest})
    git(one.root, "checkout", "-q", ".")
    done = one.packaged(one.run, "--no-build")
    assert (Path(done.folder) / "context/project/custom/model.py").read_text() == "LAYERS = 3\n"
    assert done.dirty == digest
    assert f"MLOPS_GIT_DIRTY={digest}\n" in Path(done.dockerfile).read_text()
    (one.folder / "git.diff").write_bytes(changes + b"\n")
    refused(
        one.package(one.run, "--no-build", json=False), 5, "git.diff of run", "commit the changes"
    )
    (one.folder / "git.diff").unlink()
    refused(
        one.package(one.run, "--no-build", json=False),
        5,
        f"run {one.run} began with",
        "commit them",
    )


def test_programs_and_links_are_as_git_has_them(project_of_run, tmp_path):
    one = project_of_run
    one.write("scripts/prep.sh", "#!/bin/sh\necho ready\n")
    (one.root / "scripts" / "prep.sh").chmod(0o700)
    one.write("prompts/v2/ask.txt", "what?")
    links = {
        "prompts/latest": "v2",
        "ask.txt": "prompts/latest/ask.txt",
        "later.csv": "data/reviews.csv",
        "abs.txt": "/etc/hostname",
        "prompts/up": f"../../{one.root.name}/ask.txt",
        "prompts/around": "../abs.txt",
        "runs": "prompts",
    }
    shutil.move(one.root / "runs", tmp_path / "runs")
    for name, target in links.items():
        (one.root / name).symlink_to(target)
    git(one.root, "add", "--all")
    git(one.root, "commit", "-qm", "links")
    (one.root / "runs").unlink()
    done = one.packaged("--no-build")
    place = Path(done.folder) / "context" / "project"
    kept = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_symlink()}
    assert kept == {"prompts/latest", "ask.txt", "later.csv"}
    assert all((place / name).readlink() == Path(links[name]) for name in kept)
    assert (place / "ask.txt").read_text() == "what?"
    out = {"abs.txt", "prompts/up", "prompts/around", "runs"}
    assert set(done.left_out) == {"data/reviews.csv", *out}
    for name in out:
        assert f"warning: {name} is a link to {links[name]}, and not in the image" in done.said
    modes = [(place / one).stat().st_mode & 0o777 for one in ("scripts/prep.sh", "custom/model.py")]
    assert modes == [0o755, 0o644]

    def digest(name, umask=0o022):
        before = os.umask(umask)
        try:
            return one.packaged("--no-build", "--output", str(tmp_path / name)).context
        finally:
            os.umask(before)

    assert digest("tight", 0o077) == digest("loose", 0o000) == done.context
    git(one.root, "update-index", "--chmod=-x", "scripts/prep.sh")
    git(one.root, "commit", "-qm", "no program")
    assert digest("plain") != done.context


def test_new_files_of_the_run_are_in_it(project_of_run):
    one = project_of_run
    one.write("custom/task.py", "from custom import words\n")
    one.write("custom/words.py", "WORDS = 1\n")
    (one.folder / "git.diff").write_bytes(diff(one.root))
    one.facts(git=dataclasses.asdict(git_facts(one.root)))
    git(one.root, "clean", "-qf", "custom")
    done = one.packaged(one.run, "--no-build")
    place = Path(done.folder) / "context/project/custom"
    assert {path.name for path in place.iterdir()} == {
        "__init__.py", "model.py", "task.py", "words.py",
    }  # fmt: skip


def test_without_a_run_it_is_what_is_committed(project_of_run):
    one = project_of_run
    one.write("custom/model.py", "LAYERS = 4\n")
    done = one.packaged("--no-build", "--tag", "shop-lab")
    assert "1 file is not committed, and not in the image" in done.said
    assert (Path(done.folder) / "context/project/custom/model.py").read_text() == "LAYERS = 2\n"
    assert done.name == f"shop-lab:{one.commit[:12]}"
    assert done.run == ""


def test_what_can_not_be_packaged_is_told(project_of_run):
    one = project_of_run

    def told(code, message, hint, *words):
        refused(one.package(*words, "--no-build", json=False), code, message, hint)
        assert not list((one.root / "packages").glob("*"))

    told(2, "--compose is for what serves", "--train", one.run, "--compose")
    other = "image.runtime=lambda"
    told(2, f"{other} is for what serves", "leave out image.runtime or --train", one.run, other)
    told(3, "image.python is 3.10", "image.base=python:", one.run, 'image.python="3.10"')
    recorded = (one.folder / "packages.txt").read_text()
    lacking = re.sub(r"omegaconf==.*\n", "", recorded)
    (one.folder / "packages.txt").write_text(lacking)
    told(4, "mlops-cli needs omegaconf, which was not installed", "pip install omegaconf", one.run)
    (one.folder / "packages.txt").write_text("omegaconf\n")
    told(5, "packages.txt of run", "of another run", one.run)
    (one.folder / "packages.txt").unlink()
    told(5, f"run {one.run} is older than the record of packages", "train again", one.run)
    (one.folder / "packages.txt").write_text(recorded)
    one.facts(git={"commit": "0" * 40, "branch": "main", "dirty_hash": None})
    told(5, "commit 000000000000 is not in this repository", "git fetch", one.run)
    one.write("deploy/server.pem", "anything")
    git(one.root, "add", "--all")
    git(one.root, "commit", "-qm", "oh")
    told(3, "deploy/server.pem looks like a secret", "git rm --cached deploy/server.pem")
    one.write(".gitattributes", "server.pem export-ignore\n")
    git(one.root, "add", "--all")
    git(one.root, "commit", "-qm", "better")
    one.write("requirements.txt", "mlops-cli\nmine @ https://example.com/mine.whl\n")
    git(one.root, "commit", "-qam", "url")
    told(3, "requirements.txt: mine comes from https://example.com/mine.whl", "package index")
    shutil.rmtree(one.root / ".git")
    told(5, f"{one.root} is in no git repository", "git init")


@needed
def test_it_is_built_pushed_and_runs_as_nobody(project_of_run):
    """As the tutorial pushes it."""
    one = project_of_run
    _, (_, words) = tutorial.elsewhere("images.md", {"registry.example.com": REGISTRY})
    assert words[:2] == ["package", "--train"]
    one.write("scripts/prep.sh", "#!/bin/sh\necho prepared\n")
    (one.root / "scripts" / "prep.sh").chmod(0o755)
    (one.root / "latest").symlink_to("scripts")
    git(one.root, "add", "--all")
    git(one.root, "commit", "-qm", "a program")
    one.commit = git(one.root, "rev-parse", "HEAD").decode().strip()
    one.facts(git={"commit": one.commit, "branch": "main", "dirty_hash": None})
    done = one.packaged(*words[2:], "--tag", "training-test:1")
    assert done.run == one.run
    try:
        assert done.built["reproducible"]
        assert [one["holds"] for one in done.built["layers"]] == [
            "system", "packages", "mlops", "project",
        ]  # fmt: skip
        assert re.fullmatch(rf"{re.escape(REGISTRY)}/team/training-test@sha256:\w+",
                            done.pushed["reference"])  # fmt: skip
        ran = subprocess.run(
            ["docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop", "ALL",
             "--entrypoint", "sh", done.name, "-c",
             "id -u && pwd && mlops config show lr=0.5 && echo $MLOPS_GIT_COMMIT && ls -a && "
             "latest/prep.sh"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        lines = ran.stdout.splitlines()
        assert lines[:2] == ["10001", "/project"]
        assert any(re.match(r"\s*lr: 0.5", line) for line in lines)
        assert one.commit in lines
        assert lines[-1] == "prepared"
        assert ".git" not in lines
        assert ".env" not in lines
    finally:
        for name in (done.name, f"{REGISTRY}/team/{done.name}"):
            subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False)
