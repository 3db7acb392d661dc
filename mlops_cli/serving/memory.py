"""Memory of a process that runs for long."""

import ctypes
import gc
import sys
from typing import Any

import msgspec

_LARGE = 100_000
"""Bytes of JSON from which on collecting garbage while reading them costs more than it may."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt(3)`."""
_OWN_PAGES, _MOST_OWN_PAGES = 1 << 20, 32 << 20
_KEPT = 64 << 20
"""Bytes at the end of the heap that stay: twice the largest that may be in it, as glibc has it."""


def prepare() -> None:
    """Until `settle`, what takes 1 MiB or more gets pages of its own, which go back as it is freed.

    Else a thread that loads several graphs keeps the room between them: 11 MB of a small model
    (measured).
    """
    _set(_MMAP_THRESHOLD, _OWN_PAGES)


def settle() -> None:
    """Gives back what loading needed; what is left is no garbage and need not be looked at again.

    Saves about 10 MB for a small model (measured), and the pauses of collecting over all modules.
    """
    gc.unfreeze()  # What an earlier version left behind may be garbage by now.
    gc.collect()
    gc.freeze()
    # What is needed while serving is used again: fresh pages take twenty times as long (measured).
    _set(_MMAP_THRESHOLD, _MOST_OWN_PAGES)
    _set(_TRIM_THRESHOLD, _KEPT)
    trim = _of_c("malloc_trim")
    if trim is not None:
        trim(0)


def _set(parameter: int, value: int) -> None:
    mallopt = _of_c("mallopt")
    if mallopt is not None:
        mallopt(parameter, value)


def _of_c(name: str) -> Any:
    """A function of Linux's C library; None where it has none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


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
