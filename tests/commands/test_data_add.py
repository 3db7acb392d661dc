"""`mlops data add`: data becomes the project's, whole or not at all."""

import bz2
import gzip
import http.server
import math
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mlops_cli import config, data
from mlops_cli.data import schema
from mlops_cli.data.tables import open_table
from mlops_cli.reporting import SilentReporter

ROWS = "id,review,stars\n" + "".join(
    f"{n}{mark},a rather {word} film number {n},{label}\n"
    for n in range(1, 41)
    for mark, word, label in ((0, "fine", "good"), (1, "dull", "bad"))
)
QUICK = ("experiment=smoke", "data.limit=null", "trainer.max_steps=2")
CONFIG = """\
# Text classification from reviews.csv: mlops train data=reviews
# Made by: mlops data add reviews.csv --name reviews
module: file
path: data/reviews.csv
text: review
label: stars
schema: data/reviews.schema.yaml
"""


def everything(folder):
    """Every file of a folder with its bytes."""
    paths = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths)}


@pytest.fixture
def reviews(project):
    project({"reviews.csv": ROWS})
    return project


@pytest.fixture
def versioned(reviews):
    """The project under git and DVC."""
    from mlops_cli import versioning

    subprocess.run(["git", "init", "-q"], cwd=reviews.path, check=True)
    versioning.init(reviews.path, git=True)
    subprocess.run(["git", "add", "."], cwd=reviews.path, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "Start"], cwd=reviews.path, check=True)
    return reviews


def test_a_file_becomes_data_of_the_project(reviews, mlops):
    done = mlops("data", "add", "reviews.csv")
    assert done.exit_code == 0, done.stderr
    assert (reviews / "configs/data/reviews.yaml").read_text("utf-8") == CONFIG
    assert (reviews / "data/reviews.csv").read_text("utf-8") == ROWS
    found = schema.read(reviews / "data/reviews.schema.yaml")
    assert (found.text, found.label) == ("review", "stars")
    assert found.columns["stars"].values == ("bad", "good")
    assert "✓ Added reviews (text classification, 80 rows)" in done.stdout
    assert "label      stars (guessed): 2 classes, bad 40, good 40" in done.stdout
    assert done.stdout.endswith("next: mlops train data=reviews\n")
    assert sorted(path.name for path in (reviews / "data").iterdir()) == [
        "reviews.csv",
        "reviews.schema.yaml",
    ]
    assert mlops("train", "data=reviews", *QUICK).exit_code == 0
    assert mlops("data", "validate", "data=reviews").exit_code == 0


def test_dvc_holds_the_bytes_and_git_gets_the_rest(versioned, mlops):
    done = mlops("data", "add", "reviews.csv", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["dvc"]
    subprocess.run(["git", "add", *done.json["commit"]], cwd=versioned.path, check=True)
    status = subprocess.run(
        ["git", "status", "--short"], cwd=versioned.path, check=True, capture_output=True, text=True
    )
    assert sorted(status.stdout.splitlines()) == [
        "A  configs/data/reviews.yaml",
        "A  data/.gitignore",
        "A  data/reviews.csv.dvc",
        "A  data/reviews.schema.yaml",
    ]
    assert (versioned / "data/.gitignore").read_text("utf-8") == "/reviews.csv\n"
    human = mlops("data", "add", "reviews.csv", "--name", "again")
    assert "commit: git add data/again.csv.dvc data/.gitignore data/again.schema.yaml" in (
        human.stdout
    )


def test_it_is_found_from_below_and_recorded_from_the_root(reviews, mlops, monkeypatch):
    reviews({"sub/own.csv": ROWS})
    monkeypatch.chdir(reviews / "sub")
    done = mlops("data", "add", "own.csv", "--label", "stars", json=True)
    assert done.json["files"][0]["path"] == "data/own.csv"
    assert done.json["kind"]["guessed"] == ["text"]
    assert (reviews / "configs/data/own.yaml").is_file()


def test_a_file_in_the_data_folder_stays_where_it_is(versioned, mlops):
    versioned({"data/raw/first.csv": ROWS})
    done = mlops("data", "add", "data/raw/first.csv", "--name", "films", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["files"][0]["path"] == "data/raw/first.csv"
    assert (versioned / "data/raw/first.csv.dvc").is_file()
    assert not (versioned / "data/films.csv").exists()


def test_a_moved_file_is_gone_from_its_place(reviews, mlops, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text(ROWS, "utf-8")
    assert mlops("data", "add", str(outside), "--label", "starz", "--move").exit_code == 5
    assert outside.exists()
    assert mlops("data", "add", str(outside), "--move").exit_code == 0
    assert not outside.exists()
    assert (reviews / "data/outside.csv").read_text("utf-8") == ROWS


def test_a_folder_brings_its_splits(reviews, mlops):
    reviews({"films/training.csv": ROWS, "films/dev.csv": ROWS, "films/test.csv": ROWS})
    reviews({"films/README.md": "hello\n"})
    done = mlops("data", "add", "films", json=True)
    assert done.exit_code == 0, done.stderr
    loaded = config.load(["data=films"], root=reviews.path).data
    assert (loaded.path, loaded.validation_path, loaded.test_path) == (
        "data/films/train.csv",
        "data/films/validation.csv",
        "data/films/test.csv",
    )
    assert [(file["split"], file["rows"]) for file in done.json["files"]] == [
        ("train", 80),
        ("validation", 80),
        ("test", 80),
    ]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"films/one.csv": ROWS}, "films has no training file (files: one.csv)"),
        ({"films/x.md": "x"}, "films has no training file (files: x.md)"),
        ({"films/cat/1.png": "x"}, "films has no training file (files: none)\nhint: images? mlops"),
        (
            {"films/train.csv": ROWS, "films/dev.csv": ROWS, "films/val.csv": ROWS},
            "films: dev.csv and val.csv are both the validation file",
        ),
        (
            {"films/train.csv": ROWS, "films/test.csv": "id,text\n1,x\n"},
            "the test file has no column 'review', the text of the training file",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(project, mlops, files, told):
    project(files)
    before = everything(project.path)
    done = mlops("data", "add", "films")
    assert done.exit_code == 5
    assert f"error: {told}" in done.stderr
    assert everything(project.path) == before


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, ROWS)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("films.csv.gz", lambda path: path.write_bytes(gzip.compress(ROWS.encode()))),
        ("films.gz", lambda path: path.write_bytes(gzip.compress(ROWS.encode()))),
        ("films.csv.bz2", lambda path: path.write_bytes(bz2.compress(ROWS.encode()))),
        ("films.zip", lambda path: zipped(path, "deep/reviews.csv", "__MACOSX/._reviews.csv")),
        ("films", lambda path: zipped(path, "reviews.csv", "README.md")),
    ],
)
def test_packed_tables_are_unpacked(project, mlops, name, pack):
    pack(project / name)
    done = mlops("data", "add", name, json=True)
    assert done.exit_code == 0, done.stderr
    assert (project / "data/films.csv").read_text("utf-8") == ROWS


def test_an_archive_may_hold_splits(project, mlops):
    zipped(project / "films.zip", "a/train.csv", "a/test.csv")
    done = mlops("data", "add", "films.zip", json=True)
    assert [file["path"] for file in done.json["files"]] == [
        "data/films/train.csv",
        "data/films/test.csv",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress(ROWS.encode())[:60], "films.gz can't be unpacked"),
        (gzip.compress(b"text,label\na\n"), "films.gz, films.csv, line 2: 1 field where"),
        (b"PK\x03\x04 and so on", "films.gz can't be unpacked"),
    ],
    ids=["cut", "ragged", "not gzip"],
)
def test_a_damaged_archive_is_refused(project, mlops, content, told):
    (project / "films.gz").write_bytes(content)
    done = mlops("data", "add", "films.gz")
    assert (done.exit_code, told in done.stderr) == (5, True), done.stderr
    assert not (project / "data").exists()


def test_what_is_there_is_not_replaced_unless_forced(versioned, mlops):
    assert mlops("data", "add", "reviews.csv").exit_code == 0
    before = everything(versioned.path / "data") | everything(versioned.path / "configs")
    # The very same command finds it done; a schema that was edited since stays.
    schema = versioned / "data/reviews.schema.yaml"
    schema.write_text(schema.read_text("utf-8") + "# mine\n", "utf-8")
    before["reviews.schema.yaml"] = schema.read_bytes()
    done = mlops("data", "add", "reviews.csv", json=True)
    assert (done.exit_code, done.json["changed"]) == (0, False), done.stderr
    assert everything(versioned.path / "data") | everything(versioned.path / "configs") == before
    (versioned / "reviews.csv").write_text(ROWS.replace("film", "book"), "utf-8")
    done = mlops("data", "add", "reviews.csv")
    assert done.exit_code == 3
    assert done.stderr == (
        "error: configs/data/reviews.yaml is there already\n"
        "hint: another name: --name NAME; or --force replaces data, schema and config\n"
    )
    assert everything(versioned.path / "data") | everything(versioned.path / "configs") == before

    assert mlops("data", "add", "reviews.csv", "--force").exit_code == 0
    assert "book" in (versioned / "data/reviews.csv").read_text("utf-8")
    assert (versioned / "data/reviews.csv.dvc").read_bytes() != before["reviews.csv.dvc"]


def test_force_takes_away_what_the_new_data_does_not_replace(versioned, mlops):
    assert mlops("data", "add", "reviews.csv", "--name", "films").exit_code == 0
    versioned({"films/train.csv": ROWS})
    assert mlops("data", "add", "films", "--force").exit_code == 0
    assert sorted(path.name for path in (versioned / "data").iterdir()) == [
        ".gitignore",
        "films.csv",
        "films.csv.dvc",
        "films.schema.yaml",
    ]


@pytest.mark.parametrize("forced", [False, True])
def test_data_or_a_schema_of_that_name_alone_is_not_replaced(reviews, mlops, forced):
    reviews({"data/reviews.parquet": "mine", "data/reviews.schema.yaml": "columns: {}\n"})
    before = everything(reviews.path)
    done = mlops("data", "add", "reviews.csv", *(["--force"] if forced else []))
    if forced:
        assert done.exit_code == 0
        assert not (reviews / "data/reviews.parquet").exists()
        return
    assert (done.exit_code, everything(reviews.path)) == (3, before)
    (reviews / "data/reviews.schema.yaml").unlink()
    assert "data/reviews.parquet is there already" in mlops("data", "add", "reviews.csv").stderr


def test_a_folder_that_dvc_holds_as_a_whole_takes_no_more(versioned, mlops):
    versioned({"data/held/x.txt": "x"})
    subprocess.run(
        [sys.executable, "-m", "dvc", "add", "-q", "data"], cwd=versioned.path, check=True
    )
    before = everything(versioned / "data")
    done = mlops("data", "add", "reviews.csv")
    assert done.exit_code == 3
    assert "hint: let DVC hold the files one by one: dvc remove data.dvc" in done.stderr
    assert everything(versioned / "data") == before


@pytest.mark.parametrize("written", [False, True])
def test_a_failure_half_way_leaves_nothing(versioned, mlops, written):
    """DVC refuses after the data was moved in; or the config can't be composed at the end."""
    if written:
        versioned({"configs/config.yaml": "defaults: [base, _self_]\nlr: fast\n"})
    else:
        versioned({"dvc.yaml": "stages:\n  a:\n    cmd: x\n    outs: [data/reviews.csv]\n"})
    before = everything(versioned / "configs")
    done = mlops("data", "add", "reviews.csv")
    assert done.exit_code == (3 if written else 1)
    assert everything(versioned / "configs") == before
    assert not (versioned / "data").exists()


def test_a_forced_failure_half_way_leaves_the_old_data(versioned, mlops):
    assert mlops("data", "add", "reviews.csv").exit_code == 0
    before = everything(versioned / "data") | everything(versioned / "configs")
    # The stage of another tool holds the file as well, so that DVC refuses.
    versioned({"dvc.yaml": "stages:\n  a:\n    cmd: x\n    outs: [data/films]\n"})
    versioned({"films/train.csv": ROWS, "films/test.csv": ROWS, "data/films.csv": "a,b\n1,2\n"})
    before |= {"films.csv": b"a,b\n1,2\n"}
    done = mlops("data", "add", "films", "--force")
    assert done.exit_code == 1
    assert everything(versioned / "data") | everything(versioned / "configs") == before


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_add_can_be_typed_again(reviews, mlops_script, stop):
    rows = "".join(f"a rather long film number {n},{n % 2}\n" for n in range(400_000))
    reviews({"large.csv": "text,label\n" + rows})
    words = [mlops_script, "data", "add", "large.csv"]
    process = subprocess.Popen(words, cwd=reviews.path, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not list((reviews.path / "data").glob(".adding-*/large.csv")):
        assert time.monotonic() < limit
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(stop)
    assert process.wait(30) in (130, -signal.SIGKILL)
    assert not (reviews / "configs/data").exists()
    assert (reviews / "data").exists() == (stop == signal.SIGKILL)
    assert subprocess.run(words, cwd=reviews.path, check=False, capture_output=True).returncode == 0
    assert sorted(path.name for path in (reviews / "data").iterdir()) == [
        "large.csv",
        "large.schema.yaml",
    ]


def test_of_two_at_once_under_one_name_the_second_is_refused(reviews, mlops_script):
    rows = "".join(f"a film number {n},{n % 2}\n" for n in range(20_000))
    reviews({name: f"text,label\n{name},0\n{rows}" for name in ("a.csv", "b.csv")})
    both = {
        name: subprocess.Popen(
            [mlops_script, "data", "add", name, "--name", "same"],
            cwd=reviews.path,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a.csv", "b.csv")
    }
    told = {name: process.communicate(timeout=120)[1] for name, process in both.items()}
    codes = {name: process.returncode for name, process in both.items()}
    assert sorted(codes.values()) == [0, 3], told
    won, lost = sorted(codes, key=lambda name: codes[name])
    assert "configs/data/same.yaml is there already" in told[lost]
    assert (reviews / "data/same.csv").read_bytes() == (reviews / won).read_bytes()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has it")
def test_a_file_that_fails_to_be_read_is_told(reviews, mlops):
    done = mlops("data", "add", "/proc/self/mem")
    assert done.exit_code == 5
    assert "/proc/self/mem can't be read (Input/output error)" in done.stderr


def test_what_a_killed_add_left_is_no_obstacle(versioned, mlops):
    assert mlops("data", "add", "reviews.csv").exit_code == 0
    (versioned / "configs/data/reviews.yaml").unlink()
    assert mlops("data", "add", "reviews.csv").exit_code == 0
    (versioned / "configs/data/reviews.yaml").unlink()
    (versioned / "reviews.csv").write_text(ROWS.replace("film", "book"), "utf-8")
    assert mlops("data", "add", "reviews.csv").exit_code == 3


MISTAKES = {
    (): (2, "what to add?"),
    ("revews.csv",): (5, "no file revews.csv"),
    ("data/none.csv",): (5, "no file data/none.csv"),
    ("reviews.csv", "other.csv"): (2, "one source at a time, not 2: reviews.csv, other.csv"),
    ("reviews.csv", "--name", "a b"): (2, "'a b' can't name data"),
    ("reviews.csv", "--name", "100"): (2, "data=100 would be read as a value, not as a name"),
    ("reviews.csv", "--name", "True"): (2, "data=True would be read as a value, not as a name"),
    ("reviews.csv", "--name", ""): (2, "the data needs a name"),
    ("reviews.csv", "--name", "../x"): (2, "'../x' can't name data"),
    ("reviews.csv", "--name", "quickstart"): (2, "data=quickstart ships with mlops"),
    ("reviews.csv", "--text", "revue"): (5, "reviews.csv has no column 'revue'"),
    ("reviews.csv", "--text", "review", "--label", "review"): (5, "text and label are the same"),
    ("reviews.csv", "--text", "review", "--text-pair", "review"): (5, "text and text-pair are the"),
    ("reviews.csv", "--text-pair", "revue"): (5, "reviews.csv has no column 'revue'"),
    ("reviews.csv", "--label", "stars", "--target", "id"): (2, "--label and --target are two"),
    ("reviews.csv", "data.encodin=cp1252"): (3, "data.encodin is not a key of data=file"),
    ("reviews.csv", "data.encoding=cp99"): (3, "no text encoding is called 'cp99'"),
    ("ftp://host/x.csv",): (2, "nothing can be fetched from ftp://"),
    ("https://me:secret@host/x.csv",): (2, "the password in the URL would be written"),
    ("https://127.0.0.1:9/x.csv",): (5, "is no DVC project"),
    ("--sql", "select 1"): (2, "a query needs --sql and --url"),
    ("reviews.csv", "--sql", "select 1", "--url", "sqlite:///x.db"): (2, "and no source beside"),
    ("--sql", "select 1", "--url", "sqlite:///x.db"): (2, "the data needs a name"),
    ("--sql", "select 1", "--url", "x", "--name", "x"): (2, "--url is no SQLAlchemy URL"),
    ("--sql", "select 1", "--url", "sqlite:///x.db", "--name", "x"): (5, "no SQLite database x.db"),
    ("reviews.csv", "--target", "review"): (5, "--target review is no column of numbers"),
    ("reviews.csv", "data.path=x.csv"): (2, "data.path is what mlops data add writes itself"),
    ("reviews.csv", "lr=3"): (2, "lr=3 says nothing of how data is read"),
    ("hub:",): (2, "what to add?"),
    ("org/name",): (5, "the hub can't be reached and the data set org/name"),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_line_and_a_remedy(reviews, mlops, words):
    code, told = MISTAKES[words]
    before = everything(reviews.path)
    done = mlops("data", "add", *words)
    error, hint = done.stderr.splitlines()[-2:]
    assert (done.exit_code, told in error, hint[:6]) == (code, True, "hint: "), done.stderr
    assert "secret" not in done.stderr
    assert everything(reviews.path) == before


OTHERS = {
    "text_pair_classification": (
        "premise,hypothesis,label\n",
        lambda n: f"it rained on day {n},it was dry on day {n},{'yes' if n % 2 else 'no'}\n",
        ["task=text_pair_classification"],
    ),
    "text_similarity": (
        "sentence1,sentence2,score\n",
        lambda n: f"it rained on day {n},it was dry on day {n},{n / 7:.3f}\n",
        ["task=text_similarity"],
    ),
    "token_classification": (
        "",
        lambda n: f'{{"tokens": ["Paris", "is", "{n}"], "tags": ["LOC", "O", "O"]}}\n',
        ["task=token_classification"],
    ),
    "tabular_classification": (
        "width,colour,label\n",
        lambda n: f"{n / 3:.2f},{'red' if n % 3 else 'blue'},{'a' if n % 2 else 'b'}\n",
        ["task=tabular_classification", "model=trees"],
    ),
}


@pytest.mark.parametrize("task", OTHERS)
def test_data_of_every_task_is_read_by_the_command_that_add_names(project, mlops, task):
    head, row, settings = OTHERS[task]
    name = "mine.csv" if head else "mine.jsonl"
    project({name: head + "".join(map(row, range(60)))})
    done = mlops("data", "add", name)
    assert done.exit_code == 0, done.stderr
    command = f"mlops train {' '.join(settings)} data=mine"
    assert f"next: {command}" in done.stdout
    assert "warning" not in done.stderr
    assert command in (project / "configs/data/mine.yaml").read_text("utf-8")
    loaded = config.load([*settings, "data=mine"], root=project.path)
    assert len(data.load(loaded.data, 0, SilentReporter()).train) == 48


def test_what_is_no_text_is_told_with_the_task_that_reads_it(project, mlops):
    head, row, settings = OTHERS["tabular_classification"]
    project({"mine.csv": head + "".join(map(row, range(60)))})
    assert mlops("data", "add", "mine.csv").exit_code == 0
    for words in (["data", "validate"], ["data", "split"], ["train"]):
        done = mlops(*words, "data=mine")
        error, hint = done.stderr.splitlines()[-2:]
        assert done.exit_code == 3, done.stderr
        assert error == "error: data=mine has table inputs, and the task reads text"
        assert " ".join(settings) in hint
    assert mlops("data", "stats", "data=mine").exit_code == 0
    done = mlops("data", "split", *settings, "data=mine", "data.module=file")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (3, "hint: data.module=table")


def test_after_data_without_a_label_comes_a_command_that_needs_none(project, mlops):
    project({"mine.csv": "text\n" + "".join(f"a film of {n} minutes\n" for n in range(9))})
    done = mlops("data", "add", "mine.csv")
    assert "next: mlops data stats data=mine" in done.stdout
    assert mlops("data", "stats", "data=mine").exit_code == 0


def test_outside_a_project_nothing_is_added(empty_folder, mlops):
    (empty_folder / "reviews.csv").write_text(ROWS, "utf-8")
    done = mlops("data", "add", "reviews.csv")
    assert done.exit_code == 3
    assert "is no project: it has no configs/config.yaml" in done.stderr
    assert [path.name for path in empty_folder.iterdir()] == ["reviews.csv"]


def test_quiet_and_json(reviews, mlops):
    quiet = mlops("data", "add", "reviews.csv", "--quiet")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    said = mlops("data", "add", "reviews.csv", "--name", "more", json=True).json
    assert said["kind"] == {
        "task": "text_classification",
        "text": "review",
        "label": "stars",
        "guessed": ["text", "label"],
        "trainable": True,
        "note": "",
        "text_pair": None,
    }
    assert said["classes"] == {"bad": 40, "good": 40}
    assert said["types"] == {"id": "integer", "review": "text", "stars": "category"}


def test_odd_names_of_columns_come_back_from_the_config(project, mlops):
    project({"odd.csv": '"a ${b} #: é\u200b",1e-4\n' + "so it began here,1\nso it ended,2\n" * 9})
    text = "a ${b} #: é\u200b"
    done = mlops("data", "add", "odd.csv", "--text", text, "--label", "1e-4")
    assert done.exit_code == 0, done.stderr
    loaded = config.load(["data=odd"], root=project.path).data
    assert (loaded.text, loaded.label) == (text, "1e-4")


@pytest.mark.parametrize("name", ['"q".csv', "${env}.csv"])
def test_odd_names_of_files_are_taken_as_they_are(project, mlops, name):
    project({name: ROWS})
    done = mlops("data", "add", name, "--name", "odd", json=True)
    assert done.exit_code == 0, done.stderr
    assert (project / "data/odd.csv").read_text("utf-8") == ROWS
    train = data.load(config.load(["data=odd"], root=project.path).data, 0, SilentReporter()).train
    assert len(train) == 64


def test_the_rows_of_a_query(reviews, mlops, monkeypatch):
    database = sqlite3.connect(reviews / "app.db")
    database.execute("create table films (id integer, text, label, score, day text, big integer)")
    rows = [
        (
            n,
            f"a film: number {n}, it is",
            "good" if n % 2 else "bad",
            n if n < 5000 else n / 4,
            None,
            2**40,
        )
        for n in range(9000)
    ]
    database.executemany("insert into films values (?, ?, ?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    sql = "select * from films where text like '%:%' order by id"
    words = ("data", "add", "--sql", sql, "--url", "sqlite:///app.db", "--name", "films")
    done = mlops(*words, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["files"][0]["rows"] == 9000
    table = pq.read_table(reviews / "data/films.parquet")
    assert [str(kind) for kind in table.schema.types] == [
        *("int64", "string", "string", "double", "string", "int64"),
    ]
    assert table.column("text").to_pylist() == [row[1] for row in rows]
    assert table.column("score").to_pylist() == [float(row[3]) for row in rows]
    loaded = config.load(["data=films"], root=reviews.path).data
    assert loaded.params == {"sql": sql, "url": "sqlite:///app.db"}
    for bad, told in (
        ("select * from no_table", "no such table: no_table"),
        ("delete from films", "attempt to write a readonly database"),
        ("drop table films", "attempt to write a readonly database"),
        ("begin", "the statement returns no rows"),
        ("select id, id from films", "the query names two columns 'id'"),
        ("select * from films where 1=0", "has no rows"),
    ):
        refused = mlops("data", "add", "--sql", bad, *words[4:], "--force")
        assert told in refused.stderr, refused.stderr
    assert table.equals(pq.read_table(reviews / "data/films.parquet"))


def test_a_password_in_the_environment_is_not_for_sqlite(reviews, mlops, monkeypatch):
    sqlite3.connect(reviews / "app.db").execute("create table films (a, b)")
    monkeypatch.setenv("MLOPS_SQL_PASSWORD", "geheim")
    words = ("--sql", "select 1 as a, 'x' as b", "--url", "sqlite:///app.db", "--name", "films")
    done = mlops("data", "add", *words)
    assert done.exit_code == 0, done.stderr


def test_cells_of_any_driver_fit_into_parquet():
    from mlops_cli.data_adding.query import plain_value

    zone = timezone(timedelta(hours=2))
    cells = {
        Decimal("2.00"): 2,
        Decimal("0.5"): 0.5,
        Decimal("1e30"): 1e30,
        Decimal("Infinity"): math.inf,
        2**70: str(2**70),
        datetime(2026, 1, 1, 1, tzinfo=zone): datetime(2025, 12, 31, 23),
        b"\xc3\xa9": "é",
    }
    for value, plain in cells.items():
        assert (type(plain_value(value)), plain_value(value)) == (type(plain), plain)
    assert math.isnan(plain_value(Decimal("NaN")))


@pytest.mark.parametrize("folder", ["file", "dangling", "link"])
def test_a_data_folder_that_is_none_is_told(reviews, mlops, tmp_path, folder):
    if folder == "file":
        reviews({"data": "mine"})
    else:
        (reviews / "data").symlink_to(tmp_path / "elsewhere")
    if folder == "link":
        (tmp_path / "elsewhere").mkdir()
    done = mlops("data", "add", "reviews.csv", "--text", "none")
    expected = (5, "no column 'none'") if folder == "link" else (3, "data is no folder")
    assert (done.exit_code, expected[1] in done.stderr) == (expected[0], True), done.stderr


def test_data_of_one_class_is_told(project, mlops):
    project({"one.csv": "text,label\nso it began here,x\n"})
    done = mlops("data", "add", "one.csv", "--text", "text", "--label", "label")
    assert "every label is the same, and mlops train needs two classes" in done.stderr
    assert "Added one (text classification, 1 row)" in done.stdout


def test_no_password_is_written_down(reviews, mlops, monkeypatch):
    from mlops_cli.data_adding import query

    url = "postgresql://me:geheim@db.example.com/films?sslpassword=geheim&application_name=x"
    assert query.without_secrets(url, reviews.path) == (
        "postgresql://me@db.example.com/films?application_name=x"
    )
    done = mlops("data", "add", "--sql", "select 1", "--url", url, "--name", "films")
    assert done.exit_code in (4, 5)
    assert "geheim" not in done.stderr + done.stdout


@pytest.fixture
def server(tmp_path):
    """A web server on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(_Silent, directory=folder)
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_url_is_fetched_and_remembered(versioned, mlops, server):
    folder, address = server
    (folder / "films.csv").write_text(ROWS, "utf-8")
    done = mlops("data", "add", f"{address}/films.csv", json=True)
    assert done.exit_code == 0, done.stderr
    assert (versioned / "data/films.csv").read_text("utf-8") == ROWS
    held = (versioned / "data/films.csv.dvc").read_text("utf-8")
    assert f"path: {address}/films.csv" in held
    assert (versioned / "data/.gitignore").read_text("utf-8") == "/films.csv\n"
    status = [sys.executable, "-m", "dvc", "status"]
    said = subprocess.run(status, cwd=versioned.path, check=True, capture_output=True, text=True)
    assert "up to date" in said.stdout
    before = everything(versioned / "data")
    missing = mlops("data", "add", f"{address}/none.csv")
    assert missing.exit_code == 5
    assert f"no file at {address}/none.csv, or nobody answers" in missing.stderr
    (folder / "bad.csv").write_text("text,label\na\n", "utf-8")
    bad = mlops("data", "add", f"{address}/bad.csv")
    assert f"error: {address}/bad.csv, line 2: 1 field where the header has 2" in bad.stderr
    (folder / "films.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    packed = mlops("data", "add", f"{address}/films.csv.gz", "--name", "packed")
    assert f"hint: fetch it, then add the file: curl -LO {address}/films.csv.gz" in packed.stderr
    gone = mlops("data", "add", "http://127.0.0.1:9/films.csv", "--name", "gone")
    assert gone.exit_code == 5
    assert "no file at http://127.0.0.1:9/films.csv, or nobody answers" in gone.stderr
    assert everything(versioned / "data") == before


def test_settings_of_the_project_for_other_data_do_not_apply(project, mlops):
    project(
        {
            "configs/config.yaml": "defaults: [base, {override data: file}, _self_]\n"
            "data: {path: data/old.csv, text: old, label: older, delimiter: ';'}\n",
            "reviews.csv": ROWS,
        }
    )
    done = mlops("data", "add", "reviews.csv", json=True)
    assert done.exit_code == 0, done.stderr
    assert (done.json["kind"]["text"], done.json["kind"]["label"]) == ("review", "stars")
    assert "configs/config.yaml sets data.path" in done.stderr


def test_a_wide_encoding_is_pinned(project, mlops):
    (project / "latin.csv").write_text(ROWS.replace("film", "Gemälde"), "cp1252")
    done = mlops("data", "add", "latin.csv")
    assert "not UTF-8: read as cp1252, a guess" in done.stderr
    loaded = config.load(["data=latin"], root=project.path).data
    assert loaded.encoding == "cp1252"
    assert next(open_table(project / "data/latin.csv").rows())[1]["review"] == (
        "a rather fine Gemälde number 1"
    )
