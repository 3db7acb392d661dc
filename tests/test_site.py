"""The documentation site builds strictly and whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_every_command_setting_and_public_name(site):
    commands = (site / "commands.html").read_text("utf-8")
    assert "mlops ci run [OPTIONS] [WORKFLOW]" in commands
    assert "trainer.weight_decay" in (site / "config.html").read_text("utf-8")
    assert "class</span>" not in (page := (site / "python" / "errors.html").read_text("utf-8"))
    assert "class GateError(MlopsError)" in page
    assert "A quality, parity or signature gate failed." in page
    rooms = {path.name.removesuffix(".py") for path in (REPOSITORY / "mlops_cli").iterdir()}
    told = {path.stem for path in (site / "python").iterdir()}
    assert told >= {"data", "models", "tasks", "serving", "schemas", "ci", "project"}
    assert told <= rooms


def test_nothing_of_it_is_fetched_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(r'<(script|img|iframe)[^>]+src="(https?:)?//', text), page
        assert not re.search(r'<link[^>]+href="(https?:)?//', text), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text("utf-8")), style
