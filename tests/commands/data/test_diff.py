"""`mlops data diff`: two files, or a file and what it was in an earlier commit."""

import subprocess

import pytest

CONFIG = """
defaults:
  - base
  - override data: file
  - _self_
data:
  path: data/reviews.csv
"""
OLD = "id,text,label\n" + "".join(f"{n},text {n},{'ab'[n % 2]}\n" for n in range(40))
NEW = OLD.replace("3,text 3,b", "3,text 3,a").replace("5,text 5,b", "5,other,b") + "99,new,a\n"


@pytest.fixture
def history(project):
    project({"configs/config.yaml": CONFIG, "data/reviews.csv": OLD})
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"], ["tag", "v1"]):
        subprocess.run(["git", *words], check=True, capture_output=True)
    return project({"data/reviews.csv": NEW})


@pytest.mark.parametrize(
    "words",
    [("v1",), ("data/reviews.csv",), ("data/reviews.csv@v1", "data/reviews.csv")],
)
def test_a_revision_against_what_is_there_now(history, mlops, words):
    done = mlops("data", "diff", *words, json=True)
    assert done.exit_code == 0, done.stderr
    rows = done.json["rows"]
    assert (rows["before"], rows["after"], rows["unchanged"]) == (40, 41, 38)
    assert (rows["added"], rows["removed"], rows["relabelled"]) == (2, 1, 1)
    assert done.json["transitions"] == [{"before": "b", "after": "a", "rows": 1}]
    assert [part["rows"] for part in done.json["statistics"]] == [40, 41]


@pytest.mark.parametrize("words", [("v1",), ("data/reviews.csv@v1", "data/reviews.csv")])
def test_a_repository_that_git_refuses_is_not_taken_for_none(history, mlops, monkeypatch, words):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    done = mlops("data", "diff", *words)
    assert done.exit_code == 5
    assert "error: git does not work in " in done.stderr
    assert "dubious ownership" in done.stderr
    assert f"hint: git config --global --add safe.directory {history}" in done.stderr


def test_what_a_person_reads(history, mlops):
    done = mlops("data", "diff", "HEAD", "--key", "id", "--html", "diff.html")
    assert done.exit_code == 0, done.stderr
    headline = "HEAD → data/reviews.csv: 1 added, 2 changed, 1 relabelled, 38 rows unchanged"
    assert headline in done.stdout
    assert "text 5 → other" in done.stdout
    assert "+ id=99, text=new, label=a" in done.stdout
    assert "text 5 → other" in (history / "diff.html").read_text("utf-8")


def test_without_the_statistics(history, mlops):
    done = mlops("data", "diff", "v1", "--no-stats", "--html", "rows.html")
    assert done.exit_code == 0, done.stderr
    assert "Some rows" in done.stdout
    assert "Texts" not in done.stdout
    assert "Differences" in (history / "rows.html").read_text("utf-8")
    assert mlops("data", "diff", "v1", "--no-stats", json=True).json["statistics"] == []


def test_fail_on_change(history, mlops):
    done = mlops("data", "diff", "v1", "--fail-on-change")
    assert done.exit_code == 6
    assert "data/reviews.csv@v1 and data/reviews.csv differ" in done.stderr
    same = mlops("data", "diff", "v1", "HEAD", "--fail-on-change")
    assert same.exit_code == 0
    assert "No difference: 40 rows" in same.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "compares two versions, not 0"),
        (("a.csv", "b.csv", "c.csv"), 2, "compares two versions, not 3"),
        (("nothing",), 5, "no file and no git revision is called 'nothing'"),
        (("data/reviews.csv@nothing",), 5, "git knows no revision 'nothing'"),
        (("v1", "--key", "number"), 2, "no column 'number' in both versions"),
        (("v1", "data=quickstart"), 2, "v1 is a revision of which file?"),
        (("v1", "data.pth=x"), 3, "data.pth"),
    ],
)
def test_mistakes_are_told(history, mlops, words, code, said):
    done = mlops("data", "diff", *words)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr


def test_what_is_wrong_with_an_earlier_version_is_said_of_that_version(history, mlops):
    broken = history / "data/broken.csv"
    broken.write_bytes(b"text,label\nfine,pos\n\x00\x00\x01,neg\n")
    subprocess.run(["git", "add", "data/broken.csv"], check=True)
    subprocess.run(["git", "commit", "-q", "-m", "Broken"], check=True)
    broken.write_text("text,label\nfine,pos\n")
    for words in (
        ("diff", "data/broken.csv@HEAD", "data/broken.csv"),
        ("stats", "data/broken.csv@HEAD"),
    ):
        done = mlops("data", *words)
        assert done.exit_code == 5
        assert done.stderr.startswith("error: data/broken.csv@HEAD"), done.stderr
        assert "/tmp" not in done.stderr
