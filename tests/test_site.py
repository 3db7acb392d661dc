"""The documentation site builds strictly and whole, and every command of its tutorial works."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from own.servers import free_port
from own.shown import commands, options_are_there, pattern, steps

REPOSITORY = Path(__file__).resolve().parent.parent
PORT = "8123"
END = "the-end-of-it"


def tutorial():
    """The pages of the tutorial, in the order of the menu."""
    config = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text("utf-8"))
    entries = next(one["Tutorial"] for one in config["nav"] if "Tutorial" in one)
    return [REPOSITORY / "docs" / path for entry in entries for path in entry.values()]


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


class Shell:
    """A shell that a person types in: what a command leaves behind, the next one finds."""

    def __init__(self, folder):
        variables = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
        }
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def type(self, command):
        """Exit code and output of a command."""
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\ncode=$?; echo; echo {END} $code\n")
        self._process.stdin.flush()
        lines = list(itertools.takewhile(lambda line: not line.startswith(END), self._lines()))
        return self._code, "".join(lines)

    def _lines(self):
        for line in self._process.stdout:
            self._code = int(line.split()[-1]) if line.startswith(END) else -1
            yield line

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@pytest.mark.slow
def test_the_commands_of_the_tutorial_do_what_it_shows(tmp_path):
    assert shutil.which("curl"), "the tutorial asks the server with curl"
    shell, port = Shell(tmp_path), str(free_port())
    try:
        for page in tutorial():
            for step in steps(page.read_text("utf-8")):
                code, said = shell.type(step.command.replace(PORT, port))
                told = f"{page.name}: $ {step.command}\n{said}"
                assert code == (3 if "error:" in "".join(step.shown) else 0), told
                for line in step.shown:
                    assert pattern(line).search(said), f"not shown: {line!r}\n{told}"
    finally:
        shell.type("kill $! 2>/dev/null")
        shell.close()


def commands_to_be_typed_elsewhere():
    """Commands that need an account, a server or much time: they are there, with these options."""
    return [one for page in tutorial() for one in commands(page.read_text("utf-8"))]


@pytest.mark.parametrize("words", commands_to_be_typed_elsewhere(), ids=" ".join)
def test_the_other_commands_of_the_tutorial_are_there(words, mlops):
    options_are_there(words, mlops)
