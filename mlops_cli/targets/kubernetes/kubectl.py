"""kubectl: whether it is there, and what a cluster says by it."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_cli.errors import MissingDependencyError, MlopsError, NotFoundError, UnreachableError
from mlops_cli.targets import Place
from mlops_cli.targets.kubernetes.pods import config_of

_PATIENCE = 30.0
"""Seconds that a cluster may take to answer one question."""
_UNREACHABLE = (
    "connection refused", "no such host", "i/o timeout", "was refused", "unable to connect",
    "timed out after", "no route to host", "x509",
)  # fmt: skip
_LOGIN = ("unauthorized", "you must be logged in", "credentials", "certificate has expired")


def there() -> bool:
    """Whether kubectl is installed."""
    return shutil.which("kubectl") is not None


def context(place: Place) -> str:
    """The context that is used; empty where there is none."""
    wanted = config_of(place).context
    if wanted or not there():
        return wanted or ""
    return _run(["config", "current-context"], _PATIENCE).stdout.strip()


def run(place: Place, *words: str, seconds: float = _PATIENCE) -> subprocess.CompletedProcess[str]:
    """One command in the namespace of a place, to its end."""
    config = config_of(place)
    chosen = ["--context", config.context] if config.context else []
    return _run([*chosen, "--namespace", config.namespace, *words], seconds)


def asked(place: Place, *words: str, seconds: float = _PATIENCE) -> str:
    """What a command says.

    Raises:
        MlopsError: The cluster refuses, or does not answer.
    """
    done = run(place, *words, seconds=seconds)
    if done.returncode:
        raise refused(done.stderr or done.stdout, words[0])
    return done.stdout


def apply(place: Place, how: str, path: Path) -> None:
    """Applies manifests as the one who owns what they say, whoever changed it meanwhile.

    Raises:
        MlopsError: The cluster refuses, or does not answer.
    """
    words = ("--server-side", "--field-manager", "mlops", "--force-conflicts")
    asked(place, "apply", *words, how, str(path))


def found(place: Place, *words: str) -> list[dict[str, Any]]:
    """Objects of the cluster.

    Args:
        place: Where.
        words: What `kubectl get` takes.

    Raises:
        MlopsError: The cluster refuses, or does not answer.
    """
    told: dict[str, Any] = json.loads(
        asked(place, "get", "--output", "json", "--ignore-not-found", *words) or "{}"
    )
    items: list[dict[str, Any]] = told.get("items", [told] if told else [])
    return items


def refused(said: str, what: str) -> MlopsError:
    """What a cluster has against a command, as an error of ours."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    line = (lines or ["it says nothing"])[-1].removeprefix("error: ")[:300]
    low = said.lower()
    if any(word in low for word in _LOGIN):
        return MissingDependencyError(f"the cluster wants a login: {line}", hint="kubectl get pods")
    if "timed out waiting" in low or "progress deadline" in low:
        return MlopsError(
            f"what was applied did not get ready: {line}",
            hint="kubectl describe pods tells why; target.seconds gives it more time",
        )
    if "forbidden" in low:
        return MissingDependencyError(
            f"the cluster does not allow it: {line}", hint="kubectl auth can-i --list"
        )
    if any(word in low for word in _UNREACHABLE):
        return UnreachableError(
            f"the cluster does not answer: {line}", hint="kubectl config get-contexts"
        )
    if "not found" in low:
        return NotFoundError(f"kubectl {what}: {line}", hint="target.namespace, target.context")
    return MlopsError(f"kubectl {what}: {line}")


def _run(words: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", *words]
    try:
        # In a session of its own: Ctrl-C does not end it half-way.
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=seconds,
            start_new_session=True,
            env=os.environ,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"timed out after {seconds:g} s")
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "kubectl is not installed")
