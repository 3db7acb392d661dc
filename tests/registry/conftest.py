"""What tests of the registry share."""

import contextlib

import pytest
from own import versions


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The project that every test copies."""
    folder = tmp_path_factory.mktemp("registry") / "shop"
    folder.mkdir()
    with contextlib.chdir(folder):
        return versions.make(folder)


@pytest.fixture
def registry(made, tmp_path, monkeypatch):
    """A project with bundles, as the current folder."""
    copy = made.copied(tmp_path / "shop")
    monkeypatch.chdir(copy.root)
    return copy


@pytest.fixture
def register(registry, mlops):
    """`register("fair")`: registers the bundle of a model."""

    def does(name, *words):
        done = mlops("models", "register", registry.runs[name], *words, json=True)
        assert done.exit_code == 0, done.stderr
        return done.json

    return does


@pytest.fixture
def promote(mlops):
    """`promote("shop@v1.0.0", "production")`."""

    def does(*words):
        done = mlops("models", "promote", *words, json=True)
        assert done.exit_code == 0, done.stderr
        return done.json

    return does
