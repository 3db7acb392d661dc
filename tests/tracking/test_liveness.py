"""Which runs are running: not every one that says so."""

import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from mlops_cli.tracking import liveness
from mlops_cli.tracking.record import Run


@pytest.fixture
def process():
    """A process that looks like ours and waits."""
    waiting = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", "mlops"], stdin=subprocess.PIPE
    )
    yield waiting
    waiting.kill()
    waiting.wait()
    waiting.stdin.close()


def facts(pid, *, host=None, began=None, status="running"):
    return {
        "status": status,
        "pid": pid,
        "started": (began or datetime.now(UTC)).isoformat(),
        "environment": {"host": host or platform.node()},
    }


def test_a_run_lives_as_long_as_its_process(tmp_path, process):
    run = Run(tmp_path)
    assert liveness.status(run, facts(process.pid)) == "running"
    process.kill()
    process.wait()
    assert liveness.status(run, facts(process.pid)) == "killed"


def test_a_process_that_began_later_is_another_one(tmp_path, process):
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    recorded = facts(process.pid, began=an_hour_ago)
    assert liveness.status(Run(tmp_path), recorded) == "killed"
    # A run that was taken up counts from then.
    recorded["resumed"] = datetime.now(UTC).isoformat()
    assert liveness.status(Run(tmp_path), recorded) == "running"


def test_a_process_that_is_not_ours_trains_nothing(tmp_path):
    assert liveness.status(Run(tmp_path), facts(os.getppid(), began=None)) == "killed"
    assert liveness.status(Run(tmp_path), facts(None)) == "killed"


@pytest.mark.parametrize("status", ["finished", "failed", "interrupted"])
def test_what_has_ended_stays_as_it_ended(tmp_path, process, status):
    assert liveness.status(Run(tmp_path), facts(process.pid, status=status)) == status


def test_a_run_of_another_machine_lives_while_it_writes(tmp_path):
    run = Run(tmp_path)
    run.metrics_path.write_text("")
    assert liveness.status(run, facts(1, host="another")) == "running"
    os.utime(run.metrics_path, (time.time() - 7200,) * 2)
    assert liveness.status(run, facts(1, host="another")) == "killed"
