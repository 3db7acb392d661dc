"""What tests of deployments share."""

import contextlib

import pytest
from conftest import run_mlops
from own import versions


@pytest.fixture(scope="session")
def registered(tmp_path_factory):
    """A project with two registered versions, the first of them in production."""
    folder = tmp_path_factory.mktemp("deployment") / "shop"
    folder.mkdir()
    with contextlib.chdir(folder):
        made = versions.make(folder)
        for name in ("fair", "better"):
            done = run_mlops("models", "register", made.runs[name])
            assert done.exit_code == 0, done.stderr
        done = run_mlops("models", "promote", "shop@v1.0.0", "production")
        assert done.exit_code == 0, done.stderr
    return made


@pytest.fixture
def shop(registered, tmp_path, monkeypatch):
    """That project, to write in, as the current folder."""
    copy = registered.copied(tmp_path / "shop")
    monkeypatch.chdir(copy.root)
    for name in ("MLOPS_ADMIN_KEY", "MLOPS_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    return copy
