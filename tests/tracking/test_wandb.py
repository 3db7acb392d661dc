"""`tracker=wandb`, offline by what W&B's own files hold, and online by what a server gets."""

import contextlib
import json
import struct

import pytest
from own import trigger
from own.servers import silence
from own.tracked import LINES, SMALL, Trained, latest, until
from own.wandb_stub import Wandb
from wandb.proto import wandb_internal_pb2

from mlops_cli.tracking.credentials import has_wandb_key

pytestmark = pytest.mark.slow


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


def offline_files(run):
    return sorted(run.glob("wandb/offline-run-*/*.wandb"))


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A W&B server, with a key for it."""
    found = Wandb()
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", found.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    yield found
    with contextlib.suppress(OSError):
        found.close()


def test_the_same_run_is_in_wandb(project, mlops):
    settings = ["tracker=wandb", "tracker.project=reviews", "tracker.tags=[small,try]"]
    done = mlops(*SMALL, *settings, json=True)
    assert done.exit_code == 0, done.stderr
    run = latest(project.path)
    (file,) = offline_files(run)
    said = offline_run(file)
    assert (said["id"], said["project"], said["tags"]) == (run.name, "reviews", ["small", "try"])
    place = Trained(run, "").state("wandb-offline")["place"]
    assert place == {"id": run.name, "mode": "offline", "url": None}
    assert said["exit"] == 0
    assert said["config"]["lr"] == 1e-3
    assert said["config"]["lineage"]["data"] == "quickstart"
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
    (file,) = offline_files(latest(project.path))
    assert offline_run(file)["project"] == "project"


def test_wandb_says_nothing_of_its_own(project, mlops, capfd):
    done = mlops(*SMALL, "tracker=wandb", "trainer.max_steps=2", json=True)
    assert done.json["run"]
    assert "wandb" not in done.stderr
    assert capfd.readouterr() == ("", "")


def test_a_resumed_run_goes_on_under_the_same_id(project, mlops):
    project({"stop": "7 train SIGINT"})
    uses = ["tracker=several", "tracker.use=[wandb,own.stopper]"]
    assert mlops(*SMALL, *uses).exit_code == 130
    run = latest(project.path)
    resumed = mlops("train", "--resume", run.name)
    assert resumed.exit_code == 0, resumed.stderr
    before, after = (offline_run(file) for file in offline_files(run))
    assert (before["id"], after["id"]) == (run.name, run.name)
    assert (before["summary"]["status"], after["summary"]["status"]) == ("interrupted", "finished")
    assert [row["step"] for row in before["history"]] == [1, 2, 3, 4, 5, 5, 6, 7]
    assert [row["step"] for row in after["history"]] == [8, 9, 10, 10]


def steps_and_losses(lines):
    return [(line["step"], line.get("train/loss"), line.get("val/loss")) for line in lines]


def test_online_the_whole_run_gets_there_and_nothing_twice(train, mlops, server, untracked):
    trained = train("tracker=wandb", "tracker.project=reviews")
    assert trained.warnings == []
    assert trained.weights == untracked.weights
    assert f"W&B: {server.url}/ada/reviews/runs/{trained.path.name}\n" in trained.stderr
    assert steps_and_losses(server.lines()) == steps_and_losses(trained.lines)
    assert (server.sent, server.exits, server.summary["status"]) == (LINES, [0], "finished")
    assert mlops("evaluate").exit_code == 0
    assert mlops("export").exit_code == 0
    assert server.runs == {trained.path.name}
    assert "evaluation/validation/accuracy" in server.summary
    (bundle,) = [one for one in server.artifacts if one["type"] == "model"]
    assert bundle["name"] == f"{trained.path.name}-bundle"
    fingerprints = trained.facts()["data"]["fingerprints"]
    assert bundle["metadata"]["data_train"] == fingerprints["train"]
    assert bundle["metadata"]["seed"] == 0
    assert {"model.onnx", "bundle.json"} <= set(bundle["files"])
    sent = sorted(server.files)
    assert any("validation-confusion" in name for name in sent)
    assert any("evaluation/validation/mistakes" in name for name in sent)
    assert any("confusion_matrix" in name for name in sent)
    before = len(server.operations)
    assert mlops("runs", "sync", json=True).json == {"sent": [], "complete": 1, "running": []}
    assert len(server.operations) == before
    for file in trained.path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_an_offline_run_is_synced_by_its_record(train, mlops, server, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    trained = train("tracker=wandb")
    assert server.operations == []
    monkeypatch.delenv("WANDB_MODE")
    synced = mlops("runs", "sync", "latest", json=True)
    assert synced.exit_code == 0, synced.stderr
    (sent,) = synced.json["sent"]
    assert (sent["tracker"], sent["lines"]) == ("wandb", LINES)
    assert steps_and_losses(server.lines()) == steps_and_losses(trained.lines)
    # W&B's own `wandb sync` passes over what is marked so.
    (file,) = offline_files(trained.path)
    assert file.with_name(f"{file.name}.synced").exists()


def test_a_server_that_dies_gets_what_it_lacks_afterwards(train, mlops, server, untracked):
    def die():
        until(lambda: server.sent >= 1)
        server.close()

    trigger.AT[6] = die
    uses = ["tracker=several", "tracker.use=[wandb,own.trigger]", "tracker.wait=3"]
    trained = train(*uses)
    assert trained.weights == untracked.weights
    assert len(trained.warnings) == 1
    assert "W&B lacks some of run" in trained.warnings[0]
    server.open()
    synced = mlops("runs", "sync")
    assert synced.exit_code == 0, synced.stderr
    assert steps_and_losses(server.lines()) == steps_and_losses(trained.lines)
    assert server.sent == LINES


def test_a_server_that_never_answers_delays_nothing(train, untracked, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with silence() as port:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
        trained = train("tracker=wandb", "tracker.wait=1")
    assert trained.weights == untracked.weights
    assert len(trained.warnings) == 1


def test_online_a_resumed_run_goes_on_in_the_same_one(project, mlops, server):
    project({"stop": "7 train SIGINT"})
    uses = ["tracker=several", "tracker.use=[wandb,own.stopper]"]
    assert mlops(*SMALL, *uses).exit_code == 130
    run = latest(project.path)
    assert server.summary["status"] == "interrupted"
    assert mlops("train", "--resume", run.name).exit_code == 0
    assert server.runs == {run.name}
    assert steps_and_losses(server.lines()) == steps_and_losses(Trained(run, "").lines)
    assert server.sent == LINES


def test_a_run_that_failed_is_marked_there_too(project, mlops):
    hot = ["lr=1e30", "trainer.gradient_clip=null", "trainer.warmup=0"]
    assert mlops(*SMALL, "tracker=wandb", *hot).exit_code == 1
    (file,) = offline_files(latest(project.path))
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
        ("tracker.project=a/b", "W&B takes no project called 'a/b'"),
        (f"tracker.tags=[{'t' * 65}]", "W&B takes no tag 'ttt"),
    ],
)
def test_what_wandb_would_refuse_is_told_before_anything_is_done(project, mlops, setting, message):
    refused = mlops(*SMALL, "tracker=wandb", setting)
    assert refused.exit_code == 3
    assert refused.stderr.startswith(f"error: {message}")
    assert not (project / "runs").exists()


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
