"""`tracker=wandb`, offline: what W&B's own files hold afterwards."""

import json
import struct
import sys

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from mlops_cli.tracking.credentials import has_wandb_key

pytestmark = pytest.mark.slow

# 160 training rows: 5 batches of 32 in each of 2 epochs.
SMALL = [
    "train",
    "data.size=200",
    "data.test_fraction=0.1",
    "epochs=2",
    "batch_size=32",
    "lr=1e-3",
    "model.hidden_size=32",
    "model.intermediate_size=64",
    "trainer.threads=1",
    "trainer.log_every=1",
]


def records(file):
    """The records of a .wandb file: a LevelDB log of protobuf messages."""
    content = file.read_bytes()
    assert content[:4] == b":W&B"
    at, whole = 7, b""
    while at + 7 <= len(content):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        at += 7
        if kind == 0:
            return
        whole += content[at : at + length]
        at += length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def pairs(items):
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def offline_run(file):
    """What a .wandb file says: run facts, config, history, summary and exit code."""
    said = {"history": [], "config": {}, "summary": {}, "exit": None}
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            said |= {"id": record.run.run_id, "project": record.run.project}
            said["tags"] = list(record.run.tags)
            said["config"] |= pairs(record.run.config.update)
        elif kind == "history":
            said["history"].append(pairs(record.history.item))
        elif kind == "summary":
            said["summary"] |= pairs(record.summary.update)
        elif kind == "exit":
            said["exit"] = record.exit.exit_code
    return said


def latest(project):
    return max((project / "runs").iterdir())


def facts(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def offline_files(run):
    return sorted(run.glob("wandb/offline-run-*/*.wandb"))


@pytest.fixture(autouse=True)
def _no_service_left():
    yield
    wandb.teardown()


def test_the_same_run_is_in_wandb(project, mlops):
    settings = ["tracker=wandb", "tracker.project=reviews", "tracker.tags=[small,try]"]
    done = mlops(*SMALL, *settings, json=True)
    assert done.exit_code == 0, done.stderr
    run = latest(project)
    (file,) = offline_files(run)
    said = offline_run(file)
    assert (said["id"], said["project"], said["tags"]) == (run.name, "reviews", ["small", "try"])
    assert facts(run)["wandb"] == {"id": run.name, "mode": "offline", "url": None}
    assert said["exit"] == 0
    assert said["config"]["lr"] == 1e-3
    assert said["config"]["model"]["hidden_size"] == 32
    # The very lines of the run's own record.
    ours = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    kept = [
        {key: value for key, value in row.items() if not key.startswith("_")}
        for row in said["history"]
    ]
    assert kept == [
        {key: value for key, value in line.items() if key not in ("time", "epoch")} for line in ours
    ]
    assert said["summary"]["status"] == "finished"
    assert said["summary"]["val/mcc"] == done.json["metrics"]["val/mcc"]


def test_the_project_is_named_after_its_folder(project, mlops):
    assert mlops(*SMALL, "tracker=wandb", "trainer.max_steps=1").exit_code == 0
    (file,) = offline_files(latest(project))
    assert offline_run(file)["project"] == "project"


def test_wandb_says_nothing_of_its_own(project, mlops, capfd):
    done = mlops(*SMALL, "tracker=wandb", "trainer.max_steps=2", json=True)
    assert done.json["run"]
    assert "wandb" not in done.stderr
    assert capfd.readouterr() == ("", "")


# A tracker of a user's own: W&B, and Ctrl-C at the place that the file `stop` says.
BOTH = """
from own.stopper import Stopper

from mlops_cli.schemas.tracker import WandbTrackerConfig
from mlops_cli.tracking.wandb import WandbTracker


class Both(WandbTracker):
    def log(self, metrics, *, step):
        super().log(metrics, step=step)
        Stopper().log(metrics, step=step)


def create(config):
    return Both(WandbTrackerConfig(project=config.params["project"]))
"""


def test_a_resumed_run_goes_on_under_the_same_id(project, mlops, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    choice = "module: following.both\nparams: {project: reviews}\n"
    project({"following/both.py": BOTH, "configs/tracker/both.yaml": choice})
    project({"stop": "7 train SIGINT"})
    assert mlops(*SMALL, "tracker=both").exit_code == 130
    run = latest(project)
    assert facts(run)["wandb"]["id"] == run.name
    resumed = mlops("train", "--resume", run.name)
    assert resumed.exit_code == 0, resumed.stderr
    before, after = (offline_run(file) for file in offline_files(run))
    assert (before["id"], after["id"]) == (run.name, run.name)
    assert (before["summary"]["status"], after["summary"]["status"]) == ("interrupted", "finished")
    assert [row["step"] for row in before["history"]] == [1, 2, 3, 4, 5, 5, 6, 7]
    assert [row["step"] for row in after["history"]] == [8, 9, 10, 10]


def test_a_run_that_failed_is_marked_there_too(project, mlops):
    hot = ["lr=1e30", "trainer.gradient_clip=null", "trainer.warmup=0"]
    assert mlops(*SMALL, "tracker=wandb", *hot).exit_code == 1
    (file,) = offline_files(latest(project))
    said = offline_run(file)
    assert (said["summary"]["status"], said["exit"]) == ("failed", 1)


def test_online_without_a_key_is_refused_before_anything_is_done(project, mlops, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    refused = mlops(*SMALL, "tracker=wandb", "tracker.mode=online")
    assert refused.exit_code == 4
    assert refused.stderr == (
        "error: tracker.mode=online, and there is no W&B key\n"
        "hint: wandb login, or WANDB_API_KEY, or tracker.mode=offline\n"
    )
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tracker.project=a/b", "W&B refuses the run: Invalid project name 'a/b'"),
        (f"tracker.tags=[{'t' * 65}]", "W&B refuses the run: Tag 'ttt"),
    ],
)
def test_what_wandb_refuses_is_told_in_one_line(project, mlops, setting, message):
    refused = mlops(*SMALL, "tracker=wandb", setting)
    assert refused.exit_code == 3
    error, hint = refused.stderr.splitlines()[-2:]
    assert error.startswith(f"error: {message}")
    assert hint == "hint: see tracker.project, tracker.entity and tracker.tags"
    run = latest(project)
    assert facts(run)["status"] == "failed"
    assert facts(run)["error"] == error.removeprefix("error: ")


def test_without_a_running_service_one_line_says_so(project, mlops, monkeypatch):
    # What a broken installation looks like: the service program can't be started.
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("wandb.sdk.lib.service.service_process.get_core_path", lambda: "/nowhere")
    refused = mlops(*SMALL, "tracker=wandb")
    assert refused.exit_code == 4
    error, hint = refused.stderr.splitlines()[-2:]
    assert error.startswith("error: W&B did not start: ")
    assert hint == "hint: wandb login, or tracker.mode=offline, or tracker=none"
    assert facts(latest(project))["status"] == "failed"


KEY = "a" * 40


@pytest.mark.parametrize(
    ("settings", "file", "found"),
    [
        ({}, None, False),
        ({"WANDB_API_KEY": KEY}, None, True),
        ({}, f"machine api.wandb.ai login user password {KEY}\n", True),
        ({}, f"machine api.forge.coreweave.com login user password {KEY}\n", True),
        ({}, f"machine example.com login user password {KEY}\n", False),
        ({"WANDB_BASE_URL": "https://wandb.example.com"}, "machine wandb.example.com login a password b\n", True),
        ({"WANDB_BASE_URL": "https://wandb.example.com"}, f"machine api.wandb.ai login user password {KEY}\n", False),
        ({}, "machine without sense {", False),
    ],
)  # fmt: skip
def test_a_key_is_found_where_wandb_finds_it(tmp_path, monkeypatch, settings, file, found):
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    if file is not None:
        (tmp_path / "netrc").write_text(file, "utf-8")
    assert has_wandb_key() is found
