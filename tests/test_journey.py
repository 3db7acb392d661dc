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
SECONDS = {
    "init": 1.2, "data": 1.2, "repro": 20.0, "export_it": 6.0, "sign": 1.2, "register": 1.2,
    "promote": 1.3, "package": 7.5, "push": 6.3, "deploy": 5.4, "predict_it": 0.9,
    "repro_again": 18.0, "register_again": 2.2, "canary": 4.6, "promote_again": 5.1,
    "roll_back": 0.9, "roll_back_there": 4.2, "destroy": 1.0,
}  # fmt: skip
"""What the steps take on a quick machine, from which moments to kill are drawn."""

pytestmark = [
    pytest.mark.slow,
    needed,
]


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    for name in docker("ps", "--all", "--format", "{{.Names}}").split():
        if name.startswith("mlops-killed-"):
            docker("rm", "--force", name, check=False)
    for image in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if image.startswith("killed-"):
            docker("image", "rm", "--force", image, check=False)


def test_the_journey_comes_to_its_end_however_often_it_is_killed(folder):
    """Each of its steps is looked at from outside: see scripts/journey."""
    (folder / "seconds.json").write_text(json.dumps(SECONDS), "utf-8")
    driver = REPOSITORY / "benchmarks" / "journey_kills.py"
    words = ("--kills", str(KILLS), "--seed", "7", "--first", folder / "seconds.json", "--json")
    done = subprocess.run(
        [sys.executable, driver, folder, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert len(told["kills"]) == KILLS
    (log,) = folder.glob("*.log")
    said = log.read_text("utf-8")
    assert said.endswith("The journey is over.\n")
    assert "Traceback" not in said
    assert said.count("  ✓ ") >= 50
