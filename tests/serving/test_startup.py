"""What a server begins with is checked once, at the start, and anew whenever it is loaded later."""

import shutil

import pytest

from mlops_cli import serving_plan
from mlops_cli.errors import DataError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import startup
from mlops_cli.serving import state as states
from mlops_cli.serving.plan import Plan, Wanted
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
    reading = {newest: bundles.begin_load(newest)}
    service, said = begin(Plan(wanted, {"model": newest}, reading, file, copied, [tmp_path]))
    assert service.model("model").first.bundle.path == served
    assert "serving as before" in said[0]
    reading[newest].result(60)
    (newest / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json was changed after the export"):
        service.load(newest, model="model")


def test_one_folder_under_two_names_is_checked_once(copied, begin, tmp_path, monkeypatch):
    checked, load = [], bundles.load
    monkeypatch.setattr(bundles, "load", lambda folder: checked.append(folder) or load(folder))
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
