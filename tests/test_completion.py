"""Shell completion, through the protocol of each shell and in a real bash."""

import os
import re
import shutil
import subprocess
import sys
import time

import pexpect
import pytest

from mlops_cli.project import packaged_configs

MODELS = sorted(path.stem for path in (packaged_configs() / "model").glob("*.yaml"))


@pytest.fixture
def answer(project, mlops, monkeypatch):
    """`answer("zsh", "mlops train model=be")`: the raw answer to a shell."""

    def ask(shell, line):
        monkeypatch.setenv("_MLOPS_COMPLETE", f"complete_{shell}")
        if shell == "bash":
            words = bash_words(line)
            monkeypatch.setenv("COMP_WORDS", "\n".join(words))
            monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        else:
            monkeypatch.delenv("COMP_WORDS", raising=False)
            monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
            monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        done = mlops()
        assert done.stderr == ""
        return done.stdout

    return ask


@pytest.fixture
def complete(answer):
    """`complete("zsh", "mlops train model=be")`: what the shell offers, without help."""
    return lambda shell, line: candidates(shell, answer(shell, line))


def bash_words(line):
    """A line as bash breaks it: at spaces, `=` and `:`, the break signs being words."""
    words = re.findall(r"[=:]+|[^\s=:]+", line)
    return [*words, ""] if line.endswith((" ",)) else words


def candidates(shell, text):
    if shell == "zsh":
        return re.findall(r'^(?:_arguments \'\*: :\(\()?"((?:[^"]|"")*)"', text, re.MULTILINE)
    return [line.partition("\t")[0] for line in text.splitlines() if line]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_group_completes_to_its_choices(complete, shell):
    assert complete(shell, "mlops train mod") == ["model=", *(f"model={name}" for name in MODELS)]
    assert complete(shell, "mlops train model=tin") == ["model=tiny"]


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_a_stage_of_the_pipeline_completes_in_the_first_place(complete, shell):
    assert complete(shell, "mlops repro ev") == ["evaluate"]
    assert complete(shell, "mlops repro evaluate t")[:1] == ["task="]


def test_a_target_completes_beside_the_commands_of_deploy(complete):
    assert complete("bash", "mlops deploy ") == [
        "to", "check", "status", "rollback", "destroy",
        "aws_lambda", "compose", "huggingface", "kubernetes",
    ]  # fmt: skip
    assert complete("bash", "mlops deploy comp") == ["compose"]
    assert complete("bash", "mlops deploy compose target.po")[0] == "target.port="
    assert "target.region=" in complete("zsh", "mlops deploy aws_lambda target.")
    assert "target.region=" in complete("fish", "mlops deploy check aws_lambda target.")


def test_bash_is_given_what_follows_the_last_break(complete):
    assert complete("bash", "mlops train mod")[0] == "model="
    assert complete("bash", "mlops train model=") == MODELS
    assert complete("bash", "mlops train model=tin") == ["tiny"]
    assert complete("bash", "mlops train model=bert trainer.schedule=co") == ["cosine", "constant"]
    assert complete("bash", "mlops train model=bert data=fi") == ["file"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_everything_that_can_be_typed_first(complete, shell):
    found = complete(shell, "mlops train ")
    assert {"model=", "data=", "experiment=", "lr=", "batch_size=", "epochs=", "seed="} <= set(
        found
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_keys_are_those_of_the_choice_that_was_typed(complete, shell):
    tiny = complete(shell, "mlops train model.")
    bert = complete(shell, "mlops train model=bert model.")
    assert "model.layers=" in tiny
    assert "model.checkpoint=" not in tiny
    assert "model.checkpoint=" in bert
    assert "model.layers=" not in bert


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_values_that_are_limited(complete, shell):
    assert complete(shell, "mlops train trainer.schedule=") == [
        "trainer.schedule=linear",
        "trainer.schedule=cosine",
        "trainer.schedule=constant",
    ]
    assert complete(shell, "mlops train trainer.group_by_length=f") == [
        "trainer.group_by_length=false"
    ]
    assert complete(shell, "mlops train tracker=wandb tracker.mode=o") == [
        "tracker.mode=online",
        "tracker.mode=offline",
    ]
    assert "gates.mcc=" in complete(shell, "mlops evaluate latest gates.m")


def test_a_lone_key_comes_with_a_value_so_that_no_space_follows(complete):
    assert complete("bash", "mlops train lr") == ["lr=", "lr=0.001"]
    assert complete("bash", "mlops train trainer.pat") == [
        "trainer.patience=",
        "trainer.patience=null",
    ]


def test_what_is_typed_already_is_not_offered_again(complete):
    found = complete("fish", "mlops train model=bert lr=1 ")
    assert "model=" not in found
    assert "lr=" not in found


def test_choices_of_the_project(project, complete):
    project(
        {
            "configs/model/mine.yaml": "# My net: mlops train model=mine\nmodule: scratch\n",
            "configs/experiment/try.yaml": "# @package _global_\n# A try: mlops train experiment=try\n",
        }
    )
    assert complete("fish", "mlops train model=min") == ["model=mine", "model=minilm"]
    assert complete("fish", "mlops train experiment=t") == ["experiment=try"]


def test_help_stands_beside_the_choices(project, answer):
    project({"configs/model/mine.yaml": "# My net (for [now]): mlops train model=mine\n"})
    assert '"model=mine":"My net for now"' in answer("zsh", "mlops train model=mine")
    assert "model=mine\tMy net for now" in answer("fish", "mlops train model=mine")


def test_files_and_folders(project, complete):
    project({"data/reviews.csv": "", "data/more/x.csv": "", "other.csv": ""})
    assert complete("bash", "mlops train data=file data.path=da") == [
        "data/",
        "data/more",
        "data/reviews.csv",
    ]
    assert complete("fish", "mlops train data=file data.path=data/r") == [
        "data.path=data/reviews.csv"
    ]


def test_runs_come_first_for_commands_that_take_one(project, complete):
    project({"runs/20250101-a/run.json": "{}", "runs/20250102-b/run.json": "{}"})
    found = complete("fish", "mlops evaluate ")
    assert found[:4] == ["latest", "best", "20250102-b", "20250101-a"]
    assert "model=" in found
    assert complete("bash", "mlops evaluate best:mc") == ["mcc"]
    assert complete("zsh", "mlops train --resume 2025") == ["20250102-b", "20250101-a"]
    assert "latest" not in complete("fish", "mlops evaluate latest ")


def test_the_names_of_config_commands(complete):
    assert complete("fish", "mlops config list mod") == [f"model/{name}" for name in MODELS]
    assert complete("fish", "mlops config eject trainer/d") == ["trainer/debug", "trainer/default"]
    assert {"data", "model"} <= set(complete("fish", "mlops config list "))


@pytest.mark.parametrize("text", ["a: [1\n", "defaults: [base]\nlrr: 1\n", "- 1\n", ""])
def test_a_broken_project_breaks_no_prompt(project, complete, text):
    project({"configs/config.yaml": text})
    complete("fish", "mlops train mod")
    complete("bash", "mlops train model.la")


def test_nothing_heavy_is_loaded(project):
    code = (
        "import os, sys\n"
        "os.environ.update(_MLOPS_COMPLETE='complete_bash', COMP_WORDS='mlops\\ntrain\\nmod',"
        " COMP_CWORD='2')\n"
        "sys.argv = ['mlops']\n"
        "from mlops_cli.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'hydra', 'omegaconf', 'pydantic', 'torch', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_real_bash_completes_as_one_types(project, mlops_script):
    bash = shutil.which("bash")
    assert bash is not None
    environment = dict(os.environ, PATH=f"{mlops_script.parent}:{os.environ['PATH']}", TERM="dumb")
    shell = pexpect.spawn(
        bash, ["--norc", "--noprofile", "-i"], env=environment, encoding="utf-8", timeout=30
    )
    shell.sendline(
        "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; PS1='READY''> '"
    )
    shell.expect_exact("READY> ")
    shell.sendline('eval "$(mlops --show-completion bash)"')
    shell.expect_exact("READY> ")
    for typed, completed in (
        ("mlops train mod", "el="),
        ("mlops train model=ti", "ny "),
        ("mlops train model=bert model.ch", "eckpoint="),
        ("mlops train trainer.sched", "ule="),
    ):
        shell.send(f"{typed}\t")
        shell.expect_exact(f"{typed}{completed}")
        # Nothing may follow: a space after `=` would end the word.
        time.sleep(0.2)
        shell.send("|\x15")
        shell.expect_exact("|")
        assert shell.before == ""
        shell.sendline("")
        shell.expect_exact("READY> ")
    shell.close(force=True)


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_names_of_runs_complete_in_columns_and_conditions(complete, shell):
    ends = {option: complete(shell, f"mlops runs list {option} trainer.weig") for option in (
        "--columns", "--sort", "--where")}  # fmt: skip
    assert all(found == ["trainer.weight_decay"] for found in ends.values())
    assert complete(shell, "mlops runs list --columns lr,git.com") == ["lr,git.commit"]
    assert "val/mcc" in complete(shell, "mlops runs list --columns val/")


@pytest.mark.parametrize("command", ["show", "compare", "rerun", "resume", "delete"])
def test_runs_complete_where_a_run_is_taken(project, complete, command):
    project({"runs/20260101-000000-tiny-0001/run.json": "{}"})
    offered = complete("zsh", f"mlops runs {command} ")
    assert offered == ["latest", "best", "20260101-000000-tiny-0001"]
