"""Files that settings name are found again from wherever a run is used."""

from pathlib import Path

import pytest

from mlops_cli import config

ROWS = "text,label\n" + "".join(
    f"a {word} film number {n},{label}\n"
    for n in range(40)
    for word, label in (("fine", "good"), ("dull", "bad"))
)
QUICK = ("experiment=smoke", "data.limit=null", "trainer.max_steps=2")


@pytest.fixture
def below(project, monkeypatch):
    project({"src/rows.csv": ROWS, "data/more.csv": ROWS})
    monkeypatch.chdir(project / "src")
    return project


def recorded(done):
    return config.from_yaml((Path(done.json["path"]) / "config.yaml").read_text("utf-8")).data


def test_a_path_typed_in_a_subfolder_is_kept_as_the_root_sees_it(below, mlops, monkeypatch):
    done = mlops("train", "data=file", "data.path=rows.csv", *QUICK, json=True)
    assert done.exit_code == 0, done.stderr
    assert recorded(done).path == "src/rows.csv"
    monkeypatch.chdir(below.path)
    (below / "rows.csv").write_text("text,label\nanother,file\n", "utf-8")
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    assert "changed" not in evaluated.stderr


def test_a_file_of_the_same_name_here_does_not_hide_the_runs(below, mlops, monkeypatch):
    monkeypatch.chdir(below.path)
    done = mlops("train", "data=file", "data.path=data/more.csv", *QUICK, json=True)
    assert recorded(done).path == "data/more.csv"
    below({"src/data/more.csv": "text,label\nanother,file\n"})
    monkeypatch.chdir(below / "src")
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    assert "changed" not in evaluated.stderr
    # What is typed now means what it means here.
    assert mlops("evaluate", "data.path=data/more.csv").exit_code == 5


def test_a_file_outside_the_project_is_kept_absolute(below, mlops, tmp_path, monkeypatch):
    outside = tmp_path / "outside.csv"
    outside.write_text(ROWS, "utf-8")
    done = mlops(
        "train",
        "data=file",
        "data.path=../../outside.csv",
        "data.validation_path=../data/more.csv",
        *QUICK,
        json=True,
    )
    assert recorded(done).path == str(outside)
    assert recorded(done).validation_path == "data/more.csv"
    monkeypatch.chdir(below.path)
    assert mlops("evaluate").exit_code == 0


def test_a_link_stays_a_link(below, mlops, tmp_path):
    store = tmp_path / "cache" / "ab12"
    store.parent.mkdir()
    store.write_text(ROWS, "utf-8")
    (below / "data" / "linked.csv").symlink_to(store)
    done = mlops("train", "data=file", "data.path=../data/linked.csv", *QUICK, json=True)
    assert recorded(done).path == "data/linked.csv"


def test_an_interrupted_run_goes_on_from_another_folder(below, mlops, monkeypatch):
    done = mlops("train", "data=file", "data.path=rows.csv", *QUICK, json=True)
    facts = below / "runs" / done.json["run"] / "run.json"
    facts.write_text(facts.read_text("utf-8").replace('"finished"', '"interrupted"'), "utf-8")
    monkeypatch.chdir(below.path)
    resumed = mlops("train", "--resume", "latest", json=True)
    assert resumed.exit_code == 0, resumed.stderr
