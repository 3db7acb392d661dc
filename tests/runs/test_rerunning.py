"""`mlops runs rerun`: the same commit, data and settings, and whether the same weights come out."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
import torch
from huggingface_hub import constants
from own import hub_stub
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification

from mlops_cli.runs import weights
from mlops_cli.tracking.record import Run

SMALL = ("epochs=1", "model.hidden_size=32", "trainer.threads=1")
TEXTS = "text,label\n" + "".join(
    f"{'good' if n % 2 else 'bad'} thing number {n},{'yes' if n % 2 else 'no'}\n" for n in range(60)
)
ROWS = """
from mlops_cli.data.examples import Examples, Splits

def rows():
    texts = [f"{'good' if n % 2 else 'bad'} thing number {n}" for n in range(60)]
    labels = ["yes" if n % 2 else "no" for n in range(60)]
    return Splits(Examples({"text": texts[:48]}, labels[:48]),
                  Examples({"text": texts[48:]}, labels[48:]), None)
"""
FROM_FILE = ("data=file", "data.path=reviews.csv", "data.text=text", "data.label=label")


def git(*words):
    done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def commit():
    git("add", "-A")
    git("commit", "-qm", "a state")


@pytest.fixture
def repository(project):
    """The project in a git repository, one folder below its root."""
    project({".gitignore": "/runs/\n"})
    git("init", "-q", "..")
    commit()
    return project


def train(mlops, *words):
    done = mlops("train", *SMALL, *words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json["run"]


@pytest.mark.slow
def test_a_run_is_made_again_from_its_commit_and_its_changes(repository, mlops):
    repository({"configs/config.yaml": "defaults: [base, _self_]\nlr: 0.01\n"})
    run = train(mlops, "data.size=200")
    assert "+lr: 0.01" in (repository / f"runs/{run}/git.diff").read_text()
    # What the project says by now is of no consequence.
    repository({"configs/config.yaml": "defaults: [base, _self_]\nlr: 0.5\nseed: 9\n"})
    commit()
    done = mlops("runs", "rerun", run, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["verdict"] == "same"
    assert done.json["metrics"] == []
    new = repository / "runs" / done.json["run"]
    assert str(new) == done.json["path"]
    facts, before = (json.loads((one / "run.json").read_text()) for one in (new, new.parent / run))
    assert facts["git"]["commit"] == before["git"]["commit"]
    assert facts["git"]["dirty_hash"] == before["git"]["dirty_hash"]
    assert (facts["rerun_of"], facts["rerun_verdict"]) == (run, "same")
    assert (new / "config.yaml").read_text() == (new.parent / run / "config.yaml").read_text()
    assert len(git("worktree", "list").splitlines()) == 1

    # Other weights than the recorded ones are a failed gate.
    file = new.parent / run / "model" / "model.safetensors"
    tensors = load_file(file)
    name = next(iter(tensors))
    tensors[name][0] += 0.25
    save_file(tensors, file)
    done = mlops("runs", "rerun", run, json=True)
    assert done.exit_code == 6
    assert done.json["verdict"] == "different"
    assert done.json["weights"]["max_difference"] == pytest.approx(0.25, abs=1e-3)
    assert done.json["weights"]["differing"] == 1
    assert "they differ by up to 0.25" in json.loads(done.stderr.splitlines()[-1])["error"]
    assert mlops("runs", "rerun", run, "--tolerance", "0.3").exit_code == 0


@pytest.mark.slow
def test_new_code_is_part_of_a_run(repository, mlops, monkeypatch):
    def forget():
        """As a process of its own would begin."""
        monkeypatch.setattr(sys, "path", [*path])
        for name in [one for one in sys.modules if one.partition(".")[0] == "newly"]:
            del sys.modules[name]

    path = sys.path
    source = "from newly.rows import rows\n\ndef load(config, reporter):\n    return rows()\n"
    code = {"newly/__init__.py": "", "newly/source.py": source, "newly/rows.py": ROWS}
    repository(code)
    forget()
    run = train(mlops, "data=quickstart", "data.module=newly.source")
    assert "+def rows():" in (repository / f"runs/{run}/git.diff").read_text()
    shutil.rmtree(repository / "newly")
    forget()
    done = mlops("runs", "rerun", run, json=True)
    assert (done.exit_code, done.json["verdict"]) == (0, "same"), done.stderr

    # What git ignores is in no record.
    repository({**code, ".gitignore": "/runs/\nrows.py\n"})
    forget()
    run = train(mlops, "data=quickstart", "data.module=newly.source")
    forget()
    done = mlops("runs", "rerun", run)
    assert done.exit_code == 3
    assert "'newly.source' can't be imported: No module named 'newly.rows'" in done.stderr
    forget()


@pytest.mark.slow
def test_data_comes_from_dvc_as_it_was(project, mlops):
    from mlops_cli import versioning

    project({".gitignore": "/runs/\n", "reviews.csv": TEXTS})
    git("init", "-q")
    versioning.init(project.path, git=True, data=project / "reviews.csv")
    commit()
    assert mlops("push").exit_code == 0
    run = train(mlops, *FROM_FILE)
    # Another version takes its place; the old one is in the remote alone.
    project({"reviews.csv": TEXTS.replace("yes", "maybe")})
    shutil.rmtree(project / ".dvc" / "cache")
    done = mlops("runs", "rerun", run, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["verdict"] == "same"
    assert "maybe" in (project / "reviews.csv").read_text()


@pytest.mark.slow
def test_other_data_ends_it_before_anything_is_trained(project, mlops):
    project({"reviews.csv": TEXTS})
    run = train(mlops, *FROM_FILE)
    project({"reviews.csv": TEXTS.replace("yes", "maybe")})
    done = mlops("runs", "rerun", run)
    assert done.exit_code == 5
    assert f"the train data is not what run {run} was trained on" in done.stderr
    assert [path.name for path in (project / "runs").iterdir() if path.name[0] != "."] == [run]
    project({"reviews.csv": TEXTS})
    done = mlops("runs", "rerun", run)
    assert done.exit_code == 0, done.stderr
    assert "the run recorded no commit" in done.stdout
    assert "bit for bit" in done.stdout


@pytest.mark.slow
def test_another_checkpoint_is_told_and_named_as_the_reason(repository, mlops, minilm):
    repository({".gitignore": "/runs/\n/ck/\n", "reviews.csv": TEXTS})
    (repository / "ck").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(minilm / name, repository / "ck")
    commit()
    words = ("model=pretrained", "model.path=ck", "epochs=1", "trainer.threads=1", *FROM_FILE)
    done = mlops("train", *words, "--run-id", "first", json=True)
    assert done.exit_code == 0, done.stderr
    facts = json.loads((repository / "runs/first/run.json").read_text())
    file = repository / "ck/model.safetensors"
    held = hashlib.sha256(file.read_bytes()).hexdigest()
    assert facts["checkpoint"]["source"] == "ck"
    assert facts["checkpoint"]["files"]["model.safetensors"] == held
    assert set(facts["checkpoint"]["files"]) == {one.name for one in file.parent.iterdir()}

    done = mlops("runs", "rerun", "first", json=True)
    assert (done.exit_code, done.json["verdict"], done.json["reasons"]) == (0, "same", [])
    assert "another checkpoint" not in done.stderr

    moved = {name: one + 0.05 for name, one in load_file(file).items() if one.is_floating_point()}
    save_file(load_file(file) | moved, file, {"format": "pt"})
    done = mlops("runs", "rerun", "first")
    assert done.exit_code == 6
    reason = "another checkpoint in ck: other content of model.safetensors"
    assert f"{reason}: other weights will come out" in done.stderr
    assert reason in done.stdout.partition("  perhaps ")[2]
    assert "none is known" not in done.stdout

    # A run of an older version recorded nothing of it.
    del facts["checkpoint"]
    (repository / "runs/first/run.json").write_text(json.dumps(facts))
    done = mlops("runs", "rerun", "first", json=True)
    assert done.json["verdict"] == "different"
    assert not any("checkpoint" in reason for reason in done.json["reasons"])


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub on this machine, and a cache of it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with hub_stub.asked(monkeypatch) as hub:
        yield hub


def checkpoint(folder, tokenizer, seed):
    """A small network, as the hub keeps it."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8}
    BertForSequenceClassification(
        BertConfig(vocab_size=30522, num_attention_heads=1, **sizes)
    ).save_pretrained(folder)
    shutil.copy(tokenizer, folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.slow
def test_a_checkpoint_of_the_hub_is_the_commit_that_the_run_began_from(
    project, mlops, minilm, hub, tmp_path
):
    project({"reviews.csv": TEXTS})
    first, second = "1" * 40, "2" * 40
    files = [checkpoint(tmp_path / name, minilm / "tokenizer.json", ord(name)) for name in "ab"]
    commits = [(first, "made", files[0])]
    hub.repositories["acme/reader"] = hub_stub.Repository(False, commits)
    words = ("model=pretrained", "model.checkpoint=acme/reader", "epochs=1", "trainer.threads=1")
    done = mlops("train", *words, *FROM_FILE, "--run-id", "first", json=True)
    assert done.exit_code == 0, done.stderr
    folder = project / "runs/first"
    facts = json.loads((folder / "run.json").read_text())
    assert facts["checkpoint"]["revision"] == first

    commits.append((second, "retrained", files[1]))
    done = mlops("runs", "rerun", "first", json=True)
    assert (done.exit_code, done.json["verdict"]) == (0, "same"), done.stderr
    assert "another checkpoint" not in done.stderr
    made = json.loads((project / "runs" / done.json["run"] / "run.json").read_text())
    assert made["checkpoint"]["revision"] == first

    def resumed():
        shutil.rmtree(folder / "model")
        (folder / "run.json").write_text(json.dumps({**facts, "status": "interrupted"}))
        done = mlops("runs", "resume", "first")
        assert done.exit_code == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "checkpoint" in line]

    assert resumed() == []

    # It is gone from the hub, and from here.
    del commits[0]
    shutil.rmtree(tmp_path / "cache")
    moved = (
        f"another checkpoint in acme/reader: revision {first[:12]} then, {second[:12]} now; "
        "other content of model.safetensors"
    )
    began = "warning: the checkpoint is not what run first began with"
    assert resumed() == [f"{began}: {moved}"]
    done = mlops("runs", "rerun", "first")
    assert done.exit_code == 6
    assert f"warning: {moved}: other weights will come out" in done.stderr


@pytest.mark.slow
def test_every_package_of_the_environment_is_compared(project, mlops):
    run = train(mlops, "data.size=200")
    file = project / "runs" / run / "packages.txt"
    here = dict(line.split("==") for line in file.read_text().split())
    changed = here | {"lightgbm": "1.0.0", "gone-by-now": "3.1"}
    del changed["typer"]
    file.write_text("".join(f"{name}=={version}\n" for name, version in changed.items()))
    done = mlops("runs", "rerun", run, json=True)
    assert (done.exit_code, done.json["verdict"]) == (0, "same")
    assert {one["name"]: one["values"] for one in done.json["environment"]} == {
        "packages.lightgbm": ["1.0.0", here["lightgbm"]],
        "packages.typer": [None, here["typer"]],
        "packages.gone-by-now": ["3.1", None],
    }

    # Of many, the text shows a few and how many there are; what trains is named first.
    file.write_text("".join(f"{name}==0.0.1\n" for name in here))
    weights_file = project / "runs" / run / "model" / "model.safetensors"
    save_file({name: one + 1 for name, one in load_file(weights_file).items()}, weights_file)
    done = mlops("runs", "rerun", run)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()[1:]]
    shown = [said for name, said in lines if name == "environment"]
    assert shown[-1] == f"and {len(here) - 8} more differences: --json has them all"
    assert any("packages.torch: 0.0.1 -> " in said for said in shown)
    (reason,) = [said for name, said in lines if name == "perhaps" and "versions" in said]
    assert reason.endswith(f" and {len(here) - 5} more")

    # What can't be read is not compared; the record in run.json is.
    file.write_text("nonsense")
    done = mlops("runs", "rerun", run, json=True)
    assert (done.exit_code, done.json["environment"]) == (6, [])


@pytest.mark.slow
def test_copies_of_streamed_files_go_with_the_checkout(repository, mlops):
    repository({"reviews.csv": TEXTS})
    commit()
    run = train(mlops, "data=stream", *FROM_FILE[1:], "data.split=hash")
    streams = repository / "runs" / ".streams"
    (before,) = streams.rglob("*.arrow")
    killed = streams / "killed"
    killed.mkdir()
    (killed / "source").write_text("/tmp/mlops-rerun-0000/code/reviews.csv")
    (streams / "elsewhere").mkdir()
    (streams / "elsewhere" / "source").write_text("/mnt/unplugged/reviews.csv")
    done = mlops("runs", "rerun", run, json=True)
    assert (done.exit_code, done.json["verdict"]) == (0, "same"), done.stderr
    assert [*streams.rglob("*.arrow")] == [before]
    assert {path.name for path in streams.iterdir()} == {before.parent.name, "elsewhere"}


def test_a_commit_that_is_gone_is_told(repository, recorded, mlops):
    run = recorded("20260101-000001-tiny-aaaa")
    done = mlops("runs", "rerun", run.id)
    assert done.exit_code == 5
    assert "commit c0ffeec0ffee is not in this repository" in done.stderr


def test_changes_that_are_not_the_recorded_ones_are_refused(repository, recorded, mlops):
    head = git("rev-parse", "HEAD").strip()
    run = recorded(
        "20260101-000001-tiny-aaaa", git={"commit": head, "branch": None, "dirty_hash": "a" * 64}
    )
    repository({"configs/config.yaml": "defaults: [base, _self_]\nlr: 0.01\n"})
    run.diff.write_text(git("diff", "HEAD"))
    done = mlops("runs", "rerun", run.id)
    assert (done.exit_code, "is not what the run began with" in done.stderr) == (5, True)
    run.diff.write_text("nonsense")
    done = mlops("runs", "rerun", run.id)
    assert (done.exit_code, "does not fit its commit" in done.stderr) == (5, True)
    assert len(git("worktree", "list").splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda tensors: tensors, (True, 0.0, 0)),
        (lambda tensors: tensors | {"a": tensors["a"] + 2**-10}, (False, 2**-10, 1)),
        (lambda tensors: tensors | {"a": torch.ones(3)}, (False, None, 1)),
        (lambda tensors: {"a": tensors["a"]}, (False, None, 1)),
        (lambda tensors: tensors | {"a": tensors["a"] * torch.nan}, (False, float("inf"), 1)),
    ],
    ids=["same", "value", "shape", "name", "nan"],
)
def test_weights_are_compared_tensor_by_tensor(tmp_path, change, expected):
    tensors = {"a": torch.ones(2, 2), "b": torch.arange(3)}
    runs = []
    for name, content in (("one", tensors), ("two", change(tensors))):
        run = Run(tmp_path / name)
        run.model.mkdir(parents=True)
        save_file(content, run.model / "model.safetensors")
        runs.append(run)
    found = weights.compare(*runs)
    assert (found.same, found.max_difference, found.differing) == expected


def test_a_model_without_tensors_is_compared_by_its_files(tmp_path):
    runs = [Run(tmp_path / name) for name in ("one", "two")]
    assert weights.compare(*runs) is None
    for run, content in zip(runs, ("trees", "other trees"), strict=True):
        run.model.mkdir(parents=True)
        (run.model / "model.json").write_text(content)
    assert not weights.compare(*runs).same
    assert weights.compare(runs[0], runs[0]).same
