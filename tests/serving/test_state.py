"""What is served is kept whole, and what is damaged is told."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mlops_cli.errors import DataError
from mlops_cli.serving import state as states
from mlops_cli.serving.plan import Wanted
from mlops_cli.serving.state import Canary, Event, ModelState, Placed, State

ONE, TWO = Placed("one", "/bundles/one", "a" * 64), Placed("two", "/bundles/two", "b" * 64)
STATE = State(
    Wanted({"model": ""}, canary="/bundles/two", share=0.1),
    {"model": ModelState("one", [ONE, TWO], previous=TWO, canary=Canary("two", 0.25, 1.5))},
    [Event("2026-01-01T00:00:00+00:00", "model", "canary", "two")],
)


def test_it_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "serving" / "state.json"
    assert states.read(file) is None
    states.write(file, STATE)
    assert states.read(file) == STATE


def test_only_the_latest_events_are_kept(tmp_path):
    file = tmp_path / "state.json"
    events = [Event(str(number), "model", "promoted", "one") for number in range(300)]
    states.write(file, State(STATE.wanted, STATE.models, events))
    kept = states.read(file).events
    assert (len(kept), kept[-1].at) == (100, "299")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"wanted": {"models": {}}, "models": {"m": {"primary": "gone", "versions": []}}}',
        "[" * 100_000,
        '"\xff"',
    ],
)
def test_a_damaged_file_is_told(tmp_path, text):
    file = tmp_path / "state.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"the serving state .*state\.json"):
        states.read(file)


WRITER = """
import sys
from pathlib import Path
from mlops_cli.serving import state as states
file, count = Path(sys.argv[1]), 0
state = states.read(file)
print("begun", flush=True)
while True:
    count += 1
    state.models["model"].primary = ("one", "two")[count % 2]
    states.write(file, state)
"""


def test_a_kill_leaves_the_old_or_the_new_state(tmp_path):
    file = tmp_path / "state.json"
    states.write(file, STATE)
    seen = set()
    for delay in (0.0, 0.003, 0.011, 0.02, 0.031):
        command = [sys.executable, "-c", WRITER, file]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as writer:
            assert writer.stdout.readline() == b"begun\n"
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        seen.add(states.read(file).models["model"].primary)
    assert seen <= {"one", "two"}
