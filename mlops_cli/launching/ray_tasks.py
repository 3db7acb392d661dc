"""What runs on the machines of a Ray cluster."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import ray

_PDEATHSIG = 1  # PR_SET_PDEATHSIG of Linux's prctl.h


@ray.remote
def meeting_place() -> tuple[str, int]:
    """An address of this machine, and a port that is free there."""
    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    with socket.socket() as free:
        free.bind((address, 0))
        return address, int(free.getsockname()[1])


@ray.remote
def run(
    command: list[str],
    folder: str,
    environment: dict[str, str],
    log: str,
    meeting: tuple[str, int] | None = None,
) -> int:
    """Runs a command and gives its exit code, negative for a signal.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        environment: Variables besides those of the worker.
        log: The file that takes what it says; empty: nobody reads it.
        meeting: Where the processes of a training meet.
    """
    if meeting is not None:
        environment = {
            **environment, "MASTER_ADDR": meeting[0], "MASTER_PORT": str(meeting[1])
        }  # fmt: skip
    with Path(log or os.devnull).open("ab") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            # Nobody else would end it when this worker is gone; one call, which takes no lock.
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )
        try:
            return process.wait()
        except KeyboardInterrupt:  # How Ray cancels a task.
            process.send_signal(signal.SIGTERM)
            return process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)
