"""What a run's record says of the machine it took."""

import json
import time

import pytest

from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking import record
from mlops_cli.training.system import Watch

OFTEN = TrackerConfig(system_every=0.05, energy=False)


@pytest.fixture
def run(tmp_path):
    return record.create(tmp_path, "tiny", {}, "", [])


def lines(run):
    return [json.loads(line) for line in (run.path / "system.jsonl").read_text().splitlines()]


def test_cpu_and_memory_are_looked_at_now_and_then(run):
    watch = Watch(run, OFTEN)
    busy_until = time.process_time() + 0.3
    while time.process_time() < busy_until:
        pass
    facts = watch.close()["system"]
    assert len(lines(run)) >= 3
    assert all(line["system/memory_bytes"] > 2**20 for line in lines(run))
    assert facts["peak_memory_bytes"] >= max(line["system/memory_bytes"] for line in lines(run))
    assert facts["mean_cpu_percent"] > 0


def test_a_short_run_has_one_line(run):
    Watch(run, TrackerConfig(energy=False)).close()
    assert len(lines(run)) == 1


def test_a_resumed_run_goes_on_after_a_line_that_was_cut_off(run):
    Watch(run, OFTEN).close()
    with (run.path / "system.jsonl").open("a") as stream:
        stream.write('{"time": "2026-')
    Watch(run, OFTEN).close()
    first, *_, last = (run.path / "system.jsonl").read_text().splitlines()
    assert json.loads(first)
    assert json.loads(last)


def test_nobody_has_to_be_looked_at(run):
    assert Watch(run, TrackerConfig(system_every=None, energy=False)).close() == {}
    assert not (run.path / "system.jsonl").exists()


@pytest.mark.slow
def test_energy_is_measured_by_codecarbon_and_added_up(run, monkeypatch):
    # Nothing is measured of a training that lasts but a moment.
    monkeypatch.setattr("mlops_cli.tracking.energy._DELAY_SECONDS", 0.0)
    # It starts with little priority, beside other tests.
    monkeypatch.setattr("mlops_cli.tracking.energy._WAIT_SECONDS", 60.0)
    watch = Watch(run, TrackerConfig(system_every=None, country="DEU"))
    time.sleep(4)
    energy = watch.close()["energy"]
    assert energy["country"] == "DEU"
    assert energy["kwh"] > 0
    assert energy["co2_kg"] > 0
    run.update(energy=energy)
    watch = Watch(run, TrackerConfig(system_every=None, country="DEU"))
    time.sleep(4)
    assert watch.close()["energy"]["kwh"] > energy["kwh"]
