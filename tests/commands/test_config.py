"""`mlops config`: show, list, check, eject, as a user types them."""

import json

import pytest
import yaml

from mlops_cli import config
from mlops_cli.project import packaged_configs


def test_show_prints_yaml_that_can_be_read_back(project, mlops):
    done = mlops("config", "show", "model=bert", "lr=3e-5", "gates.mcc=>= 0.5")
    assert done.exit_code == 0
    loaded = config.load(["model=bert", "lr=3e-5", "gates.mcc=>= 0.5"], root=project.path)
    assert config.from_yaml(done.stdout) == loaded
    assert yaml.safe_load(done.stdout)["model"]["checkpoint"] == "google-bert/bert-base-uncased"


def test_show_as_json(project, mlops):
    done = mlops("config", "show", "epochs=7", json=True)
    assert (done.json["epochs"], done.json["model"]["name"]) == (7, "tiny")


def test_show_tells_where_values_come_from(project, mlops):
    project({"configs/config.yaml": "defaults: [base, _self_]\nseed: 3\n"})
    done = mlops("config", "show", "lr=1", "--source")
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "configs/config.yaml:2" in rows["seed"]
    assert "command line" in rows["lr"]
    assert "configs/base.yaml" in rows["epochs"]
    assert "${model.epochs}" in done.stdout
    values = {
        row["key"]: row for row in mlops("config", "show", "--source", json=True).json["values"]
    }
    assert values["seed"]["origin"] == "configs/config.yaml:2"
    assert values["seed"]["value"] == 3


@pytest.mark.parametrize("command", ["show", "check", "list"])
def test_a_mistake_ends_with_3_one_line_and_a_hint(project, mlops, command):
    word = "modle" if command == "list" else "lrr=3e-5"
    done = mlops("config", command, word)
    assert done.exit_code == 3
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: there is no ")
    assert hint.startswith("hint: did you mean ")


def test_list_shows_groups_choices_and_shortcuts(project, mlops):
    project(
        {
            "configs/config.yaml": "defaults: [base, {override model: mine}, _self_]\n",
            "configs/model/mine.yaml": "# My own net: mlops train model=mine\nmodule: scratch\n",
            "configs/model/bert.yaml": "module: pretrained\ncheckpoint: x\n",
        }
    )
    done = mlops("config", "list", json=True).json
    groups = {group["name"]: group for group in done["groups"]}
    assert set(groups) >= {"data", "task", "model", "trainer", "tracker", "gates", "export"}
    assert "smoke" in {choice["name"] for choice in groups["experiment"]["choices"]}
    assert [key["key"] for key in done["shortcuts"]] == ["lr", "batch_size", "epochs", "seed"]

    model = mlops("config", "list", "model", json=True).json
    choices = {choice["name"]: choice for choice in model["choices"]}
    assert [name for name, choice in choices.items() if choice["selected"]] == ["mine"]
    assert choices["mine"]["origin"] == "project"
    assert choices["mine"]["description"] == "My own net"
    assert choices["bert"]["origin"] == "project, over packaged"
    assert choices["roberta"]["origin"] == "packaged"

    shown = mlops("config", "list", "model").stdout
    assert "* mine" in shown
    assert "My own net" in shown
    overview = mlops("config", "list").stdout
    assert "mine" in overview
    assert "Peak learning rate." in overview


def test_list_shows_the_keys_of_a_choice(project, mlops):
    keys = {
        key["key"]: key for key in mlops("config", "list", "model/tiny", json=True).json["keys"]
    }
    assert keys["model.layers"]["value"] == 2
    assert keys["model.layers"]["type"] == "whole number"
    assert keys["model.dropout"]["allowed"] == ">= 0 and < 1"
    assert keys["model.heads"]["description"] == "Attention heads."
    assert "model.path" not in keys
    bert = mlops("config", "list", "model=bert").stdout
    assert "model.checkpoint" in bert
    assert "google-bert/bert-base-uncased" in bert


def test_list_shows_what_an_experiment_sets(project, mlops):
    keys = mlops("config", "list", "experiment/smoke", json=True).json["keys"]
    assert {"key": "data.limit", "value": 200}.items() <= {key["key"]: key for key in keys}[
        "data.limit"
    ].items()


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("modle", "there is no group 'modle'", "did you mean model?"),
        ("model/brt", "model has no choice 'brt'", "did you mean model/bert?"),
        ("zzz/bert", "there is no group 'zzz'", "groups: data, task, model, trainer"),
    ],
)
def test_list_of_what_is_not_there(project, mlops, name, message, hint):
    done = mlops("config", "list", name, json=True)
    error = json.loads(done.stderr)
    assert (done.exit_code, error["error"], error["exit_code"]) == (3, message, 3)
    assert error["hint"].startswith(hint)


def test_check_passes_a_right_project(project, mlops):
    done = mlops("config", "check", "model=bert", json=True)
    assert done.exit_code == 0
    assert done.json["problems"] == []
    assert [path.endswith("configs/config.yaml") for path in done.json["files"]] == [True]
    assert "mlops train model=bert" in mlops("config", "check", "model=bert").stdout


def test_check_reports_every_problem_of_every_file(project, mlops):
    project(
        {
            "configs/config.yaml": "defaults: [base, _self_]\nlrr: 1\nepochs: none\n",
            "configs/model/big/mine.yaml": "module: scratch\nlayer: 2\nheads: 0\n",
            "configs/experiment/try.yaml": "# @package _global_\nseed: -1\n",
            "configs/modle/x.yaml": "a: 1\n",
            "configs/data/x.yml": "a: 1\n",
            "configs/trainer/broken.yaml": "a: [1\n",
            "configs/stray.yaml": "a: 1\n",
        }
    )
    done = mlops("config", "check", json=True)
    assert done.exit_code == 3
    assert [problem["error"] for problem in done.json["problems"]] == [
        "configs/config.yaml:2: there is no key 'lrr'",
        "configs/config.yaml:3: epochs must be a whole number, not 'none'",
        "configs/data/x.yml is not read: the ending is .yml",
        "configs/experiment/try.yaml:2: seed must be at least 0, not -1",
        "configs/model/big/mine.yaml:2: model.layer is not a key of model=big/mine",
        "configs/model/big/mine.yaml:3: model.heads must be at least 1, not 0",
        "configs/modle/x.yaml is not read: 'modle' is not a group",
        "configs/stray.yaml is not read: no defaults list names it",
        "configs/trainer/broken.yaml:1: did not find expected ',' or ']'",
    ]
    text = mlops("config", "check")
    assert text.stdout.count("hint: ") == 9
    assert "9 problems in the config" in text.stderr


def test_check_composes_each_experiment(project, mlops):
    project(
        {
            "configs/experiment/try.yaml": "# @package _global_\nmodel:\n  hidden_size: 130\n",
            "configs/experiment/fine.yaml": "# @package _global_\nseed: 3\n",
        }
    )
    done = mlops("config", "check")
    assert done.exit_code == 3
    assert "experiment=try: model.hidden_size must be a multiple of model.heads" in done.stderr


def test_check_tells_all_wrong_words(project, mlops):
    done = mlops("config", "check", "lrr=1", "epochs=0", json=True)
    first, second = done.json["problems"]
    assert first["hint"] == "did you mean lr=1?"
    assert second["error"] == "epochs must be at least 1, not 0"


def test_eject_gives_the_project_its_own_copy(project, mlops):
    done = mlops("config", "eject", "model/bert", json=True)
    packaged = (packaged_configs() / "model/bert.yaml").read_text("utf-8")
    assert done.exit_code == 0
    assert (project / "configs/model/bert.yaml").read_text("utf-8") == packaged

    again = mlops("config", "eject", "model/bert")
    assert again.exit_code == 3
    assert "configs/model/bert.yaml is there already" in again.stderr
    assert "--force" in again.stderr

    project({"configs/model/bert.yaml": "module: scratch\n"})
    assert mlops("config", "eject", "model/bert", "--force", "--quiet").stdout == ""
    assert (project / "configs/model/bert.yaml").read_text("utf-8") == packaged
    assert config.load(["model=bert"], root=project.path).model.name == "bert"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("model/brt", "model/bert"), ("bert", "model/bert"), ("modle/bert", "did you mean model?")],
)
def test_eject_suggests_what_was_meant(project, mlops, name, hint):
    done = mlops("config", "eject", name)
    assert done.exit_code == 3
    assert hint in done.stderr


def test_eject_needs_a_project(empty_folder, mlops):
    done = mlops("config", "eject", "model/bert")
    assert done.exit_code == 3
    assert "mlops init" in done.stderr
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("command", ["show", "list", "check", "eject"])
def test_help_shows_examples(mlops, command):
    done = mlops("config", command, "--help")
    assert done.exit_code == 0
    assert f"mlops config {command}" in done.stdout
    assert "Examples:" in done.stdout


def test_a_choice_may_look_like_a_number(project, mlops):
    project({"configs/data/2024.yaml": "module: file\npath: reviews.csv\n"})
    done = mlops("config", "show", "data=2024", json=True)
    assert done.exit_code == 0, done.stderr
