"""`mlops tune`: real trainings of the smallest model."""

import json
import os
import re
import signal
import subprocess
import time

import pexpect
import pytest
import yaml

pytestmark = pytest.mark.slow

SMALL = ("data.limit=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1")
FRONT = "tune.objectives=[log_loss,seconds]"
SPACE = ("lr=interval(1e-4,1e-2)", "model.layers=range(1,3)")


def by_number(result):
    return {trial["number"]: trial for trial in result["trials"]}


def test_a_search_leaves_an_experiment_and_goes_on_where_it_ended(project, mlops):
    project(
        {"configs/tune/mine.yaml": "# Ours: mlops tune tune=mine\nobjectives: [val/log_loss]\n"}
    )
    command = ("tune", *SMALL, *SPACE, "tune=mine", "--name", "best", "--jobs", "2")
    first = mlops(*command, "--trials", "2", json=True)
    assert first.exit_code == 0, first.stderr
    assert "lr is searched on a logarithmic scale" in first.stderr
    assert (first.json["objectives"], first.json["directions"]) == (["log_loss"], ["minimize"])
    assert first.json["trials"][0]["settings"] == {"lr": 7e-4, "model.layers": 2}, "the present"

    done = mlops(*command, "--trials", "4", "--force", json=True)
    assert done.exit_code == 0, done.stderr
    trials = by_number(done.json)
    assert [trial["state"] for trial in trials.values()] == ["finished"] * 4
    assert [trials[number] for number in (0, 1)] == first.json["trials"], "nothing is repeated"
    assert len(list((project / "runs").iterdir())) == 4
    (best,) = done.json["best"]
    assert trials[best]["values"][0] == min(trial["values"][0] for trial in trials.values())

    text = (project / "configs/experiment/best.yaml").read_text("utf-8")
    assert f"# Trial {best}, run {trials[best]['run']}: log_loss" in text
    kept = yaml.safe_load(text)
    assert set(kept) == {"data", "epochs", "model", "trainer", "lr"}
    assert kept["model"]["layers"] == trials[best]["settings"]["model.layers"]
    assert done.json["next_words"] == ["experiment=best"]
    again = mlops("train", "experiment=best", json=True)
    assert again.exit_code == 0, again.stderr
    runs = project / "runs"
    configs = [runs / run / "config.yaml" for run in (trials[best]["run"], again.json["run"])]
    assert configs[0].read_text("utf-8") == configs[1].read_text("utf-8")
    record = json.loads((project / "runs" / trials[best]["run"] / "run.json").read_text("utf-8"))
    assert (record["study"], record["trial"]) == ("best", best)
    assert again.json["metrics"] == record["metrics"]
    assert record["monitor"] == "log_loss", "the checkpoint that counts is the best of the search"

    shown = mlops("tune", "--show", "best")
    assert shown.exit_code == 0
    assert f"the best is trial {best}" in shown.stdout
    assert "What log_loss depends on" in shown.stdout
    page = (project / "studies/best/report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
    for name in ("history.png", "parallel.png", "importance.png"):
        assert (project / "studies/best" / name).read_bytes().startswith(b"\x89PNG")

    (project / "configs/experiment/best.yaml").write_text("# @package _global_\n# mine\n")
    kept = mlops("tune", "--resume", "best", "--trials", "4")
    assert "stays as it is: --force replaces it" in kept.stderr
    assert (project / "configs/experiment/best.yaml").read_text().endswith("# mine\n")


def begun(mlops_script, trials, **options):
    """A search whose trials train for a while."""
    words = [word.replace("epochs=1", "epochs=30") for word in SMALL]
    command = [mlops_script, "tune", *words, *SPACE, FRONT, "--trials", str(trials)]
    return subprocess.Popen(
        [*command, "--name", "s", "--json"], stderr=subprocess.PIPE, text=True, **options
    )


def wait_until(child, ready):
    """Waits for something that a search does."""
    until = time.monotonic() + 180
    while not ready():
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.05)


def interrupted(project, mlops_script, number):
    """A search whose process is sent a signal while its first trial is in its epochs."""
    child = begun(mlops_script, 2)
    wait_until(child, lambda: list((project / "runs").glob("*/checkpoints/last.ckpt")))
    os.kill(child.pid, number)
    return child, child.communicate()[1]


def test_on_a_terminal_the_trials_are_seen_as_they_go(project, mlops_script):
    words = ["tune", *SMALL, "model.layers=1", "lr=7e-4,7e-3", "--name", "seen", "--jobs", "1"]
    terminal = pexpect.spawn(
        str(mlops_script), words, env=os.environ | {"TERM": "xterm-256color"}, timeout=300,
        encoding="utf-8", dimensions=(30, 120),
    )  # fmt: skip
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.read())
    terminal.close()
    assert terminal.exitstatus == 0, text
    lines = [line.split() for line in text.replace("\r", "\n").splitlines()]
    assert any({"lr", "epoch", "now", "mcc"} <= set(words) for words in lines), "its heading"
    for number in ("0", "1"):
        states = [words[2] for words in lines if words[:2] == ["trial", number] and len(words) > 2]
        assert list(dict.fromkeys(states))[:2] == ["running", "finished"]
    assert "study seen  1 of 2 trials, best mcc " in text
    assert "next: mlops train experiment=seen" in text


def test_a_search_that_is_interrupted_goes_on_with_the_trial_that_ran(project, mlops, mlops_script):
    child, said = interrupted(project, mlops_script, signal.SIGINT)
    assert child.returncode == 130
    assert "interrupted; study s is saved" in said
    assert "mlops tune --resume s" in said
    (run,) = (project / "runs").iterdir()
    done = mlops("tune", "--resume", "s", "--trials", "1", json=True)
    assert done.exit_code == 0, done.stderr
    assert [trial["run"] for trial in done.json["trials"]] == [run.name]
    assert json.loads((run / "run.json").read_text("utf-8"))["resumed"]
    assert (done.json["directions"], done.json["best"]) == (["minimize", "minimize"], [0])
    assert (project / "studies/s/pareto.png").exists()


def test_a_search_that_is_killed_repeats_no_trial_that_is_finished(project, mlops, mlops_script):
    child = begun(mlops_script, 3, start_new_session=True)

    def recorded():
        found = (project / "runs").glob("*/run.json")
        return {file.parent.name: json.loads(file.read_text("utf-8")) for file in found}

    def second_trains():
        runs = recorded()
        checkpoints = (project / f"runs/{run}/checkpoints/last.ckpt" for run in runs)
        training = any(
            facts["status"] == "running" and checkpoint.exists()
            for facts, checkpoint in zip(runs.values(), checkpoints, strict=True)
        )
        return training and len(runs) == 2

    wait_until(child, second_trains)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stderr.close()
    before = recorded()
    assert sorted(facts["status"] for facts in before.values()) == ["finished", "running"]
    (first,) = (run for run, facts in before.items() if facts["status"] == "finished")
    (second,) = before.keys() - {first}

    done = mlops("tune", "--resume", "s", "--trials", "3", json=True)
    assert done.exit_code == 0, done.stderr
    after = recorded()
    assert after[first] == before[first], "what is finished is left alone"
    assert after[second]["status"] == "finished"
    assert after[second]["resumed"], "what ran goes on"
    trials = [(one["run"], one["state"]) for one in done.json["trials"]]
    assert [state for _, state in trials] == ["finished"] * 3
    assert sorted(run for run, _ in trials) == sorted(after), "each trial has one run"
    assert [run for run, _ in trials][:2] == [first, second]


def test_a_trial_that_falls_behind_is_ended_early(project, mlops):
    words = [word.replace("epochs=1", "epochs=30") for word in SMALL]
    done = mlops(
        "tune", *words, "lr=choice(7e-4,1e-9)", "tune.objectives=[log_loss]",
        "tune.sampler=random", "tune.pruner=median", "tune.startup=1", json=True,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    states = {trial["settings"]["lr"]: trial["state"] for trial in done.json["trials"]}
    assert "finished" in states.values()
    pruned = [trial for trial in done.json["trials"] if trial["state"] == "pruned"]
    for trial in pruned:
        assert 1 < len(trial["reports"]) < 30
        facts = json.loads((project / "runs" / trial["run"] / "run.json").read_text("utf-8"))
        assert facts["status"] == "interrupted"
    assert len(pruned) == 1


def test_a_search_whose_trials_all_fail_ends_with_the_first_error(project, mlops):
    failed = mlops(
        "tune", "data=file", "data.path=nowhere.csv", "data.text=a", "data.label=b", SPACE[0],
        "--trials", "9", json=True,
    )  # fmt: skip
    assert failed.exit_code == 1
    assert "all 3 trials of study" in failed.stderr, "the rest would fail as well"
    assert "nowhere.csv" in failed.stderr
