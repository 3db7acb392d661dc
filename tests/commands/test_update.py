"""`mlops update` from the command line: what it says and how it exits."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_cli.project import packaged_template
from mlops_cli.reporting import SilentReporter
from mlops_cli.scaffold import init
from mlops_cli.schemas.scaffold import Wishes

Mlops = Callable[..., Any]


def git(*words: str) -> None:
    subprocess.run(["git", *words], capture_output=True, check=True)


@pytest.fixture
def old_project(empty_folder: Path) -> Path:
    """A project, as the current folder, from a template older than the packaged one."""
    older = empty_folder / "older"
    shutil.copytree(packaged_template(), older)
    (older / "requirements.txt.jinja").write_text("an-older-mlops\n", "utf-8")
    (older / "configs/experiment/longer.yaml").unlink()
    init.run(empty_folder / "p", Wishes(), SilentReporter(), dvc=False, source=older)
    os.chdir(empty_folder / "p")
    return empty_folder / "p"


def test_a_project_of_today_has_nothing_to_do(mlops: Mlops, empty_folder: Path) -> None:
    mlops("init", "--no-dvc")

    done = mlops("update")

    assert done.exit_code == 0
    assert "Nothing to do" in done.stdout


def test_an_old_project_gets_what_is_new(mlops: Mlops, old_project: Path) -> None:
    done = mlops("update")

    assert done.exit_code == 0
    assert "new      configs/experiment/longer.yaml" in done.stdout
    assert "changed  requirements.txt" in done.stdout
    assert "next: git diff" in done.stdout
    assert "mlops-cli[train,data,package]" in (old_project / "requirements.txt").read_text("utf-8")


def test_check_tells_with_its_exit_code(mlops: Mlops, old_project: Path) -> None:
    done = mlops("update", "--check", json=True)

    assert done.exit_code == 1
    assert done.json["written"] is False
    assert done.json["added"] == ["configs/experiment/longer.yaml"]
    assert "mlops update" in done.stderr
    assert (old_project / "requirements.txt").read_text("utf-8") == "an-older-mlops\n"

    mlops("update")
    git("add", "--all")
    git("commit", "-qm", "Update")
    assert mlops("update", "--check").exit_code == 0


def test_conflicts_are_marked_listed_and_exit_1(mlops: Mlops, old_project: Path) -> None:
    (old_project / "requirements.txt").write_text("mine\n", "utf-8")
    git("commit", "-qam", "Pin")

    done = mlops("update", json=True)

    assert done.exit_code == 1
    assert done.json["conflicts"] == ["requirements.txt"]
    assert "conflicts in requirements.txt" in done.stderr
    assert "<<<<<<< yours" in (old_project / "requirements.txt").read_text("utf-8")


def test_uncommitted_work_is_not_mixed_in(mlops: Mlops, old_project: Path) -> None:
    (old_project / "README.md").write_text("mine\n", "utf-8")

    done = mlops("update")

    assert done.exit_code == 2
    assert "uncommitted changes in README.md" in done.stderr
    assert "git stash" in done.stderr


def test_outside_a_project_it_says_so(mlops: Mlops, empty_folder: Path) -> None:
    done = mlops("update")

    assert done.exit_code == 5
    assert "is no project" in done.stderr


@pytest.mark.parametrize("answers", ["{", "- a list", "\0"])
def test_damaged_answers_are_told_in_one_line(
    mlops: Mlops, old_project: Path, answers: str
) -> None:
    (old_project / ".copier-answers.yml").write_text(answers, "utf-8")
    git("commit", "-qam", "Damage")

    done = mlops("update")

    assert done.exit_code == 5
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: .copier-answers.yml ")
    assert hint.startswith("hint: bring back the one from history: git log")
