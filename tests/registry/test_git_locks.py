"""Locks of git's: none is left by a kill, and one that is there is told."""

import os
import shutil
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


def test_objects_that_can_not_be_written_are_told(registry, register, mlops, monkeypatch, tmp_path):
    register("fair")
    # As git says it of a folder of another user's; root may write everywhere.
    said = "error: insufficient permission for adding an object to repository database"
    tool, real = tmp_path / "bin" / "git", shutil.which("git")
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\ncase "$*" in *hash-object*) echo "{said} .git/objects" >&2\n'
        'echo "fatal: Unable to add (null) to database" >&2; exit 128;; esac\n'
        f'exec {real} "$@"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    done = mlops("models", "promote", "shop@v1.0.0", "production")
    objects = registry.root / ".git" / "objects"
    refused(done, 1, "git refuses: fatal: Unable to add (null)", f"ls -ld {objects}")
