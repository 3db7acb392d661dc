"""Docker's command line: whether it is there, building, and what it says when it refuses."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.errors import MissingDependencyError, MlopsError, NotFoundError, UnreachableError
from mlops_cli.reporting import Reporter

_STEP = re.compile(r"#\d+ \[")
UNREACHABLE = (
    "connection refused", "connection reset", "no such host", "i/o timeout", "no route to host",
    "network is unreachable", "tls handshake timeout", "temporary failure in name resolution",
    "server gave http response", "proxyconnect", "x509", "eof",
)  # fmt: skip
LOGIN = (
    "unauthorized",
    "authentication required",
    "denied",
    "no basic auth credentials",
    "forbidden",
)
_PATIENCE = 20.0
"""Seconds that an engine may take to tell its version."""
_LAST = 20
"""Lines of a build that tell why it failed."""
_FULL = "no space left on device"


def there() -> bool:
    """Whether Docker's command is."""
    return shutil.which("docker") is not None


def require(otherwise: str = "") -> str:
    """The version of the engine, which has to answer.

    Args:
        otherwise: What can be done without it, for the hint.

    Raises:
        MissingDependencyError: There is no Docker, its engine is down, or is not for this user.
    """
    if not there():
        raise MissingDependencyError(
            "Docker is not installed here", hint="https://docs.docker.com/engine/install"
        )
    done = run("version", "--format", "{{.Server.Version}}", seconds=_PATIENCE)
    if not done.returncode:
        return done.stdout.strip()
    where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if "permission denied" in done.stderr.lower():
        raise MissingDependencyError(
            f"Docker's engine at {where} is not for this user: permission denied",
            hint='sudo usermod -aG docker "$USER", then log in again',
        )
    raise MissingDependencyError(
        f"Docker's engine at {where} does not answer",
        hint="start it (sudo systemctl start docker)" + (f", or {otherwise}" if otherwise else ""),
    )


def run(
    *words: str, content: bytes | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """One command of Docker's, to its end; one that takes longer than `seconds` has failed."""
    command = ["docker", *words]
    try:
        done = subprocess.run(
            command,
            input=content if content is not None else b"",
            capture_output=True,
            check=False,
            env=environment(),
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {seconds:.0f} s")
    said = (done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
    return subprocess.CompletedProcess(done.args, done.returncode, *said)


def inspect(image: str) -> dict[str, Any] | None:
    """What the engine knows of an image; None where it has not got it."""
    done = run("image", "inspect", image)
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def pinned(base: str, platform: str | None, reporter: Reporter) -> str:
    """The base by its digest, so that it stays the same image; as it is where it has none.

    Raises:
        MlopsError: It can't be pulled.
    """
    if "@" in base:
        return base
    known = inspect(base)
    if known is None:
        reporter.info(f"pulling {base}")
        done = run("pull", "--quiet", *(("--platform", platform) if platform else ()), base)
        if done.returncode:
            raise _refused(done.stderr, f"the base {base} can't be pulled", "image.base=IMAGE")
        known = inspect(base) or {}
    repository = base.rpartition(":")[0] if ":" in base.rpartition("/")[2] else base
    for reference in known.get("RepoDigests") or ():
        name, _, digest = reference.partition("@")
        if name == repository:
            return f"{base}@{digest}"
    reporter.warn(f"{base} was never pushed or pulled, so it has no digest: it is not pinned")
    return base


@dataclass(frozen=True)
class Order:
    """What to build.

    Attributes:
        context: The build context.
        tag: Name and tag of the image.
        epoch: The time it says it was made at, where the engine can be told.
        platform: Machines that it is for; None takes the engine's.
        log: Gets what Docker says.
    """

    context: Path
    tag: str
    epoch: int
    platform: str | None
    log: Path


def build(order: Order, reporter: Reporter) -> str:
    """Builds an image.

    Args:
        order: What to build.
        reporter: Told of progress.

    Returns:
        Its id, which its name may not lead to: another build may have taken it meanwhile.

    Raises:
        MlopsError: Docker refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "id")
        _build(order, told, reporter)
        return told.read_text("utf-8").strip()


def _build(order: Order, told: Path, reporter: Reporter) -> None:
    """Builds, and has the id written to a file."""
    words = ["build", "--progress=plain", "--network=none", "--tag", order.tag]
    words += ["--iidfile", str(told)]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={order.epoch}"]
    words += ["--platform", order.platform] if order.platform else []
    variables = environment() | {"SOURCE_DATE_EPOCH": str(order.epoch)}
    seen: set[str] = set()
    with (
        order.log.open("w", encoding="utf-8") as record,
        reporter.task("building", None) as task,
        subprocess.Popen(
            ["docker", *words, str(order.context)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=variables,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                record.write(line)
                if _STEP.match(line) and line not in seen:
                    seen.add(line)
                    task.advance(1, step=line.partition(" ")[2].strip()[:60])
            process.wait()
        finally:
            # Interrupted, it would go on: the client is what keeps a build alive.
            if process.poll() is None:
                process.terminate()
    if process.returncode:
        said = order.log.read_text("utf-8").splitlines()[-_LAST:]
        raise _refused("\n".join(said), "docker build failed", f"all that it said: {order.log}")


def environment() -> dict[str, str]:
    """Variables that every command of Docker's gets."""
    # An attestation would hold times, and Lambda takes no image that has one.
    return {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def _refused(said: str, what: str, hint: str) -> MlopsError:
    """Docker's refusal as an error of ours."""
    low, line = said.lower(), last_line(said)
    if _FULL in low:
        return MlopsError(f"{what}: no space left on device", hint="docker system prune frees some")
    if "is not a supported wheel" in low or "no matching distribution" in low:
        return MlopsError(
            f"{what}: its Python is not the one of image.python",
            hint="image.base and image.python must be of one version",
        )
    if any(word in low for word in ("not found", "manifest unknown", "does not exist")):
        return NotFoundError(f"{what}: {line}", hint=hint)
    if any(word in low for word in LOGIN):
        return MissingDependencyError(f"{what}: {line}", hint="docker login")
    if any(word in low for word in UNREACHABLE):
        return UnreachableError(f"{what}: {line}", hint=hint)
    return MlopsError(f"{what}: {line}", hint=hint)


def last_line(said: str) -> str:
    """The line of Docker's that tells what is wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or "denied" in line.lower()]
    line: Sequence[str] = telling or lines or ["it says nothing"]
    return re.sub(r"^(#\d+ [\d.]+ |ERROR: |error: )+", "", line[-1])[:300]
