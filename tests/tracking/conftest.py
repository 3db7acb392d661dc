"""A small training for tests of trackers, with and without any."""

import contextlib

import pytest
from conftest import run_mlops
from own.tracked import SMALL, Trained, latest


@pytest.fixture
def train(project, mlops):
    """`train("tracker=wandb")`: a small training that went well."""

    def training(*settings):
        done = mlops(*SMALL, *settings)
        assert done.exit_code == 0, done.stderr
        return Trained(latest(project.path), done.stderr)

    return training


@pytest.fixture(scope="session")
def untracked(tmp_path_factory):
    """What the small training gives without any tracker."""
    root = tmp_path_factory.mktemp("untracked")
    (root / "configs").mkdir()
    (root / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    with contextlib.chdir(root):
        done = run_mlops(*SMALL)
    assert done.exit_code == 0, done.stderr
    return Trained(latest(root), done.stderr)
