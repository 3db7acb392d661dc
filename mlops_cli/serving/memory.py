"""Memory of a process that runs for long."""

import ctypes
import gc
import sys
from typing import Any

import msgspec

_LARGE = 100_000
"""Bytes of JSON from which on collecting garbage while reading them costs more than it may."""


def settle() -> None:
    """Gives back what loading needed; what is left is no garbage and need not be looked at again.

    Saves about 10 MB for a small model (measured), and the pauses of collecting over all modules.
    """
    gc.unfreeze()  # What an earlier version left behind may be garbage by now.
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """What a decoder makes of JSON, without a look for garbage meanwhile where there is much of it.

    A million small lists in 7 MB would be looked through again and again while they are made: five
    times the time that reading takes (measured). None of them is garbage.

    Args:
        decoder: Reads.
        body: The JSON.

    Raises:
        DecodeError: It is no JSON; and whatever else `decode` raises.
    """
    if len(body) < _LARGE or not gc.isenabled():
        return decoder.decode(body)
    gc.disable()
    try:
        return decoder.decode(body)
    finally:
        gc.enable()
