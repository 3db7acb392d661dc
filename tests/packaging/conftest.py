"""What tests of packaging share."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import run_mlops
from own.engine import BASE

ENGINE = {name: os.environ[name] for name in ("DOCKER_HOST", "PATH") if name in os.environ}


@dataclass(frozen=True)
class Shop:
    """A project with a bundle. `package` runs the command in it, on the base of the tests."""

    root: Path
    run: str

    @property
    def bundle(self):
        return self.root / "runs" / self.run / "bundle"

    def package(self, *words, json=True):
        with contextlib.chdir(self.root):
            return run_mlops("package", *words, f"image.base={BASE}", json=json)

    def packaged(self, *words):
        done = self.package(*words)
        assert done.exit_code == 0, done.stderr
        return SimpleNamespace(**done.json, said=done.stderr)


@pytest.fixture
def shop(trained, tmp_path):
    """The project of `trained`, to write in."""
    return Shop(Path(shutil.copytree(trained.root, tmp_path / "shop")), trained.run)
