"""Files of earlier commits: from git, from DVC's cache, from its remote."""

import shutil
import subprocess

import pytest

from mlops_cli.errors import NotFoundError
from mlops_cli.versioning.revisions import find_commit, open_revision


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def history(tmp_path, monkeypatch):
    """Two commits: in both `plain.csv` is git's and `held.csv` DVC's."""
    from dvc.repo import Repo

    root = tmp_path / "history"
    (root / "data").mkdir(parents=True)
    monkeypatch.chdir(root)
    git(root, "init", "-q")
    repo = Repo.init(str(root))
    for number, tag in enumerate(("one", "two")):
        for name in ("plain.csv", "held.csv"):
            (root / "data" / name).write_text(f"text,label\nversion {tag},{number}\n")
        repo.add(str(root / "data" / "held.csv"))
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", tag)
        git(root, "tag", tag)
    yield root
    repo.close()


@pytest.mark.parametrize("name", ["plain.csv", "held.csv"])
def test_a_file_as_it_was(history, tmp_path, name):
    path = history / "data" / name
    found = open_revision(path, "one", tmp_path)
    assert found.suffix == ".csv"
    assert "version one,0" in found.read_text()
    assert "version two,1" in open_revision(path, "HEAD", tmp_path).read_text()
    # The working file is left alone, and need not be there any more.
    assert "version two" in path.read_text()
    path.unlink()
    assert "version one" in open_revision(path, "HEAD~1", tmp_path).read_text()


def test_what_the_cache_lacks_comes_from_the_remote(history, tmp_path):
    from dvc.repo import Repo

    with Repo(str(history)) as repo:
        with repo.config.edit("repo") as config:
            config["core"]["remote"] = "storage"
            config["remote"]["storage"] = {"url": str(tmp_path / "storage")}
        git(history, "commit", "-q", "-a", "-m", "remote")
        (history / "data" / "held.csv").write_text("text,label\nversion three,2\n")
        repo.add(str(history / "data" / "held.csv"))
        git(history, "commit", "-q", "-a", "-m", "three")
        repo.push(all_commits=True)
    shutil.rmtree(history / ".dvc" / "cache")
    path = history / "data" / "held.csv"
    assert "version two" in open_revision(path, "HEAD~1", tmp_path).read_text()
    shutil.rmtree(tmp_path / "storage")
    shutil.rmtree(history / ".dvc" / "cache", ignore_errors=True)
    with pytest.raises(NotFoundError, match="neither in the cache nor in the remote"):
        open_revision(path, "HEAD~1", tmp_path)


def test_what_is_not_there_is_told(history, tmp_path):
    with pytest.raises(NotFoundError, match="'twoo'") as told:
        open_revision(history / "data" / "held.csv", "twoo", tmp_path)
    assert told.value.hint == "did you mean two?"
    with pytest.raises(NotFoundError, match=r"none\.csv is not in revision one"):
        open_revision(history / "data" / "none.csv", "one", tmp_path)
    with pytest.raises(NotFoundError, match="no git repository"):
        open_revision(tmp_path / "t.csv", "HEAD", tmp_path)


def test_only_commits_are_revisions(history):
    assert find_commit(history, "one") == find_commit(history / "data" / "gone.csv", "HEAD~1")
    assert find_commit(history, "HEAD:data") is None
    assert find_commit(history, "--all") is None
    assert find_commit(history, "nothing") is None
