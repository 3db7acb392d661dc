"""Containers of this machine: how one is started, looked at and put in another's place."""

import fcntl
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_cli.errors import MlopsError, NotFoundError
from mlops_cli.packaging import docker

DEPLOYMENT, PROJECT, SPEC = "mlops.deployment", "mlops.project", "mlops.spec"
"""Labels: name of the deployment, folder of the project, hash of all that it was started with."""
IMAGE = "mlops.image"
"""Label: what people call the image, which is run by its id."""
NEXT, BEFORE, TRIAL = "-next", "-before", "-trial"
"""What is behind the name of a container that is to come, that was there, that is tried out."""
_DAEMON = ("response from daemon", "Cannot start service", "Cannot create container")
"""What is in the lines that tell what the engine says."""
_RUNS = "detached.lock"
"""Locked while a command runs that is free of us."""
_LAST = 2
"""Lines of a container's log that tell why it ended."""


@dataclass(frozen=True)
class Spec:
    """How a container is started.

    Attributes:
        name: Its name.
        image: What it runs, by its id: a name may be given to another image at any time.
        host: Address of this machine that it answers at.
        port: Port of this machine; None takes a free one.
        inside: Port in the container.
        mount: Folder of this machine that it may read.
        target: Where it sees that.
        env: File of its variables.
        labels: What else is to be known of it.
        memory: Most memory; None: no limit.
        cpus: Most processors; None: no limit.
        grace: Seconds that it may take to end.
    """

    name: str
    image: str
    host: str
    port: int | None
    inside: int
    mount: Path
    target: str
    env: Path
    labels: Mapping[str, str]
    memory: str | None
    cpus: float | None
    grace: int

    @property
    def bound(self) -> str:
        """The address as Docker takes it before a port."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def labelled(self, labels: Mapping[str, str]) -> "Spec":
        """The same with other labels."""
        return replace(self, labels=labels)

    def words(self, *, restart: bool) -> list[str]:
        """What `docker create` takes; the very things that the compose file says."""
        words = ["--name", self.name, "--network", self.name, "--read-only", "--tmpfs", "/tmp"]
        words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
        words += ["--pids-limit", str(PIDS), "--env-file", str(self.env)]
        words += ["--volume", f"{self.mount}:{self.target}:ro"]
        words += ["--publish", f"{self.bound}:{self.port or ''}:{self.inside}"]
        words += ["--stop-timeout", str(self.grace)]
        words += [f"--log-opt={name}={value}" for name, value in LOG.items()]
        words += [f"--label={name}={value}" for name, value in self.labels.items()]
        words += ["--restart", "unless-stopped"] if restart else []
        words += ["--memory", self.memory] if self.memory else []
        words += ["--cpus", str(self.cpus)] if self.cpus else []
        return [*words, self.image]


PIDS = 512
"""Most processes and threads of a container."""
LOG = {"max-size": "10m", "max-file": "3"}
"""How much of what it says is kept."""


def look(name: str) -> dict[str, Any] | None:
    """What the engine knows of a container; None where there is none of that name."""
    done = docker.run("container", "inspect", name)
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def every(deployment: str, project: str) -> list[str]:
    """Names of all containers of a deployment, whatever they are called by now."""
    chosen = (f"{DEPLOYMENT}={deployment}", f"{PROJECT}={project}")
    words = [word for one in chosen for word in ("--filter", f"label={one}")]
    return docker.run("ps", "--all", "--format", "{{.Names}}", *words).stdout.split()


def label(found: dict[str, Any], name: str) -> str:
    """A label of a container; empty where it has none."""
    return str((found["Config"].get("Labels") or {}).get(name, ""))


def variables(name: str) -> list[str]:
    """The environment of a container, as NAME=VALUE; empty where there is no such container."""
    found = look(name)
    return [str(one) for one in found["Config"].get("Env") or ()] if found else []


def published(found: dict[str, Any]) -> tuple[str, int] | None:
    """Address and port of this machine that a container answers at; None where it has none."""
    ports = found.get("NetworkSettings", {}).get("Ports") or {}
    for bound in ports.values():
        for one in bound or ():
            return str(one["HostIp"]), int(one["HostPort"])
    return None


def ended(name: str) -> str | None:
    """Why a container does not run; None while it does."""
    found = look(name)
    if found is None:
        return f"there is no container {name} any more"
    state = found["State"]
    if state["Running"] and not state.get("Restarting"):
        return None
    if state.get("OOMKilled"):
        return "it was killed for want of memory; target.memory gives it more"
    said = docker.run("logs", "--tail", str(_LAST), name)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if line.strip()]
    return f"it ended with {state['ExitCode']}: {' / '.join(lines) or 'it said nothing'}"


def start(spec: Spec) -> None:
    """Starts a container that nothing else is kept from; it does not come back by itself.

    Raises:
        MlopsError: Docker refuses.
    """
    remove(spec.name)
    network(spec.name)
    asked(docker.run("run", "--detach", *spec.words(restart=False)), f"{spec.name} can't start")


def network(name: str) -> None:
    """Makes the network of a container, where it is not there."""
    if docker.run("network", "inspect", name).returncode:
        asked(docker.run("network", "create", "--driver", "bridge", name), f"no network {name}")


def remove(name: str, *, network: bool = True) -> bool:
    """Removes a container and its network; whether there was one."""
    there = look(name) is not None
    docker.run("rm", "--force", "--volumes", name)
    if network:
        docker.run("network", "rm", name)
    return there


def swap(spec: Spec) -> None:
    """Puts a container in the place of the one of its name; where it can't start, that is back.

    The steps are one process of its own: whoever kills this one does not stop it half-way.

    Raises:
        MlopsError: Docker refuses; the one before is there again.
    """
    network(spec.name)
    remove(spec.name + NEXT, network=False)
    words = spec.words(restart=True)
    words[words.index("--name") + 1] = spec.name + NEXT
    asked(docker.run("create", *words), f"{spec.name} can't be made")
    words = ["sh", "-c", _SWAP, "swap", spec.name, str(spec.grace)]
    done = detached(words, spec.env.parent)
    asked(done, f"{spec.name} can't start")


_SWAP = f"""
name=$1 grace=$2
docker rm --force $name{BEFORE} >/dev/null 2>&1
docker stop --time $grace $name >/dev/null 2>&1 && docker rename $name $name{BEFORE} >/dev/null
docker rm --force $name >/dev/null 2>&1
docker rename $name{NEXT} $name && docker start $name >/dev/null && exit 0
docker rm --force $name >/dev/null 2>&1
docker rename $name{BEFORE} $name >/dev/null 2>&1 && docker start $name >/dev/null
exit 1
"""


def back(name: str, folder: Path) -> bool:
    """Puts the container back that was there before; whether there was one.

    Args:
        name: Of the one that it takes the place of.
        folder: See `detached`.
    """
    if look(name + BEFORE) is None:
        return False
    script = f"docker rm --force $1; docker rename $1{BEFORE} $1 && docker start $1"
    return detached(["sh", "-c", script, "back", name], folder).returncode == 0


def detached(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command that neither Ctrl-C nor our own end stops, and waits for it.

    Args:
        words: The command.
        folder: Where it is known to run, for `await_detached`.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        (folder / _RUNS).open("a", encoding="utf-8") as lock,
    ):
        # The command has it too, and so holds it for as long as it runs.
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=docker.environment(),
            start_new_session=True,
            pass_fds=[lock.fileno()],
        ).wait()
        said.seek(0)
        return subprocess.CompletedProcess(words, code, "", said.read())


def await_detached(folder: Path) -> None:
    """Waits for the end of a command that went on after whoever had begun it was killed."""
    if (folder / _RUNS).exists():
        with (folder / _RUNS).open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)


def asked(done: subprocess.CompletedProcess[str], what: str) -> None:
    """Raises where Docker refused.

    Raises:
        NotFoundError: The image is not there.
        MlopsError: Anything else.
    """
    if not done.returncode:
        return
    said = done.stderr or done.stdout
    # What the engine says tells more than the client's summary of it.
    daemon = [line for line in said.splitlines() if any(word in line for word in _DAEMON)]
    line = docker.last_line("\n".join(daemon[:1]) or said)
    low = said.lower()
    if "no such image" in low or "pull access denied" in low:
        raise NotFoundError(f"{what}: {line}", hint="the same command again makes the image anew")
    taken = any(word in low for word in ("already allocated", "address already in use"))
    raise MlopsError(f"{what}: {line}", hint="another one: target.port=8001" if taken else "")
