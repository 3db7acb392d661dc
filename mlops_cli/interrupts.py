"""SIGTERM ends work the way Ctrl-C does: what is on disk stays whole."""

import signal
from types import FrameType


def treat_termination_as_interrupt() -> None:
    """Lets SIGTERM do what SIGINT does at that moment, for the rest of the process."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # A shell switches SIGINT off for `mlops … &`.
        raise KeyboardInterrupt
    handler(number, frame)
