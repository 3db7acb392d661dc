"""A `data add` that is killed: the next one finds the old data, or the new."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_cli.data_adding.placing import Place, staging
from mlops_cli.reporting import SilentReporter

STEPS = """
import os, signal, sys
from pathlib import Path
from mlops_cli.data_adding import journal, placing
from mlops_cli.reporting import SilentReporter

left = int(sys.argv[1])

def passed():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def stepped(step):
    def run(*words):
        passed()
        step(*words)
        passed()
    return run

journal.Journal._note = stepped(journal.Journal._note)
journal.Journal.end = stepped(journal.Journal.end)
place = placing.Place(Path.cwd(), "films")
held = place.data / "films.csv.dvc"
with placing.staging(place, SilentReporter()) as staged:
    (staged / "films.csv").write_text("new rows")
    with placing.Placing(staged) as placed:
        placed.watch(place.data / ".gitignore")
        placed.watch(held)
        placed.put_aside(place.data / "films.csv")
        placed.put_aside(held)
        placed.put(staged / "films.csv", place.data / "films.csv")
        held.write_text("new hash")  # As DVC does.
        (place.data / ".gitignore").write_text("/films.csv")
        placed.write(place.schema, "new schema")
        placed.write(place.config, "new config")
"""
OLD = {
    "data/films.csv": "old rows",
    "data/films.csv.dvc": "old hash",
    "data/films.schema.yaml": "old schema",
    "configs/data/films.yaml": "old config",
    "data/.gitignore": "/films.csv",
}
NEW = {name: text.replace("old", "new") for name, text in OLD.items()}


def killed(root: Path, moment: int) -> bool:
    """Puts data in its place, killed after so many steps; False where it came to its end."""
    for name, text in OLD.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    done = subprocess.run([sys.executable, "-c", STEPS, str(moment)], cwd=root, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def found(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file()
    }


class Told(SilentReporter):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def taken_up(root: Path) -> list[str]:
    """What the next `data add` does first, and what it warns of."""
    told = Told()
    with staging(Place(root, "others"), told):
        pass
    return told.warnings


def test_killed_at_any_moment_it_is_the_old_data_or_the_new(tmp_path):
    # Before and after each of six steps is noted, and before all of them are forgotten.
    for moment in range(13):
        assert killed(tmp_path, moment)
        taken_up(tmp_path)
        assert found(tmp_path) == OLD, moment
    assert killed(tmp_path, 13)
    taken_up(tmp_path)
    assert found(tmp_path) == NEW
    assert not killed(tmp_path, 14)
    assert found(tmp_path) == NEW


@pytest.fixture
def half(tmp_path):
    """A project whose `data add` was killed when all was written, and not yet said to be done."""
    assert killed(tmp_path, 12)
    assert found(tmp_path)["data/films.csv"] == "new rows"
    return tmp_path


def test_what_somebody_wrote_into_the_file_since_then_stays(half):
    with (half / "data/films.csv").open("a") as stream:
        stream.write("one row more")
    taken_up(half)
    assert found(half)["data/films.csv"] == "new rowsone row more"


def test_what_somebody_did_since_then_stays(half):
    (half / "data/films.csv").unlink()
    (half / "data/films.csv").write_text("rows of my own")
    (half / "data/films.schema.yaml").write_text("my schema")
    (half / "data/.gitignore").write_text("/films.csv\n/mine")
    (warning,) = taken_up(half)
    assert taken_up(half) == []
    state = found(half)
    assert state["data/films.csv"] == "rows of my own"
    assert state["data/films.schema.yaml"] == "my schema"
    assert state["data/.gitignore"] == "/films.csv\n/mine"
    # The old rows have no other place: they are kept.
    (kept,) = (name for name, text in state.items() if text == "old rows")
    assert kept.startswith(f"{warning.partition(' ')[0]}/")


def test_a_project_that_was_moved_is_undone_too(half):
    moved = half.with_name("moved")
    shutil.move(half, moved)
    taken_up(moved)
    assert found(moved) == OLD
    assert not os.path.lexists(half)
