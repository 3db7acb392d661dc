"""A process that has the training stack loaded and forks one child for each job.

Loading takes seconds, most of a short training; a fork takes milliseconds, and children share the
memory of what is loaded. Run as `python -m mlops_cli.launching.warm MODULE…`: jobs, and signals to
them, come as JSON lines on stdin; how each ended goes as a JSON line to stdout, after an empty one
when all is loaded. When stdin closes, because our parent is done or was killed, the children are
ended as by Ctrl-C: they save themselves.
"""

import contextlib
import ctypes
import importlib
import json
import os
import runpy
import select
import signal
import sys
from typing import Any

_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def supported() -> bool:
    """Whether this system can do it: Linux, with a kernel since 2019."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def serve(modules: list[str]) -> dict[str, Any] | None:
    """Forks a child for each job until stdin closes; returns its job in a child, None at the end.

    Args:
        modules: What to load first; one that is not installed is left to the jobs to miss.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    os.write(1, b"\n")
    children: dict[int, tuple[str, int]] = {}  # pidfd → job and process id
    rest, open_ = b"", True
    while open_ or children:
        ready, _, _ = select.select([*([0] if open_ else []), *children], [], [])
        for descriptor in ready:
            if descriptor in children:
                _report(*children.pop(descriptor), descriptor)
                continue
            received = os.read(0, 65536)
            open_ = bool(received)
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                order: dict[str, Any] = json.loads(line)
                if "signal" in order:
                    _pass_on(order["signal"], children, order["id"])
                elif (process := os.fork()) == 0:
                    for inherited in children:
                        os.close(inherited)
                    return order
                else:
                    children[os.pidfd_open(process)] = (order["id"], process)
            if not open_:
                _pass_on(signal.SIGTERM, children)
    return None


def become(job: dict[str, Any]) -> None:
    """Makes this child a process of its own: session, folder, output, environment, arguments."""
    os.setsid()
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = ["mlops", *job["words"]]


def _pass_on(number: int, children: dict[int, tuple[str, int]], job: str = "") -> None:
    """Sends a signal to a job's process; to all of them without a job."""
    for name, process in children.values():
        if job in ("", name):
            os.kill(process, number)  # it is there until we have waited for it


def _report(job: str, process: int, descriptor: int) -> None:
    os.close(descriptor)
    _, status = os.waitpid(process, 0)
    told = json.dumps({"id": job, "exit_code": os.waitstatus_to_exitcode(status)})
    with contextlib.suppress(BrokenPipeError):  # Our parent may be gone.
        os.write(1, told.encode() + b"\n")


if __name__ == "__main__":
    if ours := serve(sys.argv[1:]):
        become(ours)
        runpy.run_module("mlops_cli", run_name="__main__", alter_sys=True)
