"""Any tracker is looked up by name; a user's own as well as ours."""

import sys

import pytest

from mlops_cli import tracking
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.tracker import TrackerConfig

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
    assert start == f"start {done.json['run']} 1 running"
    assert [line.split()[:3] for line in logs] == [
        ["log", "3", "train/loss"],
        ["log", "5", "val/loss"],
    ]
    assert finish == f"finish finished {len(done.json['metrics'])}"
    run = tracking.record.find(project.path, "latest")
    assert run.read()["diary"] == {"file": "diary.txt"}


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("wandv", "no tracker 'wandv'", "did you mean wandb?"),
        ("mlflow", "no tracker 'mlflow'", "trackers: none, wandb"),
        ("record", "mlops_cli.tracking.record is no tracker: it has no create(config)", "trackers: "),
        ("nowhere.mine", "no tracker 'nowhere.mine'", "modules of your own are looked for in "),
    ],
)  # fmt: skip
def test_an_unknown_tracker_is_told_with_the_nearest(project, monkeypatch, name, message, hint):
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(ConfigError) as caught:
        tracking.create(TrackerConfig(name=name))
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)
