"""A server that was deployed, asked over HTTP: whether it is ready, and what it answers with."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from mlops_cli.errors import MlopsError

_PATIENCE = 10.0
"""Seconds that one answer may take."""
_EVERY = 0.2
"""Seconds between two looks."""


def ready(url: str) -> bool:
    """Whether a server at an address has loaded its models."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_PATIENCE) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def digest(url: str, key: str | None) -> str | None:
    """Digest of the bundle that answers.

    Args:
        url: Where the server is.
        key: An API key of it; None where it takes none, or none is known.

    Returns:
        None where it wants a key, or another one.

    Raises:
        MlopsError: It does not answer, or not as a server of ours.
    """
    asked = urllib.request.Request(f"{url}/models")
    if key:
        asked.add_unredirected_header("authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
            return primary(json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return None
        raise MlopsError(f"{url} answered {error.code} when asked for its models") from error
    except (OSError, ValueError) as error:
        raise MlopsError(f"no server of ours answers at {url}: {error}") from error


def primary(told: Any) -> str:
    """Digest of the bundle that answers, of what `/models` tells.

    Raises:
        MlopsError: It tells no such thing.
    """
    try:
        (model,) = told["models"]
        (found,) = (one for one in model["versions"] if one["name"] == model["primary"])
        return str(found["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise MlopsError("the server does not say what it answers with") from error


def wait(url: str, seconds: float, gone: Callable[[], str | None]) -> None:
    """Waits until a server is ready.

    Args:
        url: Where it is.
        seconds: How long at most.
        gone: Why it never will be; None as long as it may.

    Raises:
        MlopsError: It is not.
    """
    until = time.monotonic() + seconds
    while not ready(url):
        reason = gone()
        if reason is not None:
            raise MlopsError(reason)
        if time.monotonic() > until:
            raise MlopsError(
                f"it was not ready within {seconds:g} s", hint="target.seconds gives it more time"
            )
        time.sleep(_EVERY)
