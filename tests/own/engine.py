"""The Docker engine and the registry that `scripts/docker-engine up` starts."""

import os
import subprocess

import pytest

REGISTRY = os.environ.get("MLOPS_TEST_REGISTRY", "")
BASE = f"{REGISTRY or 'registry.example'}/python:3.11-slim"
needed = pytest.mark.skipif(
    not REGISTRY, reason='no Docker engine (eval "$(scripts/docker-engine up)" starts one)'
)
"""Marks tests that are skipped where there is none."""


def docker(*words, check=True):
    """What a command of docker says."""
    done = subprocess.run(
        ["docker", *words], capture_output=True, encoding="utf-8", check=False, timeout=600
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()
