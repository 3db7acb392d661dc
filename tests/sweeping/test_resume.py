"""A sweep that goes on, without training: what it finds, and what has changed meanwhile."""

import json
import os

import pytest

from mlops_cli import sweeping
from mlops_cli.reporting import SilentReporter
from mlops_cli.sweeping import record

CONFIG = "defaults: [base, _self_]\n"
FILE = ("data=file", "data.path=a.csv")


class Heard(SilentReporter):
    """Keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture
def swept(project):
    """A sweep whose driver was killed; its runs ended later."""
    project({"a.csv": "text,label\na,b\n"})
    sweep = record.create(project.path, FILE, [("seed=0",), ("seed=1",)], validate=False)
    for run in sweep.runs:
        facts = {"status": "finished", "metrics": {"val/mcc": 0.5}, "monitor": "mcc"}
        project({f"runs/{run.run}/run.json": json.dumps(facts)})
    return project


def resumed(project):
    heard = Heard()
    sweeping.resume("latest", [], project.path, heard)
    return heard.warnings


def test_runs_that_outlived_their_driver_are_the_sweeps(swept):
    resumed(swept)
    sweep = record.find(swept.path, "latest")
    for run in sweep.runs:
        facts = json.loads((swept / f"runs/{run.run}/run.json").read_text("utf-8"))
        assert facts["sweep"] == sweep.id


def test_other_settings_and_data_are_told_in_one_line(swept):
    assert resumed(swept) == []
    swept({"a.csv": "text,label\na,c\n", "configs/serve/mine.yaml": "name: mine\n"})
    swept({"configs/config.yaml": f"{CONFIG}lr: 0.002\ntrainer: {{patience: 3}}\n"})
    sweep = record.find(swept.path, "latest").id
    (told,) = resumed(swept)
    assert told == (
        f"sweep {sweep} goes on with other settings or data than it began with: "
        "trainer.patience=3, lr=0.002, other content of a.csv; its runs compare no longer"
    )
    swept({"a.csv": "text,label\na,b\n", "configs/config.yaml": f"{CONFIG}# as it was\n"})
    os.utime(swept / "a.csv", (0, 0))
    assert resumed(swept) == []
