"""The small version of benchmarks/kills.py: kills at random moments leave no trace in the end."""

import importlib.util
import sys

import pytest
from conftest import REPOSITORY
from own.apart import ended, start_apart

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kills():
    """The script as a module."""
    path = REPOSITORY / "benchmarks" / "kills.py"
    spec = importlib.util.spec_from_file_location("kills", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kills"] = module  # Dataclasses look their module up.
    spec.loader.exec_module(module)
    yield module
    del sys.modules["kills"]


@pytest.mark.parametrize("task", ["text_classification", "token_classification"])
def test_kills_leave_no_trace(tmp_path, kills, task):
    def start(folder, words):
        process = start_apart(*words, folder=folder)
        return kills.Process(process.pid, process.is_alive, lambda: ended(process))

    words = kills.settings(task, ["data.size=200", "epochs=2", "model.hidden_size=32"])

    report = kills.survive(tmp_path, words, 4, seed=0, start=start)

    assert report.differences == []
    assert report.kills.total() == 4
