"""Runs to resume, and the same ones never stopped."""

import contextlib
import json
import shutil

import pytest
from own.resumed import SMALL, facts, only_run
from own.stopper import STOPPER


@pytest.fixture(scope="session")
def unstopped(tmp_path_factory):
    """By settings: a run of the same settings that was never stopped."""
    from conftest import run_mlops

    runs = {}

    def trained(*settings):
        if settings not in runs:
            folder = tmp_path_factory.mktemp("unstopped")
            (folder / "configs").mkdir()
            (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n")
            with contextlib.chdir(folder):
                done = run_mlops("train", *SMALL, *STOPPER, *settings)
            assert done.exit_code == 0, done.stderr
            runs[settings] = only_run(folder)
        return runs[settings]

    return trained


@pytest.fixture
def interrupted(project, unstopped):
    """A copy of a run whose last epoch is done and whose model was not yet saved."""
    run = shutil.copytree(unstopped(), project / f"runs/{unstopped().name}")
    shutil.rmtree(run / "model")
    said = facts(run)
    (run / "run.json").write_text(json.dumps({**said, "status": "interrupted"}))
    return run
