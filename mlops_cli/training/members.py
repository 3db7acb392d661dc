"""The other processes of a training on one machine: started, watched and ended by the first."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlops_cli.place import Place, torchrun_environment
from mlops_cli.reporting import Reporter

_PATIENCE_SECONDS = 20.0
"""How long the others may take to end after the first."""

_NOTICE_SECONDS = 30.0
"""How long the first may take to notice that another is gone."""

Process = subprocess.Popen[bytes]


@contextmanager
def started(processes: int, place: Place, reporter: Reporter) -> Iterator[Place]:
    """The processes 1, 2, … of this machine, while the context lasts; this one is 0.

    Args:
        processes: How many there are to be, this one included.
        place: Where this one is; among others already, nothing is started.
        reporter: Told when one is lost and this one can't notice.

    Yields:
        The place of this process.
    """
    if processes == 1 or place.world > 1:
        yield place
        return
    port = _free_port()
    environments = [
        torchrun_environment(Place(rank, processes, rank, processes), "127.0.0.1", port)
        for rank in range(processes)
    ]
    before = {name: os.environ.get(name) for name in environments[0]}
    others: list[Process] = []
    parting = threading.Event()
    try:
        for environment in environments[1:]:
            others.append(_start(environment))
        os.environ.update(environments[0])
        threading.Thread(target=_watch, args=(others, parting, reporter), daemon=True).start()
        yield Place(0, processes, 0, processes, "torchrun")
    finally:
        parting.set()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        _end(others)


def follow_parent() -> None:
    """Ends this process at once when the one that started it is gone: its pipe then closes."""

    def watch() -> None:
        # Not sys.stdin, whose lock would be ours still when Python ends.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _start(environment: dict[str, str]) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "mlops_cli.training.member"],
        env={"TORCH_CPP_LOG_LEVEL": "ERROR", **os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C in a terminal reaches the first, which lets all stop after the same step.
        start_new_session=True,
    )


def _watch(others: Sequence[Process], parting: threading.Event, reporter: Reporter) -> None:
    """Ends this process when another is lost and this one waits for it all the same.

    A broken connection tells it at once, as a rule; a GPU, or a process that never came up, does
    not.
    """
    while not parting.wait(0.5):
        if any(process.poll() for process in others):
            if not parting.wait(_NOTICE_SECONDS):
                reporter.warn("a process of this training was lost: mlops train --resume latest")
                os._exit(1)
            return


def _end(others: Sequence[Process]) -> None:
    """Waits until the others are gone, and ends those that don't go by themselves."""
    until = time.monotonic() + (0.0 if sys.exc_info()[0] else _PATIENCE_SECONDS)
    for process in others:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
