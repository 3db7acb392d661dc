"""One script of a step: run, listened to, and ended with all that it started."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.errors import ConfigError

_SHELLS: Mapping[str, str] = {
    "": "bash -e {0}",
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python {0}",
}
"""How the runner calls each shell; the empty one is that of a step which names none."""
_ENDS = {"python": ".py"}
_TIMED_OUT = 124
_PATIENCE, _MERCY = 1.0, 3.0
"""Seconds that output may lag behind its process, and that one has to end when it is told to."""
_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: [^:]*)?::(?P<text>.*)")


@dataclass(frozen=True)
class Script:
    """What to run.

    Attributes:
        text: The script.
        shell: What runs it: a name, or a command with `{0}`; empty for the runner's choice.
        folder: Where.
        environment: All of its variables.
        seconds: How long it may take.
        temporary: Where the script is written.
    """

    text: str
    shell: str
    folder: Path
    environment: Mapping[str, str]
    seconds: float
    temporary: Path


class Shell:
    """Runs scripts, and ends what they leave behind.

    Args:
        tell: Gets each line of output.
        mask: Gets each value that a script wants struck out.
    """

    def __init__(self, tell: Callable[[str], None], mask: Callable[[str], None]) -> None:
        self._tell, self._mask = tell, mask
        self._started: list[subprocess.Popen[str]] = []
        self._count = 0

    def run(self, script: Script) -> tuple[int, bool]:
        """The exit code of a script, and whether its time was up.

        Raises:
            ConfigError: There is no such shell here, or no such folder.
        """
        command = self._command(script)
        if not script.folder.is_dir():
            raise ConfigError(f"there is no folder {script.folder.name!r} to run a step in")
        process = subprocess.Popen(
            command,
            cwd=script.folder,
            env=dict(script.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._started.append(process)
        listener = threading.Thread(target=self._listen, args=(process,), daemon=True)
        listener.start()
        try:
            code = process.wait(script.seconds)
        except subprocess.TimeoutExpired:
            end(process.pid, process.poll)
            process.wait()
            return _TIMED_OUT, True
        # What it left in the background may hold the pipe open for ever.
        listener.join(_PATIENCE)
        return (128 - code if code < 0 else code), False

    def close(self) -> None:
        """Ends whatever the scripts left behind."""
        for process in self._started:
            end(process.pid, process.poll)
        self._started.clear()

    def _command(self, script: Script) -> list[str]:
        template = _SHELLS.get(script.shell, script.shell)
        if "{0}" not in template:
            raise ConfigError(f"the shell {script.shell!r} is not known here")
        self._count += 1
        file = script.temporary / f"step-{self._count}{_ENDS.get(script.shell, '.sh')}"
        file.write_text(script.text, "utf-8")
        words = [str(file) if word == "{0}" else word for word in shlex.split(template)]
        program = shutil.which(words[0], path=script.environment.get("PATH"))
        if program is None:
            raise ConfigError(f"there is no {words[0]} here, the shell of this step")
        return [program, *words[1:]]

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._hear(line.rstrip("\n"))

    def _hear(self, line: str) -> None:
        """Tells a line; commands to the runner are understood as far as they tell something."""
        found = _COMMAND.fullmatch(line.strip())
        if found is None:
            self._tell(line)
        elif found["name"] == "add-mask":
            self._mask(found["text"])
        elif found["name"] in ("error", "warning", "notice"):
            self._tell(f"{found['name']}: {found['text']}")
        elif found["name"] == "group":
            self._tell(found["text"])


def end(group: int, look: Callable[[], object]) -> None:
    """Ends a group of processes: asked first, then made to.

    Args:
        group: Its id.
        look: Buries those of them that are children of ours.
    """
    for sign, until in ((signal.SIGTERM, time.monotonic() + _MERCY), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(group, sign)
            while time.monotonic() < until:
                time.sleep(0.02)
                look()
                os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
