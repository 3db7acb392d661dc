"""`mlops train`: options that would be ignored are refused."""

import pytest


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("--jobs", "2"), "--jobs is for several runs, and without --multirun there is one", "-m"),
        (("--resume", "r", "--jobs", "2"), "--jobs is for several runs", "-m"),
        (
            ("-m", "lr=1,2", "--run-id", "z"),
            "--multirun and --run-id don't go together",
            "of its own",
        ),
        (("--resume", "r", "--run-id", "z"), "--resume and --run-id don't", "train --resume r"),
        (("--resume", "r", "--no-validate"), "--resume and --no-validate", "train --resume r"),
        (("-m", "--resume", "s", "--no-validate"), "--resume and --no-v", "train -m --resume s"),
        (("--params", "p.yaml", "--jobs", "2"), "--params takes every setting", "leave out"),
    ],
    ids=" ".join,
)
def test_nothing_that_is_typed_is_ignored(project, mlops, words, said, hint):
    done = mlops("train", *words)
    assert done.exit_code == 2
    error, told = done.stderr.splitlines()
    assert error.startswith(f"error: {said}")
    assert told.startswith("hint: ")
    assert hint in told
    assert not (project / "runs").exists()


def test_a_job_is_only_said_to_be_there_once_it_is(project, mlops, monkeypatch):
    monkeypatch.setenv("PATH", str(project.path))
    done = mlops("train", "launcher=slurm")
    assert done.exit_code == 4
    assert done.stderr.splitlines() == [
        "error: launcher=slurm needs Slurm's sinfo, which is not on this machine",
        "hint: run it on a login node of the cluster",
    ]
