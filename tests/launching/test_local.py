"""Jobs on this machine: real processes, no training."""

import os
import signal
import time

import pytest

from mlops_cli import cores, launching
from mlops_cli.errors import MlopsError
from mlops_cli.launching import Job
from mlops_cli.launching import local as local_launcher
from mlops_cli.launching.local import LocalLauncher
from mlops_cli.launching.nursery import Nursery
from mlops_cli.launching.shares import environment
from mlops_cli.launching.work import work
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.launcher import LauncherConfig


def warm(jobs=2):
    return LocalLauncher(jobs, Nursery(loaded=["mlops_cli.cli"]))


def cold(jobs=2):
    return LocalLauncher(jobs, local_launcher._Processes())


def job(project, name, *words):
    return Job(name, words, project.path, project / f"logs/{name}.log")


def all_ended(launcher, count):
    found = {}
    until = time.monotonic() + 120
    while len(found) < count and time.monotonic() < until:
        found |= {ended.id: ended.exit_code for ended in launcher.wait(1)}
    return found


SLEEP = """
import time
def load(config, reporter):
    open("began", "w").close()
    time.sleep(60)
"""
WAIT = ("data", "validate", "data=sleepy")


@pytest.fixture
def sleepy(project):
    """A project whose data takes a minute to load."""
    project({"own/sleepy.py": SLEEP, "configs/data/sleepy.yaml": "name: own.sleepy\n"})
    return project


def began(project):
    until = time.monotonic() + 120
    while not (project / "began").exists():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("make", [warm, cold], ids=["warm", "cold"])
def test_each_job_has_its_own_end_and_its_own_log(project, make):
    launcher = make()
    launcher.submit(job(project, "good", "config", "show", "lr=0.5"))
    launcher.submit(job(project, "bad", "train", "lr=abc", "--json"))
    assert all_ended(launcher, 2) == {"good": 0, "bad": 3}
    launcher.close()
    assert "lr: 0.5" in (project / "logs/good.log").read_text("utf-8")
    assert '"error": "lr must be a number' in (project / "logs/bad.log").read_text("utf-8")


def test_a_job_runs_in_its_folder_with_the_environment_of_its_parent(project, monkeypatch):
    project({"configs/config.yaml": "defaults: [base, _self_]\nlr: ${oc.env:MY_LR}\n"})
    monkeypatch.setenv("MY_LR", "0.125")
    launcher = warm()
    launcher.submit(job(project, "a", "config", "show"))
    assert all_ended(launcher, 1) == {"a": 0}
    launcher.close()
    assert "lr: 0.125" in (project / "logs/a.log").read_text("utf-8")


@pytest.mark.parametrize("make", [warm, cold], ids=["warm", "cold"])
def test_a_cancelled_job_ends_as_by_ctrl_c(sleepy, make):
    launcher = make()
    launcher.submit(job(sleepy, "a", *WAIT))
    began(sleepy)
    launcher.cancel("a")
    assert all_ended(launcher, 1) == {"a": 130}
    launcher.close()


def test_close_leaves_no_process(sleepy):
    launcher = warm()
    launcher.submit(job(sleepy, "a", *WAIT))
    began(sleepy)
    server = launcher._starter._server.pid
    launcher.close()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert "interrupted" in (sleepy / "logs/a.log").read_text("utf-8")


def test_a_job_whose_warm_process_is_killed_is_started_again(sleepy):
    """What a lost node is to a cluster: the job is not to blame, and runs anew."""
    launcher = warm(1)
    ends, kills = [], []
    waiting = [job(sleepy, "a", *WAIT)]

    def tick():
        if not (sleepy / "began").exists():
            return
        (sleepy / "began").unlink()
        if not kills:
            kills.append(launcher._starter._server.pid)
            os.kill(kills[0], signal.SIGKILL)
        else:
            launcher.cancel("a")

    work(
        launcher,
        lambda: waiting.pop() if waiting else None,
        ends.append,
        tick,
        SilentReporter(),
        slots=1,
        retries=1,
    )
    assert len(kills) == 1
    assert [(end.id, end.exit_code) for end in ends] == [("a", 130)]


def test_a_warm_process_that_can_not_begin_says_why(project, tmp_path, monkeypatch):
    (tmp_path / "broken_stack.py").write_text("raise RuntimeError('a damaged install')", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    launcher = LocalLauncher(1, Nursery(loaded=["broken_stack"]))
    launcher.submit(job(project, "a", "config", "show"))
    with pytest.raises(MlopsError, match="can't be started: RuntimeError: a damaged install"):
        all_ended(launcher, 1)
    launcher.close()


def test_this_machine_is_the_default(project):
    assert launching.create(LauncherConfig(), project.path).slots == 1
    assert launching.create(LauncherConfig(jobs=3), project.path).slots == 3


def test_jobs_share_the_processors_and_the_gpus(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    processors = cores.available()
    assert environment(0, 1) == {}
    assert environment(1, 2)["CUDA_VISIBLE_DEVICES"] == "7"
    assert environment(2, 3)["CUDA_VISIBLE_DEVICES"] == "4"
    assert int(environment(0, 2)["OMP_NUM_THREADS"]) == max(1, processors // 2)
