"""What a server begins with is checked once, at the start, and anew whenever it is loaded later."""

import json
import shutil

import pytest

from mlops_cli import cores, serving_plan
from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import reading as readings
from mlops_cli.serving import settings, startup, version
from mlops_cli.serving import state as states
from mlops_cli.serving.plan import Plan, Wanted
from mlops_cli.serving.runtime import Predictor
from mlops_cli.serving.settings import ServingSettings
from mlops_cli.serving.state import ModelState, Placed, State


@pytest.fixture
def copied(trained, tmp_path):
    """Makes a copy of the bundle of `trained`."""
    return lambda name: shutil.copytree(trained.path / "bundle", tmp_path / name)


@pytest.fixture
def begin():
    """Starts what a plan says, and waits until it is loaded: its service, and what was warned."""
    services = []

    def begun(plan):
        said = []
        starting = startup.begin(plan, ServeConfig(sessions=1), said.append)
        services.append(starting.operations.service)
        starting.loaded.result(60)
        return services[-1], said

    yield begun
    for service in services:
        service.close()


def test_a_bundle_that_was_checked_at_the_start_and_not_taken_is_checked_again(
    copied, begin, tmp_path
):
    served, newest, file = copied("served"), copied("newest"), tmp_path / "state.json"
    before = Placed("one", str(served), bundles.load(served).digest)
    wanted = Wanted({"model": ""})
    states.write(file, State(wanted, {"model": ModelState("one", [before])}))
    reading = {newest: readings.begin(newest)}
    service, said = begin(Plan(wanted, {"model": newest}, reading, file, copied, [tmp_path]))
    assert service.model("model").first.bundle.path == served
    assert "serving as before" in said[0]
    reading[newest].whole.result(60)
    (newest / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json was changed after the export"):
        service.load(newest, model="model")


def test_one_folder_under_two_names_is_checked_once(copied, begin, tmp_path, monkeypatch):
    checked, begun = [], readings.begin
    monkeypatch.setattr(readings, "begin", lambda one: checked.append(one) or begun(one))
    folder = copied("one")
    config = ServeConfig(models={"a": str(folder), "b": str(folder)}, state=str(tmp_path / "s"))
    service, _ = begin(serving_plan.make(tmp_path, config, None, None))
    assert list(service.models) == ["a", "b"]
    assert checked == [folder]


def test_damage_is_told_though_it_is_found_in_a_thread(copied, begin, tmp_path):
    folder = copied("damaged")
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"!")
    config = ServeConfig(state=str(tmp_path / "s"))
    with pytest.raises(DataError, match=r"model\.onnx was changed after the export"):
        begin(serving_plan.make(tmp_path, config, folder, None))


@pytest.fixture
def of_two_graphs(copied):
    """A bundle with a second graph, `fast`, that is preferred."""
    folder = copied("two")
    facts = json.loads((folder / "bundle.json").read_text("utf-8"))
    shutil.copy(folder / "model.onnx", folder / "model_fast.onnx")
    graphs = {"plain": {"file": "model.onnx"}, "fast": {"file": "model_fast.onnx"}}
    bundles.write(folder, {**facts, "graphs": graphs, "preferred": "fast"})
    return folder


def change(file):
    with file.open("r+b") as stream:
        stream.seek(100)
        stream.write(b"changed")


@pytest.mark.parametrize("name", ["model.onnx", "model_fast.onnx", "tokenizer.json"])
def test_a_server_starts_with_no_file_that_was_changed_not_even_one_it_has_no_use_for(
    of_two_graphs, begin, tmp_path, name
):
    change(of_two_graphs / name)
    config = ServeConfig(state=str(tmp_path / "s"))
    plan = serving_plan.make(tmp_path, config, of_two_graphs, None)
    with pytest.raises(DataError, match=f"{name} was changed after the export"):
        begin(plan)


def test_a_graph_that_was_measured_to_be_best_is_checked_before_it_is_loaded(
    of_two_graphs, begin, tmp_path
):
    best = ServingSettings("plain", 1, 1, 1)
    settings.record(bundles.load(of_two_graphs), best)
    config = ServeConfig(state=str(tmp_path / "s"))
    service, _ = begin(serving_plan.make(tmp_path, config, of_two_graphs, None))
    assert service.model("model").first.engine.predictor.graph == "plain"
    change(of_two_graphs / "model.onnx")  # onnxruntime would refuse it in words of its own.
    with pytest.raises(DataError, match=r"model\.onnx was changed after the export"):
        begin(serving_plan.make(tmp_path, config, of_two_graphs, None))


@pytest.mark.parametrize(("config", "made"), [(None, [1, 3]), (1, [1]), (2, [1, 2])])
def test_threads_for_a_row_that_is_alone_are_all_or_as_set(
    copied, tmp_path, monkeypatch, config, made
):
    monkeypatch.setattr(cores, "available", lambda: 3)
    threads, session = [], Predictor.session
    monkeypatch.setattr(
        Predictor, "session", lambda self, count: threads.append(count) or session(self, count)
    )
    settings = ServeConfig(lone_threads=config, state=str(tmp_path / "s"))
    loaded = version.load(readings.begin(copied("one")), settings, model="model")
    loaded.engine.close()
    assert threads == made


def test_what_is_checked_before_the_settings_are_read_is_what_is_served(copied, begin, tmp_path):
    folder, other = copied("one"), copied("other")
    begun = serving_plan.begin(tmp_path, folder, None)
    config = ServeConfig(state=str(tmp_path / "s"))
    plan = serving_plan.make(tmp_path, config, folder, None, begun=begun)
    assert plan.reading[folder] is begun[folder]
    config = ServeConfig(models={"a": str(other)}, state=str(tmp_path / "s"))
    plan = serving_plan.make(tmp_path, config, None, None, begun=begun)
    assert list(plan.reading) == [other]
    service, _ = begin(plan)
    assert service.model("a").first.bundle.path == other


def test_what_is_not_found_before_the_settings_are_read_is_told_after(tmp_path):
    assert serving_plan.begin(tmp_path, None, None) == {}
    assert serving_plan.begin(tmp_path, None, "reviews@production") == {}
    with pytest.raises(NotFoundError, match="no bundle in"):
        serving_plan.make(tmp_path, ServeConfig(), None, None, begun={})
