"""`mlops runs list`: which runs, in which order, with which values; and what is kept of them."""

import json
import os
import re
import time

import pytest

from mlops_cli.config.yaml_file import load_text
from mlops_cli.errors import UsageError
from mlops_cli.runs import index, listing
from mlops_cli.runs.index import Index
from mlops_cli.tracking.record import Run


@pytest.fixture
def three(recorded):
    return [
        recorded("20260101-000001-tiny-aaaa", mcc=0.2, lr=1e-3),
        recorded("20260101-000002-bert-bbbb", mcc=0.6, lr=3e-5, model="bert"),
        recorded("20260101-000003-bert-cccc", mcc=0.4, lr=1e-4, model="bert", seconds=9.0),
    ]


@pytest.fixture
def always_kept(monkeypatch):
    """Every reading is kept, as in a project with many runs."""
    monkeypatch.setattr(index, "_WORTH_WRITING", 0)


def ends(found):
    return [row.run[-4:] for row in found.runs]


def test_the_newest_come_first_with_usual_columns(project, three):
    found = listing.run(project.path)
    assert ends(found) == ["cccc", "bbbb", "aaaa"]
    assert found.columns == ["model", "data", "val/mcc", "seconds"]
    first = found.runs[0]
    assert (first.status, first.overrides) == ("finished", ["lr=0.0001"])
    assert first.values == {"model": "bert", "data": "quickstart", "val/mcc": 0.4, "seconds": 9.0}
    assert found.best == {"val/mcc": 0.6}


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("val/mcc", ["bbbb", "cccc", "aaaa"]),
        ("mcc", ["bbbb", "cccc", "aaaa"]),
        ("-val/mcc", ["aaaa", "cccc", "bbbb"]),
        ("val/loss", ["bbbb", "cccc", "aaaa"]),
        ("lr", ["bbbb", "cccc", "aaaa"]),
        ("-lr", ["aaaa", "cccc", "bbbb"]),
        ("started", ["cccc", "bbbb", "aaaa"]),
        ("-started", ["aaaa", "bbbb", "cccc"]),
    ],
)
def test_metrics_are_sorted_best_first_and_times_newest_first(project, three, sort, order):
    assert ends(listing.run(project.path, sort=sort)) == order


def test_a_run_without_the_value_comes_last_either_way(project, three, recorded):
    recorded("20260101-000009-tiny-dddd", mcc=None, status="failed")
    for sort in ("val/mcc", "-val/mcc"):
        assert ends(listing.run(project.path, sort=sort))[-1] == "dddd"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("val/mcc > 0.3 and model=bert", ["cccc", "bbbb"]),
        ("lr < 5e-5", ["bbbb"]),
        ("trainer.weight_decay = 0.01", ["cccc", "bbbb", "aaaa"]),
        ("git.commit ~ c0ffee and not model=bert", ["aaaa"]),
        ("status != finished", []),
        ("environment.python ~ 3.12 and id ~ tiny", ["aaaa"]),
        ("data = quickstart", ["cccc", "bbbb", "aaaa"]),
        ("seconds > 5", ["cccc"]),
        ("test/mcc >= 0", ["bbbb"]),
    ],
)
def test_conditions_know_metrics_settings_and_facts(project, three, evaluated, where, found):
    evaluated(three[1], "test", {"mcc": 0.55})
    assert ends(listing.run(project.path, where=where)) == found


def test_names_of_a_condition_become_columns(project, three):
    found = listing.run(project.path, where="lr < 1 and val/mcc > 0", sort="seed")
    assert found.columns == ["model", "data", "val/mcc", "seconds", "lr", "seed"]


@pytest.mark.parametrize(
    ("where", "message", "hint"),
    [
        ("val/mc > 1", "no run has a 'val/mc'", "did you mean val/mcc?"),
        ("learning_rate = 1", "no run has a 'learning_rate'", "did you mean lr?"),
        ("trainer.weight_dcay = 1", "weight_dcay", "did you mean trainer.weight_decay?"),
        ("statu = finished", "statu", "did you mean status?"),
        ("val/mcc > high", "val/mcc is a number, and 'high' is none", ""),
        ("val/mcc > nan", "val/mcc is a number, and 'nan' is none", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(project, three, where, message, hint):
    with pytest.raises(UsageError) as error:
        listing.run(project.path, where=where)
    assert message in error.value.message
    assert "^" in error.value.message
    assert error.value.hint == hint


def test_no_runs_are_no_error(project):
    found = listing.run(project.path, where="val/mcc > 0.4", sort="val/mcc")
    assert (found.total, found.runs) == (0, [])


def test_a_damaged_record_is_listed_as_such(project, three):
    (three[0].path / "run.json").write_text('{"status": 3}')
    (three[1].path / "config.yaml").write_text("model: [")
    found = listing.run(project.path, columns=["val/mcc", "lr"])
    by_run = {row.run[-4:]: row for row in found.runs}
    assert by_run["aaaa"].status == "damaged"
    assert by_run["aaaa"].values == {"val/mcc": None, "lr": 1e-3}
    assert by_run["bbbb"].values == {"val/mcc": 0.6, "lr": None}


def test_a_run_whose_process_is_gone_is_killed(project, recorded):
    recorded("20260101-000001-tiny-aaaa", status="running", pid=2**22 + 1)
    elsewhere = {"host": "another", "python": "3.12.1"}
    recorded("20260101-000002-tiny-bbbb", status="running", environment=elsewhere)
    silent = recorded("20260101-000003-tiny-cccc", status="running", environment=elsewhere)
    for path in (silent.path / "run.json", silent.metrics_path, silent.checkpoints):
        os.utime(path, (time.time() - 7200,) * 2)
    found = {row.run[-4:]: row.status for row in listing.run(project.path).runs}
    assert found == {"aaaa": "killed", "bbbb": "running", "cccc": "killed"}
    assert ends(listing.run(project.path, where="status=running")) == ["bbbb"]


def test_what_is_kept_gives_the_same_as_reading(project, three, evaluated, always_kept):
    evaluated(three[1], "test", {"mcc": 0.55})
    asked = {"columns": ["lr", "test/mcc", "git.branch", "trainer.schedule"]}
    fresh = listing.run(project.path, **asked)
    assert {path.name for path in (project / "runs" / ".index").iterdir()} == {
        "run.json", "config.json", "evaluation-test.json",
    }  # fmt: skip
    assert listing.run(project.path, **asked) == fresh


def test_what_is_kept_follows_every_change(project, three, recorded, always_kept):
    listing.run(project.path, columns=["lr"])
    three[0].update(metrics={"val/mcc": 0.9})
    text = three[1].config_text()
    three[1].config_path.write_text(text.replace("lr: 3.0e-05", "lr: 4.0e-05"))
    (three[2].path / "run.json").unlink()
    recorded("20260101-000004-tiny-dddd", mcc=0.1)
    found = listing.run(project.path, columns=["lr", "val/mcc"])
    assert {row.run[-4:]: tuple(row.values.values()) for row in found.runs} == {
        "aaaa": (1e-3, 0.9), "bbbb": (4e-5, 0.6), "dddd": (1e-3, 0.1),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version": 1, "runs": {"x": 1}, "pool": []}']
)
def test_a_damaged_cache_is_read_past(project, three, always_kept, text):
    fresh = listing.run(project.path)
    (project / "runs" / ".index" / "run.json").write_text(text)
    assert listing.run(project.path) == fresh


def test_a_folder_that_can_not_be_written_is_listed(project, three, always_kept):
    (project / "runs" / ".index").write_text("in the way")
    assert listing.run(project.path).total == 3


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text,
        lambda text: "# by hand\n" + text,
        lambda text: text.replace("gates: {}", "gates:\n- a\n- b"),
        lambda text: text.replace("gates: {}", "gates: &a {x: 1}\nother: *a"),
        lambda text: text.replace(
            "\nseed: 0", "\nseed: -0.5\nnote: |\n  two\n\n  lines\nlast: 1e-4"
        ),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\nseed: 0", "\nseed: 0  # zero"),
    ],
    ids=["as written", "comment", "list", "anchor", "block", "crlf", "trailing comment"],
)
def test_a_config_read_by_sections_says_what_it_says_as_a_whole(project, three, edit):
    text = edit(three[0].config_text())
    three[0].config_path.write_bytes(text.encode())
    assert Index(project.path).configs()[three[0].id] == load_text(text, "config.yaml")


def test_a_key_that_is_there_twice_makes_a_config_unreadable(project, three):
    three[0].config_path.write_text(three[0].config_text() + "lr: 5\n")
    assert Index(project.path).configs()[three[0].id] is None


def test_thousands_of_runs_are_listed_from_what_is_kept(project, three):
    template = (three[0].path / "run.json").read_text()
    for number in range(2000):
        run = Run(project / "runs" / f"20260102-{number:06d}-tiny-{number:04x}")
        run.path.mkdir()
        (run.path / "run.json").write_text(
            re.sub('"val/mcc": .*,', f'"val/mcc": {number},', template)
        )
    assert listing.run(project.path, sort="val/mcc", limit=1).runs[0].values["val/mcc"] == 1999
    kept = json.loads((project / "runs" / ".index" / "run.json").read_text())
    assert len(kept["runs"]) == 2003
    began = time.process_time()
    found = listing.run(project.path, where="val/mcc > 5", sort="val/mcc", limit=20)
    assert found.matching == 1994
    assert time.process_time() - began < 1
