"""The whole way, typed: from an empty folder to a model that answers, and back; killed, too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from own.engine import docker, needed

REPOSITORY = Path(__file__).resolve().parent.parent
KILLS = int(os.environ.get("MLOPS_TEST_KILLS", "3"))

pytestmark = [
    pytest.mark.slow,
    needed,
]


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    names = [f"{kind}-" for kind in ("first", "killed")]
    for name in docker("ps", "--all", "--format", "{{.Names}}").split():
        if name.startswith(tuple(f"mlops-{one}" for one in names)):
            docker("rm", "--force", name, check=False)
    for image in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if image.startswith(tuple(names)):
            docker("image", "rm", "--force", image, check=False)


def test_the_journey_comes_to_its_end_and_so_it_does_when_it_is_killed(folder):
    """Each of its steps is looked at from outside: see scripts/journey."""
    driver = REPOSITORY / "benchmarks" / "journey_kills.py"
    words = ("--kills", str(KILLS), "--seed", "7", "--json")
    done = subprocess.run(
        [sys.executable, driver, folder, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert len(told["kills"]) == KILLS
    for log in folder.glob("*.log"):
        said = log.read_text("utf-8")
        assert said.endswith("The journey is over.\n")
        assert "Traceback" not in said
        assert said.count("  ✓ ") >= 50
