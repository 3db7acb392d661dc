"""`tracker=mlflow` against a real MLflow server, which is also ended, started and paused."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from mlflow import MlflowClient
from own import trigger
from own.mlflow_server import Server
from own.servers import forwarded, free_port, silence
from own.tracked import LINES, SMALL, Trained, latest, until

pytestmark = pytest.mark.slow
AND_TRIGGER = ["tracker=several", "tracker.use=[mlflow,own.trigger]"]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("mlflow"), free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(one_server):
    """The server, running whatever the test before did to it."""
    yield one_server
    with contextlib.suppress(ProcessLookupError):
        one_server.go_on()


def runs_of(server, experiment="project"):
    client = MlflowClient(tracking_uri=server.url)
    found = client.get_experiment_by_name(experiment)
    return client, client.search_runs([found.experiment_id])


def the_run(server, run_id):
    client, runs = runs_of(server)
    (found,) = [run for run in runs if run.data.tags["mlops.run"] == run_id]
    return client, found


def history(client, run, metric):
    found = client.get_metric_history(run.info.run_id, metric)
    return [(entry.step, entry.value) for entry in sorted(found, key=lambda e: e.step)]


def recorded(trained, metric):
    return [(line["step"], line[metric]) for line in trained.lines if metric in line]


def test_metrics_config_reports_and_bundle_are_in_one_mlflow_run(train, mlops, server, untracked):
    trained = train("tracker=mlflow", f"tracker.uri={server.url}", "tracker.tags=[small]")
    assert trained.warnings == []
    assert trained.weights == untracked.weights
    client, run = the_run(server, trained.path.name)
    assert run.info.status == "FINISHED"
    assert run.data.params["model.hidden_size"] == "32"
    assert run.data.tags["small"] == "true"
    assert run.data.tags["mlops.data_train"] == trained.facts()["data"]["fingerprints"]["train"]
    for metric in ("train/loss", "val/mcc"):
        assert history(client, run, metric) == recorded(trained, metric)
    assert run.data.metrics["best/val/mcc"] == trained.facts()["metrics"]["val/mcc"]
    assert "system/memory_bytes" in run.data.metrics

    assert mlops("evaluate").exit_code == 0
    assert mlops("export").exit_code == 0
    client, run = the_run(server, trained.path.name)
    assert run.data.metrics["evaluation/validation/accuracy"] >= 0
    reports = {f.path for f in client.list_artifacts(run.info.run_id, "evaluation/validation")}
    assert "evaluation/validation/validation-confusion.png" in reports
    bundle = {file.path for file in client.list_artifacts(run.info.run_id, "bundle")}
    assert {"bundle/model.onnx", "bundle/bundle.json"} <= bundle
    assert mlops("runs", "sync", "latest", json=True).json["complete"] == 1


def test_a_server_that_dies_and_comes_back_gets_everything(train, mlops, server, untracked):
    """It is killed when it has some lines, and there again before the training ends."""

    def die():
        tracking = max(os.scandir("runs"), key=lambda entry: entry.name).path + "/tracking"
        until(lambda: _lines(f"{tracking}/mlflow.json") >= 1)
        server.kill()

    trigger.AT[4] = die
    trigger.AT[9] = server.start
    trained = train(*AND_TRIGGER, f"tracker.uri={server.url}")
    assert trained.weights == untracked.weights
    assert len(trained.warnings) <= 1
    again = mlops("runs", "sync")
    assert again.exit_code == 0, again.stderr
    client, run = the_run(server, trained.path.name)
    assert run.info.status == "FINISHED"
    assert history(client, run, "train/loss") == recorded(trained, "train/loss")
    assert trained.state("mlflow")["lines"] == LINES


def test_a_server_that_was_never_there_is_synced_later(train, mlops, server, untracked):
    port = free_port()
    trained = train("tracker=mlflow", f"tracker.uri=http://127.0.0.1:{port}")
    assert trained.weights == untracked.weights
    (warning,) = trained.warnings
    assert warning.startswith(f"warning: MLflow lacks some of run {trained.path.name}: ")
    assert warning.endswith(f"(later: mlops runs sync {trained.path.name})")
    away = mlops("runs", "sync")
    assert away.exit_code == 1
    assert "Connection refused" in away.stderr
    with forwarded(port, server.port):
        assert mlops("runs", "sync").exit_code == 0
        again = mlops("runs", "sync", json=True)
    assert again.json == {"sent": [], "complete": 1, "running": []}
    client, run = the_run(server, trained.path.name)
    assert history(client, run, "train/loss") == recorded(trained, "train/loss")


def test_a_server_that_hangs_is_not_waited_for(train, mlops, server, untracked):
    trigger.AT[2] = server.pause
    trained = train(*AND_TRIGGER, f"tracker.uri={server.url}", "tracker.wait=2")
    assert trained.weights == untracked.weights
    (warning,) = trained.warnings
    assert "it did not take everything within 2 seconds" in warning
    server.go_on()
    assert mlops("runs", "sync").exit_code == 0
    client, run = the_run(server, trained.path.name)
    assert history(client, run, "train/loss") == recorded(trained, "train/loss")


def test_a_server_that_never_answers_does_not_delay_the_first_step(train, untracked):
    with silence() as port:
        trained = train("tracker=mlflow", f"tracker.uri=http://127.0.0.1:{port}", "tracker.wait=1")
    assert trained.weights == untracked.weights
    assert len(trained.warnings) == 1


def test_a_resumed_training_goes_on_in_the_same_run(mlops, server, project):
    project({"stop": "7 train SIGINT"})
    uses = ["tracker=several", "tracker.use=[mlflow,own.stopper]", f"tracker.uri={server.url}"]
    assert mlops(*SMALL, *uses).exit_code == 130
    run_id = latest(project.path).name
    assert the_run(server, run_id)[1].info.status == "KILLED"
    assert mlops("train", "--resume", run_id).exit_code == 0
    trained = Trained(latest(project.path), "")
    client, run = the_run(server, run_id)
    assert run.info.status == "FINISHED"
    assert history(client, run, "train/loss") == recorded(trained, "train/loss")


def test_without_a_server_there_is_a_database_in_the_project(train, project, monkeypatch):
    trained = train("tracker=mlflow", "trainer.max_steps=2")
    assert trained.warnings == []
    client = MlflowClient(tracking_uri=f"sqlite:///{project / 'mlflow.db'}")
    run = client.get_run(trained.state("mlflow")["place"]["id"])
    assert history(client, run, "train/loss") == recorded(trained, "train/loss")


def test_a_password_gets_into_no_record(train, project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:hush-hush@127.0.0.1:9")
    trained = train("tracker=mlflow", "trainer.max_steps=1", "tracker.wait=20")
    assert len(trained.warnings) == 1
    assert "hush-hush" not in trained.stderr
    for file in trained.path.rglob("*"):
        if file.is_file():
            assert b"hush-hush" not in file.read_bytes(), file


def _lines(path):
    file = Path(path)
    return json.loads(file.read_text("utf-8"))["lines"] if file.exists() else 0
