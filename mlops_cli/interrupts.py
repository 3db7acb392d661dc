"""Work that is ended from outside: what is on disk stays whole."""

import os
import signal
from types import FrameType


def treat_termination_as_interrupt() -> None:
    """Lets SIGTERM do what SIGINT does at that moment, for the rest of the process."""
    signal.signal(signal.SIGTERM, _interrupt)


def reader_left(stop: OSError | SystemExit) -> bool:
    """Whether whoever read our output went away; what can't be printed then goes nowhere."""
    left = BrokenPipeError in (type(stop), type(stop.__context__))  # Typer wraps it.
    if left or (isinstance(stop, OSError) and stop.filename is None):
        # Python would try once more at the end to write what can't be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return left


def _interrupt(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # A shell switches SIGINT off for `mlops … &`.
        raise KeyboardInterrupt
    handler(number, frame)
