"""Loads the task of a bundle once, as a server of its image would: from what that has alone."""

import errno
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import mlops_cli
from mlops_cli import tasks
from mlops_cli.errors import ConfigError
from mlops_cli.packaging.dockerfile import HOME, MODEL
from mlops_cli.serving import bundle as bundles

_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL")
"""What a Python of this machine may need."""
_SECONDS = 300.0
_OURS = re.compile(r"^mlops_cli\.errors\.\w+: ")
"""Before what errors of ours say, which is for people as it is."""
_PROGRAM = """
import pathlib, sys
from mlops_cli.packaging import trial
trial.load(pathlib.Path(sys.argv[1]))
"""
_ASKS = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = (
    "os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime",
)  # fmt: skip


def check(context: Path, task: str) -> None:
    """Loads the task from a context, in a process that has no network and changes nothing there.

    Args:
        context: The context.
        task: What the task is called.

    Raises:
        ConfigError: It can't be loaded.
    """
    context = context.resolve()
    home = context / "settings" / HOME[1:]
    with tempfile.TemporaryDirectory(prefix="mlops-trial-") as own:
        variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
        variables |= {
            "HOME": own,
            # Of the user's folders the one that may have what mlops needs.
            "PYTHONUSERBASE": str(sysconfig.get_config_var("userbase")),
            "PYTHONPATH": str(Path(mlops_cli.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_OFFLINE": "1",
        }
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM, str(context)], cwd=home, env=variables,
                stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                errors="replace", check=False, timeout=_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise _refusal(task, f"it takes more than {_SECONDS:.0f} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        said = lines[-1] if lines else f"its process ended with {done.returncode}"
        raise _refusal(task, _OURS.sub("", said.replace(str(home), HOME)))


def _refusal(task: str, said: str) -> ConfigError:
    return ConfigError(
        f"{task} can't be loaded from what the image would have: {said}",
        hint="files and folders that it needs are added by image.files={words.json: words.json}",
    )


def load(context: Path) -> None:
    """Loads the task of the bundle in a context; for a process of its own, which is bound then."""
    sys.addaudithook(lambda event, told: _forbid(context, event, told))
    found = bundles.load(context / "model" / MODEL[1:], verify=False)
    tasks.load(found.task, found.path)


def _forbid(context: Path, event: str, told: tuple[object, ...]) -> None:
    """Refuses what a build, and the container of a server, refuse."""
    if event in _ASKS:
        raise OSError(errno.ENETUNREACH, "a server's image is loaded without a network")
    changed: tuple[object, ...] = told[:2] if event in _CHANGES else ()
    if event == "open" and isinstance(told[2], int) and told[2] & _WRITES:
        changed = told[:1]
    for one in changed:
        if isinstance(one, str | bytes | os.PathLike):
            path = Path(os.fsdecode(one)).resolve()
            if path.is_relative_to(context):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
