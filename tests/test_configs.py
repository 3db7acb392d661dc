"""Every shipped YAML file composes, and says what it is for."""

import re
import shlex
from itertools import takewhile

import pytest
import yaml

from mlops_cli import config
from mlops_cli.config.sweeps import split
from mlops_cli.project import packaged_configs
from mlops_cli.schemas.task import OWN

TREE = packaged_configs()
FILES = sorted(path.relative_to(TREE).as_posix() for path in TREE.rglob("*.yaml"))
CHOICES = [name for name in FILES if "/" in name]


def test_no_group_is_left_out():
    groups = {name.split("/")[0] for name in CHOICES}
    assert groups >= {"data", "task", "model", "trainer", "tracker", "gates", "export"}
    assert not list(TREE.rglob("*.yml"))


def test_what_each_task_is_made_for_is_what_its_file_says():
    files = {path.stem: yaml.safe_load(path.read_text()) for path in TREE.glob("task/*.yaml")}
    assert {name: (one["inputs"], one["targets"]) for name, one in files.items()} == OWN


COMMAND = re.compile(
    r":\s+(mlops (?:train|tune|evaluate|export|serve|package|config|data|models|deploy) ?.*)"
)


def command_in(name):
    """The words of the command that the comment at the top of a file names."""
    lines = (TREE / name).read_text("utf-8").splitlines()
    header = takewhile(lambda line: line.startswith("#"), lines)
    found = COMMAND.search("\n".join(line[1:] for line in header))
    assert found, f"{name} does not open with what it is and a command that uses it"
    return shlex.split(found[1])


@pytest.mark.parametrize("name", CHOICES)
def test_each_choice_composes(project, name):
    group, _, choice = name.removesuffix(".yaml").partition("/")
    words, _ = split([word for word in command_in(name) if "=" in word])
    loaded = config.load(sorted({*words, f"{group}={choice}"}), root=project.path)
    if group in ("data", "model", "tracker"):
        assert getattr(loaded, group).name == choice


def test_the_default_tree_composes_without_a_project(empty_folder):
    loaded = config.load([], root=empty_folder)
    assert (loaded.data.name, loaded.model.name) == ("quickstart", "tiny")


@pytest.mark.parametrize("name", FILES)
def test_each_file_opens_with_a_command_that_is_there(name, mlops):
    words = [word for word in command_in(name)[1:] if "=" not in word and word.isalpha()]
    assert mlops(*words, "--help").exit_code == 0


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_a_class_to_make(name):
    assert "_target_" not in (TREE / name).read_text("utf-8")
