"""`mlops init` from the command line: options, questions, refusals, what it says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

Mlops = Callable[..., Any]
REVIEWS = "id;review;stars\n" + "".join(
    f"{n};a rather long review number {n};{'good' if n % 2 else 'bad'}\n" for n in range(40)
)


def config(folder: Path) -> dict[str, Any]:
    text = (folder / "configs/config.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def data_config(project: Path) -> Any:
    """The settings of the data that `r.csv` became."""
    return yaml.safe_load((project / "configs/data/r.yaml").read_text("utf-8"))


def test_it_says_what_was_made_and_what_comes_next(mlops: Mlops, empty_folder: Path) -> None:
    done = mlops("init", "reviews")

    assert done.exit_code == 0
    assert "Made reviews in reviews" in done.stdout
    assert "next: cd reviews && mlops train" in done.stdout
    assert (empty_folder / "reviews/.git").is_dir()
    assert (empty_folder / "reviews/.dvc/config").is_file()


def test_json_is_one_object(mlops: Mlops, empty_folder: Path) -> None:
    done = mlops("init", "reviews", "--no-dvc", json=True)

    assert done.exit_code == 0
    assert done.json["path"] == str(empty_folder / "reviews")
    assert done.json["git"] == "new"
    assert done.json["answers"]["model"] == "tiny"
    assert len(done.json["commit"]) == 40


def test_the_current_folder_is_the_default(mlops: Mlops, empty_folder: Path) -> None:
    done = mlops("init", "--no-dvc", "--no-git", "--yes")

    assert done.exit_code == 0
    assert "next: mlops train" in done.stdout
    assert (empty_folder / "configs/config.yaml").is_file()


def test_it_looks_at_the_data_and_says_what_it_guessed(mlops: Mlops, empty_folder: Path) -> None:
    (empty_folder / "r.csv").write_text(REVIEWS, "utf-8")

    done = mlops("init", "p", "--data", "r.csv", "--no-dvc")

    assert "text column 'review', label column 'stars' (guessed: text and label)" in done.stderr
    assert "2 classes in 40 rows" in done.stderr
    assert data_config(empty_folder / "p") == {
        "module": "file",
        "path": "data/r.csv",
        "text": "review",
        "label": "stars",
    }


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        (["--model", "brt"], 3, ("no model 'brt'", "did you mean --model bert?")),
        (["--tracker", "wnadb"], 3, ("no tracker 'wnadb'", "did you mean --tracker wandb?")),
        (["--task", "text-classification"], 3, ("no task", "--task text_classification")),
        (["--name", "a b"], 2, ("'a b' can't name a project", "such as a-b")),
        (["--text", "review"], 2, ("name columns of a file", "--data FILE")),
        (["--data", "r.cvs"], 5, ("no file r.cvs", "r.csv")),
        (["--data", "r.csv", "--label", "star"], 5, ("no column 'star'", "--label stars")),
    ],
)
def test_a_wrong_choice_is_one_line_and_leaves_nothing(
    mlops: Mlops,
    empty_folder: Path,
    words: list[str],
    exit_code: int,
    told: tuple[str, str],
) -> None:
    (empty_folder / "r.csv").write_text(REVIEWS, "utf-8")

    done = mlops("init", "p", *words, json=True)

    assert done.exit_code == exit_code
    problem = json.loads(done.stderr.splitlines()[-1])
    assert told[0] in problem["error"]
    assert told[1] in problem["hint"]
    assert [path.name for path in empty_folder.iterdir()] == ["r.csv"]


def test_a_folder_with_something_in_it_is_refused(mlops: Mlops, empty_folder: Path) -> None:
    (empty_folder / "notes.txt").write_text("mine", "utf-8")

    done = mlops("init")

    assert done.exit_code == 2
    assert "is not empty: notes.txt" in done.stderr


def test_the_same_words_find_it_done(mlops: Mlops, empty_folder: Path) -> None:
    (empty_folder / "r.csv").write_text("text,label\na,x\nb,y\n", "utf-8")
    words = ("init", "p", "--data", "r.csv", "--text", "text", "--label", "label", "--no-dvc")
    first = mlops(*words, json=True)
    (empty_folder / "p" / "configs" / "config.yaml").write_text("mine\n", "utf-8")

    done = mlops(*words, json=True)

    assert done.exit_code == 0, done.stderr
    assert (first.json["changed"], done.json["changed"]) == (True, False)
    assert done.json["answers"] == first.json["answers"]
    assert (empty_folder / "p" / "configs" / "config.yaml").read_text("utf-8") == "mine\n"
    assert mlops("init", "p", "--data", "r.csv", "--no-dvc", "--model", "bert").exit_code == 2
    # Another file of the same name is not in the project.
    (empty_folder / "r.csv").write_text("text,label\nc,x\nd,y\n", "utf-8")
    assert mlops(*words).exit_code == 2


def test_a_project_is_sent_to_update(mlops: Mlops, empty_folder: Path) -> None:
    mlops("init", "p", "--no-dvc")

    done = mlops("init", "p")

    assert done.exit_code == 2
    assert "already is a project" in done.stderr
    assert "mlops update" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux has a folder nobody may write")
def test_a_folder_that_can_not_be_written_is_refused(mlops: Mlops) -> None:
    done = mlops("init", "/proc/p")

    assert done.exit_code == 2
    assert "/proc" in done.stderr


def test_without_git_it_says_how_to_go_on(
    mlops: Mlops, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(empty_folder))

    done = mlops("init", "p")

    assert done.exit_code == 4
    assert "hint: install git, or go without: mlops init --no-git" in done.stderr
    assert mlops("init", "p", "--no-git", "--no-dvc").exit_code == 0


def asked(folder: Path, *words: str) -> "pexpect.spawn[str]":
    """`mlops init` on a terminal, as a person sees it."""
    arguments = ["-m", "mlops_cli", "init", *words]
    return pexpect.spawn(sys.executable, arguments, cwd=str(folder), encoding="utf-8", timeout=60)


def test_a_person_is_asked_and_may_be_wrong_once(empty_folder: Path) -> None:
    (empty_folder / "r.csv").write_text(REVIEWS, "utf-8")
    terminal = asked(empty_folder, "p", "--no-dvc")

    terminal.expect(r"Project name \[p\]: ")
    terminal.sendline("stars")
    terminal.expect("Data file .*: ")
    terminal.sendline("r.cvs")
    terminal.expect("no file r.cvs")
    terminal.expect("Data file .*: ")
    terminal.sendline("r.csv")
    terminal.expect("2 classes in 40 rows")
    terminal.expect(r"Text column \[review\]: ")
    terminal.sendline("")
    terminal.expect(r"Label column \[stars\]: ")
    terminal.sendline("star")
    terminal.expect("no column 'star'")
    terminal.expect(r"Label column \[stars\]: ")
    terminal.sendline("")
    terminal.expect(r"Task \([^)]*\) \[text_classification\]: ")
    terminal.sendline("")
    terminal.expect(r"Model \(.*\) \[tiny\]: ")
    terminal.sendline("brt")
    terminal.expect("did you mean --model bert")
    terminal.expect(r"Model \(.*\) \[tiny\]: ")
    terminal.sendline("bert")
    terminal.expect(r"Tracker \(.*\) \[none\]: ")
    terminal.sendline("")
    terminal.expect("mlops train")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
    made = config(empty_folder / "p")
    assert data_config(empty_folder / "p")["label"] == "stars"
    assert {"override model": "bert"} in made["defaults"]
    recorded = (empty_folder / "p/.copier-answers.yml").read_text("utf-8")
    assert "name: stars" in recorded


def test_who_leaves_at_a_question_finds_nothing_made(empty_folder: Path) -> None:
    terminal = asked(empty_folder, "p")

    terminal.expect("Data file|Project name")
    terminal.sendintr()
    terminal.expect("nothing was made")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 130
    assert not any(empty_folder.iterdir())


def test_wandb_is_the_default_where_its_key_is(
    mlops: Mlops, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)

    done = mlops("init", "p", "--no-dvc", json=True)

    assert done.json["answers"]["tracker"] == "wandb"


def test_a_new_config_composes_with_every_choice(mlops: Mlops, empty_folder: Path) -> None:
    (empty_folder / "r.csv").write_text(REVIEWS, "utf-8")
    words = ["--data", "r.csv", "--model", "bert", "--tracker", "wandb", "--no-dvc", "--no-git"]
    assert mlops("init", "p", *words).exit_code == 0
    os.chdir(empty_folder / "p")

    assert mlops("config", "check").exit_code == 0
    assert mlops("config", "check", "experiment=longer").exit_code == 0


def test_the_shell_completes_choices(empty_folder: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("mlops")],
        env=os.environ
        | {
            "_MLOPS_COMPLETE": "complete_zsh",
            "_TYPER_COMPLETE_ARGS": "mlops init p --tracker wan",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert "wandb" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("data", ["quickstart", "file"])
def test_the_tests_of_a_new_project_pass(mlops: Mlops, empty_folder: Path, data: str) -> None:
    words = []
    if data == "file":
        rows = "".join(
            f"{word} words in row {n} are {word},{word}\n"
            for n in range(150)
            for word in ("good", "bad", "so-so")
        )
        (empty_folder / "rows.csv").write_text("text,label\n" + rows, "utf-8")
        words = ["--data", "rows.csv"]
    assert mlops("init", "p", *words).exit_code == 0

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=empty_folder / "p",
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    assert done.returncode == 0, done.stdout
    assert not (empty_folder / "p/runs").exists()


def test_brackets_in_a_file_name_are_shown_as_they_are(mlops: Mlops, empty_folder: Path) -> None:
    (empty_folder / "a[1].csv").write_text("text,label\ngood film,pos\nbad film,neg\n", "utf-8")
    done = mlops("init", "new", "--yes", "--no-git", "--no-dvc", "--data", "a[1].csv")
    assert done.exit_code == 0
    assert "  data     data/a[1].csv\n" in done.stdout
