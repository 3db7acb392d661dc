"""A command that is killed at each moment at which it changes something on disk."""

import contextlib
import os
import signal
import sys
from pathlib import Path

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
"""Events of CPython's audit hooks, beside files that are opened for writing."""


def killed(words: list[str], root: Path, number: int) -> bool:
    """Runs `mlops WORDS` until it is about to change something below `root` for the nth time.

    Returns:
        Whether it was killed: False where it came to its end, with success, before.
    """
    process = os.fork()  # What is imported here is there already.
    if not process:
        code = 99
        with contextlib.suppress(BaseException):
            code = _dying(words, root, number)
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def _dying(words: list[str], root: Path, number: int) -> int:
    from conftest import run_mlops

    count = 0

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event == "open":
            if not int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event not in CHANGES:
            return
        if not _below(arguments[0], root):
            return
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)
    os.chdir(root)
    return run_mlops(*words).exit_code


def _below(path: object, root: Path) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(root)  # noqa: PTH100 - links stay
