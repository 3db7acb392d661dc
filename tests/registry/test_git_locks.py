"""Locks of git's: none is left by a kill, and one that is there is told."""

import os
import signal
import subprocess
import time

from own.versions import refused


def test_a_kill_of_git_too_leaves_no_lock_and_nothing_half_done(registry, mlops, mlops_script):
    """Whoever kills the command kills all of its processes, such as a shell that is closed."""
    hook = registry.root / ".git" / "hooks" / "reference-transaction"
    # Each reference has its lock by then, and none has moved.
    hook.write_text('#!/bin/sh\n[ "$1" = prepared ] && touch prepared && sleep 2\nexit 0\n')
    hook.chmod(0o755)
    words = (mlops_script, "models", "register", registry.runs["fair"])
    with subprocess.Popen(
        words, cwd=registry.root, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        until = time.monotonic() + 120
        while not (registry.root / "prepared").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    time.sleep(3)
    hook.unlink()
    assert not list((registry.root / ".git" / "refs").rglob("*.lock"))
    heads = registry.git("for-each-ref", "--format=%(refname:short)", "refs/heads/mlops-registry")
    assert bool(heads) == bool(registry.git("tag", "--list"))
    again = mlops("models", "register", registry.runs["fair"], json=True)
    assert again.exit_code == 0, again.stderr
    assert registry.git("tag", "--list").split() == ["shop@v1.0.0"]
    assert mlops("audit", "verify").exit_code == 0


def test_a_lock_that_git_left_is_told(registry, mlops):
    lock = registry.root / ".git" / "refs" / "heads" / "mlops-registry.lock"
    lock.touch()
    done = mlops("models", "register", registry.runs["fair"])
    refused(done, 1, "git is at work here, or was killed: its lock is there, ", f"rm {lock}")
