"""The Hugging Face hub: no waiting for one that is not there."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from urllib.parse import urlsplit

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError

from mlops_cli.reporting import Reporter

NO_ANSWER = cast("type[Exception]", HfHubHTTPError.__bases__[0])
"""What the library's HTTP client raises, whichever it is (it has changed once); no OSError."""
_CONNECT_SECONDS = 5.0
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@contextmanager
def bounded(reporter: Reporter) -> Iterator[None]:
    """Uses only the cache where the hub can't be reached: the library retries for 20 seconds."""
    before, logger = constants.HF_HUB_OFFLINE, logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        if not before and not _reachable():
            reporter.info(f"{constants.ENDPOINT} can't be reached: looking in the cache")
            # Read by the library at every request.
            constants.HF_HUB_OFFLINE = True
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        logger.setLevel(level)


def offline() -> bool:
    """Whether only the cache is used, as the user wants or as `bounded` found."""
    return bool(constants.HF_HUB_OFFLINE)


def _reachable() -> bool:
    """Whether the hub's machine answers. Behind a proxy only a request can tell."""
    if any(os.environ.get(name) for name in _PROXIES):
        return True
    hub = urlsplit(constants.ENDPOINT)
    port = hub.port or (80 if hub.scheme == "http" else 443)
    try:
        with socket.create_connection((hub.hostname or "", port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False
