"""The file with the best settings."""

import dataclasses

from mlops_cli import config
from mlops_cli.config.sweeps import Choices, Span
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.tune import Trial, TuneResult
from mlops_cli.tuning import experiment
from mlops_cli.tuning.plan import Plan

AXES = (
    Span("lr", 1e-5, 1e-2, log=True),
    Choices("model", ("tiny", "bert")),
    Choices("data.text", ("sentence", "'a b'")),
    Span("model.max_length", 16, 64, step=1, whole=True),
)
SETTINGS = {"lr": 0.00123456789, "model": "bert", "data.text": "'a b'", "model.max_length": 32}


def study(*fixed):
    plan = Plan(
        "best", fixed, AXES, ("mcc",), ("maximize",), "tpe", "none", 4, 0, ".", validate=True
    )
    trial = Trial(7, "run-7", "finished", SETTINGS, [0.4321], [], 1.0, "")
    worse = Trial(8, "run-8", "finished", {**SETTINGS, "lr": 1e-4}, [0.1], [], 1.0, "")
    return plan, TuneResult(
        "best", None, ["mcc"], ["maximize"], "tpe", "none", [trial, worse], [7], {}, []
    )


def write(project, *fixed, force=False):
    plan, result = study(*fixed)
    path = experiment.write(result, plan, project.path, SilentReporter(), force=force)
    return path, experiment.train_words(result, plan, path)


def test_the_experiment_alone_is_the_best_trial(project):
    project({"configs/gates/strict.yaml": "mcc: '>= 0.9'\nf1_macro: '>= 0.9'\n"})
    fixed = (
        *("data=file", "data.path=a.csv", "data.label=on", "data.delimiter=\\t"),
        *("tracker=[tensorboard,wandb]", "model.dropout=null", "trainer.patience=${epochs}"),
        *("gates=strict", "gates.mcc='>= 0.5'", "epochs=7", "epochs=1e1"),
    )
    path, words = write(project, *fixed)
    assert words == ["experiment=best"]
    plan, result = study(*fixed)
    typed = experiment.train_words(result, plan, None)
    loaded = config.load(words, root=project.path)
    assert loaded == config.load(typed, root=project.path)
    assert (loaded.lr, loaded.model.name, loaded.model.max_length) == (0.00123457, "bert", 32)
    assert (loaded.data.text, loaded.data.label, loaded.epochs) == ("a b", "on", 10)
    assert config.problems([*words], root=project.path) == []
    text = path.read_text("utf-8")
    assert "# The best of study best: mlops train experiment=best\n" in text
    assert "# Trial 7, run run-7: mcc 0.4321\n" in text
    assert "batch_size" not in text, "what nobody set stays as the project has it"


def test_a_file_typed_in_a_folder_is_found_from_the_root(project, monkeypatch):
    project({"sub/a.csv": "text,label\na,b\n"})
    plan, result = study("data=file", "data.path=a.csv")
    plan = dataclasses.replace(plan, folder="sub")
    experiment.write(result, plan, project.path, SilentReporter(), force=False)
    assert config.load(["experiment=best"], root=project.path).data.path == "sub/a.csv"


def test_a_gate_that_was_taken_out_is_named_where_a_file_can_not_say_it(project):
    project({"configs/gates/strict.yaml": "mcc: '>= 0.9'\nf1_macro: '>= 0.9'\n"})
    path, words = write(project, "data=file", "data.path=a.csv", "gates=strict", "~gates.mcc")
    assert words == ["experiment=best", "~gates.mcc"]
    assert config.load(words, root=project.path).gates == {"f1_macro": ">= 0.9"}
    assert "mlops train experiment=best ~gates.mcc\n" in path.read_text("utf-8")


def test_it_builds_on_the_experiment_that_the_search_built_on(project):
    project({"configs/experiment/mine.yaml": "# @package _global_\nepochs: 9\nlr: 0.5\n"})
    _, words = write(project, "experiment=mine", "data=file", "data.path=a.csv")
    loaded = config.load(words, root=project.path)
    assert (loaded.epochs, loaded.lr) == (9, 0.00123457)


def test_a_file_that_is_there_is_only_replaced_when_told_to(project):
    project({"configs/experiment/best.yaml": "# @package _global_\n# mine\n"})
    path, words = write(project)
    assert path is None
    assert words[0] == "lr=0.00123457", "the next step then needs no file"
    path, _ = write(project, force=True)
    assert "mine" not in path.read_text("utf-8")


def test_without_a_project_there_is_no_file(empty_folder):
    plan, result = study()
    assert experiment.write(result, plan, empty_folder, SilentReporter(), force=False) is None
    assert not (empty_folder / "configs").exists()
