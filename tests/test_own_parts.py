"""A data source, a task and a LightningModule of a project's own: the template's, end to end."""

import hashlib
import json
from pathlib import Path

import pytest
from own.versions import refused

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.service import Service

pytestmark = pytest.mark.slow

WORDS = ["task=custom", "data=custom", "model=custom"]
TEXTS = ["the roof is on fire in house 7 see https://photos.example/1", "the roof looks old"]


@pytest.fixture
def made(tmp_path, monkeypatch, mlops):
    monkeypatch.chdir(tmp_path)
    done = mlops("init", "flats", "--yes", "--no-git", "--no-dvc")
    assert done.exit_code == 0, done.stderr
    monkeypatch.chdir(tmp_path / "flats")
    return tmp_path / "flats"


def test_the_templates_own_parts_from_training_to_prediction(made, mlops):
    trained = mlops("train", *WORDS, "trainer.threads=1", json=True)
    assert trained.exit_code == 0, trained.stderr
    assert trained.json["metrics"]["val/mcc"] == 1.0
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    assert evaluated.json["metrics"]["mcc"] == 1.0
    exported = mlops("export", "--onnx", json=True)
    assert exported.exit_code == 0, exported.stderr
    answers = mlops("predict", *TEXTS, json=True)
    assert answers.exit_code == 0, answers.stderr
    assert [answer["label"] for answer in answers.json["predictions"]] == ["urgent", "can wait"]
    folder = made / "runs" / trained.json["run"]
    spec = json.loads((folder / "bundle" / "bundle.json").read_text("utf-8"))["task"]
    assert spec["name"] == "custom.task"
    # Its own preprocessing is what is served: all addresses are one word.
    links = mlops("predict", TEXTS[0], TEXTS[0] + "2", json=True).json["predictions"]
    assert links[0]["scores"] == links[1]["scores"]


def test_a_version_is_of_the_code_that_it_was_exported_with(tmp_path, monkeypatch, mlops):
    monkeypatch.chdir(tmp_path)
    assert mlops("init", "flats", "--yes").exit_code == 0
    made = tmp_path / "flats"
    monkeypatch.chdir(made)
    run = mlops("train", *WORDS, "epochs=1", "trainer.threads=1", json=True).json["run"]
    assert mlops("export", "--onnx").exit_code == 0
    for words in (("register", run), ("promote", "flats", "staging")):
        done = mlops("models", *words)
        assert done.exit_code == 0, done.stderr
    folder, code = made / "runs" / run / "bundle", made / "custom" / "task.py"
    known = json.loads((folder / "bundle.json").read_text("utf-8"))["code"]
    assert known["custom/task.py"] == hashlib.sha256(code.read_bytes()).hexdigest()
    assert set(known) == {f"custom/{path.name}" for path in (made / "custom").glob("*.py")}

    def served():
        told = []
        Service(ServeConfig(), warn=told.append).read(folder).whole.result()
        return told + [line for line in mlops("predict", *TEXTS).stderr.splitlines() if line]

    package = ("package", "flats@v1.0.0", "--no-build")
    (made / "custom" / "later.py").write_text("", "utf-8")
    assert served() == []
    assert mlops(*package).exit_code == 0
    context = made / "packages" / "flats-v1.0.0" / "context"
    assert {path.name for path in context.rglob("custom/*")} == {Path(one).name for one in known}
    exported = code.read_text("utf-8")
    code.write_text(exported + "# other\n", "utf-8")
    said = f"custom/task.py, of which the task of {run} is made, was changed after the export"
    assert [said in line for line in served()] == [True, True]
    refused(mlops(*package), 6, said, "git checkout ")
    promoted = mlops("models", "promote", "flats", "production")
    assert (promoted.exit_code, f"code: {said} (git checkout " in promoted.stderr) == (6, True)
    code.unlink()
    refused(mlops(*package), 6, said.replace("was changed", "is gone"), "-- custom/task.py, or ")
    code.write_text(exported, "utf-8")
    assert mlops("models", "promote", "flats", "production").exit_code == 0


def test_what_a_network_of_ones_own_can_not_do_is_told_before_there_is_a_run(made, mlops):
    refused = mlops("train", *WORDS, "trainer.gradient_checkpointing=true")
    assert refused.exit_code == 3
    assert "error: Network can't compute its layers' values again" in refused.stderr
    assert not (made / "runs").exists()


@pytest.mark.parametrize(
    ("returned", "told"),
    [("(1, 2)", "tuple"), ("models.Built(None, 'task')", "Built with str as its task")],
)
def test_a_build_that_returns_something_else_is_told(made, mlops, returned, told):
    code = f"""
from mlops_cli import models

def build(config, splits, reporter):
    return {returned}

def load(folder):
    return None
"""
    # Another package for each: one that was imported is not looked for again.
    module = f"returns_{told.split()[0].lower()}.model"
    path = made / (module.replace(".", "/") + ".py")
    path.parent.mkdir()
    path.write_text(code, "utf-8")
    refused = mlops("train", "task=custom", "data=custom", f"model.module={module}")
    assert refused.exit_code == 3
    assert f"error: build() of model module {module} returned {told}\n" in refused.stderr
    assert "hint: return mlops_cli.models.Built(module, task)" in refused.stderr
    assert not (made / "runs").exists()


def test_a_module_is_not_taken_for_a_name(made, mlops):
    refused = mlops("train", "task=custom", "data=custom", "model.name=custom.model")
    assert refused.exit_code == 3
    assert "hint: did you mean model.module=custom.model?" in refused.stderr
    named = ["model.name=custom.model", "model.module=null", "epochs=1", "trainer.threads=1"]
    done = mlops("train", "task=custom", "data=custom", *named, "model.params.width=8", json=True)
    assert done.exit_code == 0, done.stderr
    saved = (made / "runs" / done.json["run"] / "model" / "task.json").read_text("utf-8")
    assert json.loads(saved)["family"] == "custom.model"


def test_they_are_killed_and_resumed_as_ours(made, mlops):
    (made / "stop").write_text("12 train SIGINT", "utf-8")
    stop = ["tracker.module=own.stopper", "trainer.log_every=1"]
    # What the network says in bf16 is no numpy array: also told where the hardware has none.
    words = [*WORDS, "trainer.precision=bf16", "trainer.threads=1"]
    whole = mlops("train", *words, json=True)
    assert mlops("train", *words, *stop).exit_code == 130
    resumed = mlops("train", "--resume", "latest", json=True)
    assert resumed.exit_code == 0, resumed.stderr
    assert resumed.json["metrics"] == whole.json["metrics"]
