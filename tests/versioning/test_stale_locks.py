"""Locks of DVC's that a process left which was killed."""

import json
import os
import subprocess
import sys
import time

import pytest
from dvc.exceptions import DvcException

from mlops_cli.errors import MlopsError
from mlops_cli.versioning.repository import opened


def written(root, pid):
    """The file of locks in which a process writes what DVC would write, too."""
    (root / "mine.csv").write_text("text,label\n", "utf-8")
    file, name = root / ".dvc" / "tmp" / "rwlock", str(root / "mine.csv")
    file.parent.mkdir(exist_ok=True)
    holder = {"pid": pid, "cmd": "mlops repro"}
    file.write_text(json.dumps({"write": {name: holder}, "read": {}}), "utf-8")
    return file


def add(root):
    with opened(root, locked=False) as repo:
        repo.add(str(root / "mine.csv"), no_commit=True)


@pytest.fixture
def ended(root):
    """The number of a process that was killed, and that nobody has waited for."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process.kill()
        time.sleep(0.5)
        yield process.pid


def test_a_killed_process_holds_nothing(root, ended):
    file = written(root, ended)
    from dvc.repo import Repo

    with Repo(str(root)) as repo, pytest.raises(DvcException, match="busy"):
        repo.add(str(root / "mine.csv"), no_commit=True)
    add(root)
    assert str(ended) not in file.read_text("utf-8")


def test_another_process_of_its_number_holds_nothing(root):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        file = written(root, process.pid)
        os.utime(file, (time.time() - 60, time.time() - 60))
        add(root)
        process.kill()


def test_a_file_that_was_half_written_is_none(root):
    written(root, 1).write_text('{"write": {"/a', "utf-8")
    add(root)


def test_a_process_that_runs_holds_what_it_has(root):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        written(root, process.pid)
        time.sleep(1.1)
        os.utime(root / ".dvc" / "tmp" / "rwlock")
        with pytest.raises(MlopsError, match="another DVC command is at work"):
            add(root)
        process.kill()
