"""`mlops data stats`: files, splits and versions, for people, programs and as a page."""

import subprocess

import pytest

CONFIG = """
defaults:
  - base
  - override data: file
  - _self_
data:
  path: data/train.csv
  test_path: data/test.csv
"""
TRAIN = "text,label\n" + "".join(f"a short text {n},{'ab'[n % 2]}\n" for n in range(60))
TEST = "text,label\n" + "".join(f"another text {n},a\n" for n in range(20))


@pytest.fixture
def tables(project):
    project({"configs/config.yaml": CONFIG, "data/train.csv": TRAIN, "data/test.csv": TEST})
    return project


def test_without_a_file_the_splits_of_the_config(tables, mlops):
    done = mlops("data", "stats")
    assert done.exit_code == 0, done.stderr
    assert "2 columns; rows: train 60, test 20" in done.stdout
    assert "Labels" in done.stdout
    found = mlops("data", "stats", json=True).json
    assert [part["name"] for part in found["parts"]] == ["train", "test"]
    labels = {one["value"]: one["count"] for one in found["labels"]["top"]}
    assert labels == {"a": 50, "b": 30}
    text = found["parts"][0]["columns"][0]
    assert text["kind"] == "text"
    assert text["text"]["words"]["mean"] == 4


def test_the_built_in_data_has_three_splits(project, mlops):
    found = mlops("data", "stats", "data.size=400", json=True).json
    assert [part["name"] for part in found["parts"]] == ["train", "validation", "test"]
    assert found["label"] == "label"
    assert {one["share"] for one in found["labels"]["top"]} == {0.5}


def test_files_settings_and_a_label(tables, mlops):
    tables({"x=1.csv": "grade;n\ngood;1\nbad;2\ngood;3\n"})
    done = mlops("data", "stats", "x=1.csv", "seed=3", "--label", "grade")
    assert done.exit_code == 0, done.stderr
    assert "good 66.7%, bad 33.3%" in done.stdout
    missing = mlops("data", "stats", "data/train.csv", "--label", "lable")
    assert missing.exit_code == 2
    assert "no column is called 'lable'" in missing.stderr
    absent = mlops("data", "stats", "data/tran.csv")
    assert absent.exit_code == 5
    assert "did you mean data/train.csv?" in absent.stderr


def test_against_a_file_and_against_a_revision(tables, mlops):
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"], ["tag", "v1"]):
        subprocess.run(["git", *words], check=True, capture_output=True)
    tables({"data/train.csv": TRAIN + "a new text,c\n"})
    found = mlops("data", "stats", "--against", "v1", json=True).json
    rows = {part["name"]: part["rows"] for part in found["parts"]}
    assert rows == {"train": 61, "test": 20, "train@v1": 60, "test@v1": 20}
    found = mlops("data", "stats", "data/train.csv", "--against", "data/train.csv@v1", json=True)
    assert [part["rows"] for part in found.json["parts"]] == [61, 60]
    unknown = mlops("data", "stats", "--against", "v2")
    assert unknown.exit_code == 5
    assert "no file and no git revision is called 'v2'" in unknown.stderr


def test_a_page_that_needs_nothing_else(tables, mlops):
    done = mlops("data", "stats", "--html", "out/stats.html", json=True)
    assert done.json["page"] == "out/stats.html"
    page = (tables / "out/stats.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "a short text 1" in page
    (tables / "folder.html").mkdir()
    refused = mlops("data", "stats", "--html", "folder.html")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-2:] == [
        "error: can't write folder.html (is a directory)",
        "hint: name another place",
    ]


@pytest.mark.parametrize(
    "command", ["stats rows.csv", "diff rows.csv rows.csv", "drift rows.csv rows.csv"]
)
def test_a_page_is_never_written_over_data(project, mlops, command):
    project({"rows.csv": "text,label\na,x\nb,y\n"})
    done = mlops("data", *command.split(), "--html", "rows.csv")
    assert (done.exit_code, "rows.csv is no name of a page" in done.stderr) == (2, True)
    assert (project / "rows.csv").read_text() == "text,label\na,x\nb,y\n"
