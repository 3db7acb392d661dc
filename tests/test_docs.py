"""The documentation is true: README's commands run, its tree and links exist, references are new."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from own.shown import blocks, commands, options_are_there, pattern, steps

from mlops_cli.cli import application
from mlops_cli.errors import MlopsError

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text("utf-8")
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_it_shows(tmp_path):
    here = tmp_path
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
    }
    for step in steps(README):
        if step.command.startswith("cd "):
            here = here / step.command[3:]
            continue
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=here,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        told = f"$ {step.command}\n{done.stdout}"
        assert done.returncode == (3 if "error:" in "".join(step.shown) else 0), told
        for line in step.shown:
            assert pattern(line).search(done.stdout), f"not shown: {line!r}\n{told}"


def reviews(first, last):
    """Rows whose label a bag of words can tell, as CSV."""
    kinds = (("good", "a fine and happy find"), ("bad", "a sad and broken thing"))
    lines = ["id,review,stars"]
    for number in range(first, last):
        label, words = kinds[number % 2]
        lines.append(f"{number},{words} number {number * 7919 % 1000},{label}")
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_the_commands_of_the_readme_for_files_of_ones_own_run(tmp_path, mlops_script):
    lines = [
        line for text in blocks(README, "sh") for line in text.splitlines() if "mlops data" in line
    ]
    assert len(lines) == 3
    (tmp_path / "reviews.csv").write_text(reviews(0, 300))
    words = ["init", "shop", "--yes", "--quiet", "--data", "reviews.csv"]
    subprocess.run([mlops_script, *words], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "shop/data/last-week.csv").write_text(reviews(300, 500))
    environment = os.environ | {"PATH": f"{mlops_script.parent}{os.pathsep}{os.environ['PATH']}"}
    for line in lines:
        command = ["bash", "-c", line]
        done = subprocess.run(
            command, cwd=tmp_path / "shop", env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"


def trainings_of_the_readme():
    """The settings of each training that a shell block shows."""
    return [one[1:] for one in commands(README) if one[0] == "train" and "-m" not in one]


@pytest.mark.parametrize("words", trainings_of_the_readme(), ids=" ".join)
def test_the_trainings_of_the_readme_can_be_typed(project, mlops, words):
    done = mlops("config", "show", *words)
    assert done.exit_code == 0, done.stderr


def settings_of_the_readme():
    """The first cell of each row of the table of settings, word by word as a shell takes it."""
    table = README.partition("| typed | means |\n|---|---|\n")[2].partition("\n\n")[0]
    for row in table.splitlines():
        for typed in re.findall("`([^`]+)`", row.split("|")[1]):
            yield shlex.split(typed)


@pytest.mark.parametrize("words", list(settings_of_the_readme()), ids=" ".join)
def test_the_settings_of_the_readme_can_be_typed(project, mlops, words):
    done = mlops("config", "show", *words)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize("words", [one for one in commands(README) if one[1:]], ids=" ".join)
def test_the_options_of_the_readme_are_there(words, mlops):
    options_are_there(words, mlops)


@pytest.mark.slow
def test_the_generated_references_are_up_to_date():
    script = REPOSITORY / "scripts" / "reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (REPOSITORY / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert target.startswith("https://") or (REPOSITORY / target).exists(), target


def tree_names():
    """The first word of each line of the README's tree, with its folder."""
    tree = next(text for text in blocks(README, "text") if "mlops_cli/" in text)
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
            yield name
        else:
            yield folder + name


def test_the_tree_of_the_readme_is_the_tree():
    told = set(tree_names())
    assert not {name for name in told if not (REPOSITORY / name).exists()}
    there = {
        f"mlops_cli/{path.name}{'/' if path.is_dir() else ''}"
        for path in (REPOSITORY / "mlops_cli").iterdir()
        if not path.name.startswith(("_", "py.typed"))
    }
    assert not there - told


def test_every_command_and_exit_code_is_in_the_readme():
    app = application()
    for command in [*app.registered_commands, *app.registered_groups]:
        assert f"| `mlops {command.name}" in README
    kinds = [MlopsError, *MlopsError.__subclasses__()]
    for code in {kind.exit_code for kind in kinds} | {0, 141}:
        assert f"| {code} |" in README
