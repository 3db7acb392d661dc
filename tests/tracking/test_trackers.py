"""Any tracker is looked up by name; a user's own as well as ours."""

import sys

import pytest

from mlops_cli import config as configs
from mlops_cli import tracking
from mlops_cli.errors import ConfigError, MissingDependencyError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.tracker import TrackerConfig, WandbTrackerConfig, trackers_in
from mlops_cli.tracking import couriers, finding, lines, state
from mlops_cli.tracking.redaction import without_secrets

# Writes a line for everything it is told.
DIARY = """
from pathlib import Path


class Diary:
    def __init__(self, file):
        self.file = Path(file)

    def write(self, *words):
        with self.file.open("a") as stream:
            print(*words, file=stream)

    def start(self, run, config, facts):
        self.write("start", run.id, config["epochs"], facts["status"])
        return {"diary": {"file": str(self.file)}}

    def log(self, metrics, *, step):
        self.write("log", step, *metrics)

    def finish(self, status, summary):
        self.write("finish", status, len(summary))


def create(config):
    return Diary(config.params["file"])
"""


@pytest.mark.slow
def test_a_tracker_of_ones_own_is_one_file(project, mlops, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    choice = "module: keeping.diary\nparams: {file: diary.txt}\n"
    project({"keeping/diary.py": DIARY, "configs/tracker/diary.yaml": choice})
    small = ["data.size=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1"]
    done = mlops("train", "tracker=diary", *small, "trainer.log_every=3", json=True)
    assert done.exit_code == 0, done.stderr
    start, *logs, finish = (project / "diary.txt").read_text().splitlines()
    assert start.startswith(f"start {done.json['run']} 1 ")
    assert [line.split()[:3] for line in logs] == [
        ["log", "3", "train/loss"],
        ["log", "5", "val/loss"],
    ]
    assert finish.startswith("finish finished ")
    run = finding.find(project.path, "latest")
    assert state.read(run, "keeping.diary").place == {"diary": {"file": "diary.txt"}}


@pytest.mark.slow
def test_a_tracker_of_ones_own_may_act_inside_the_training(project, mlops, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    choice = "module: keeping.inside\nparams: {file: diary.txt}\n"
    project({"keeping/inside.py": f"inline = True\n{DIARY}"})
    project({"configs/tracker/diary.yaml": choice})
    done = mlops("train", "tracker=diary", "data.size=200", "trainer.max_steps=2", json=True)
    assert done.exit_code == 0, done.stderr
    start, *_, finish = (project / "diary.txt").read_text().splitlines()
    assert start.startswith(f"start {done.json['run']} ")
    assert finish == f"finish finished {len(done.json['metrics'])}"
    # It can't be told later what it did not see.
    told = mlops("runs", "sync", "latest")
    assert told.exit_code == 2


@pytest.mark.slow
def test_a_tracker_that_breaks_costs_one_line(project, mlops, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    broken = DIARY.replace(
        "def log(self, metrics, *, step):", "def log(self, metrics, *, step):\n        1 / 0"
    )
    project({"keeping/diary.py": broken})
    project({"configs/tracker/diary.yaml": "module: keeping.diary\nparams: {file: diary.txt}\n"})
    done = mlops("train", "tracker=diary", "data.size=200", "trainer.max_steps=2")
    assert done.exit_code == 0
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert "keeping.diary lacks some of run" in warning
    assert "ZeroDivisionError: division by zero" in warning


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("wandv", "no tracker 'wandv'", "did you mean wandb?"),
        ("zzz", "no tracker 'zzz'", "trackers: mlflow, none, several, tensorboard, wandb"),
        ("record", "mlops_cli.tracking.record is no tracker: it has no create(config)", "trackers: "),
        ("nowhere.mine", "no tracker 'nowhere.mine'", "modules of your own are looked for in "),
    ],
)  # fmt: skip
def test_an_unknown_tracker_is_told_with_the_nearest(project, monkeypatch, name, message, hint):
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(ConfigError) as caught:
        couriers.create(TrackerConfig(name=name), SilentReporter())
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


def test_any_number_of_trackers_has_each_its_own_settings(project):
    project({"configs/tracker/wandb.yaml": "name: wandb\nproject: ours\n"})
    words = ["tracker=[wandb, mlflow,tensorboard]", "tracker.uri=http://x", "tracker.tags=[a]"]
    found = trackers_in(configs.load(words, root=project.path).tracker)
    assert list(found) == ["wandb", "mlflow", "tensorboard"]
    assert (found["wandb"].project, found["wandb"].tags) == ("ours", ["a"])
    assert (found["mlflow"].uri, found["mlflow"].tags) == ("http://x", ["a"])
    assert not hasattr(found["tensorboard"], "uri")


def test_a_list_of_trackers_may_stand_in_a_file(project):
    text = "defaults:\n  - base\n  - override tracker: [wandb, mlflow]\n  - _self_\n"
    project({"configs/config.yaml": text})
    assert list(trackers_in(configs.load([], root=project.path).tracker)) == ["wandb", "mlflow"]
    loaded = configs.load(["tracker=none"], root=project.path)
    assert trackers_in(loaded.tracker) == {}
    assert configs.from_yaml(configs.to_yaml(loaded)) == loaded


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("tracker=[wandv,mlflow]", "tracker has no choice 'wandv'", "did you mean tracker=[wandb,mlflow]?"),
        ("tracker=[]", "tracker needs a choice", "choices of tracker: "),
        ("model=[tiny,bert]", "model takes the name of one choice", "set its keys one by one"),
    ],
)  # fmt: skip
def test_a_wrong_list_is_told(project, word, message, hint):
    with pytest.raises(ConfigError) as caught:
        configs.load([word], root=project.path)
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


def test_a_password_in_an_address_is_refused(project):
    with pytest.raises(ConfigError, match=r"tracker\.uri holds a password"):
        configs.load(["tracker=mlflow", "tracker.uri=https://ada:hush@host"], root=project.path)


def test_a_missing_package_is_told_before_the_training(monkeypatch):
    monkeypatch.setattr(couriers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as caught:
        couriers.create(TrackerConfig(name="tensorboard"), SilentReporter())
    assert caught.value.hint == "pip install 'mlops-cli[tensorboard]'"


def test_secrets_are_kept_out_of_what_is_said(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "abcdef")
    said = without_secrets("no route to http://ada:hush@host:1/x with abcdef")
    assert said == "no route to http://host:1/x with $WANDB_API_KEY"


def test_lines_are_read_whole_while_they_are_written(tmp_path):
    file = tmp_path / "metrics.jsonl"
    tail = lines.Tail(file, skip=1)
    assert tail.new() == []
    first = '{"step": 1, "epoch": 0, "time": "2026-01-01T00:00:00+00:00", "loss": 0.5}\n'
    file.write_text(first + first.replace('"loss": 0.5', '"loss": null, "acc": 1')[:-5])
    assert tail.new() == []
    file.write_text(first + first.replace('"loss": 0.5', '"loss": null, "acc": 1'))
    (line,) = tail.new()
    assert (line.number, line.step, line.time, line.metrics) == (1, 1, 1767225600.0, {"acc": 1.0})
    assert tail.new() == []


@pytest.mark.parametrize("content", ["", "[]", '{"lines": "x"}', '{"lines": 3, "sent": []}'])
def test_a_damaged_state_is_as_good_as_none(tmp_path, content):
    run = tracking.record.Run(tmp_path)
    state.write(run, "mlflow", state.State(lines=3))
    assert state.read(run, "mlflow").lines == 3
    (tmp_path / "tracking" / "mlflow.json").write_text(content)
    assert state.read(run, "mlflow") == state.State()


@pytest.mark.slow
def test_an_evaluation_needs_no_tracker(project, mlops, monkeypatch):
    """Not even one that the run was trained with: here the key is gone since."""
    small = ["data.size=200", "model.hidden_size=32", "trainer.threads=1", "trainer.max_steps=2"]
    assert mlops("train", *small).exit_code == 0
    run = finding.find(project.path, "latest")
    config = configs.from_yaml(run.config_text())
    config.tracker = WandbTrackerConfig(name="wandb", mode="online")
    run.config_path.write_text(configs.to_yaml(config), "utf-8")
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    told = mlops("runs", "sync", "latest")
    assert told.exit_code == 1
    assert "there is no W&B key" in told.stderr
