"""A running server's admin endpoint, asked over HTTP."""

import json
import os
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from mlops_cli.errors import (
    DataError,
    GateError,
    MissingDependencyError,
    MlopsError,
    NotFoundError,
    UsageError,
)

KEY = "MLOPS_ADMIN_KEY"
"""The environment variable that holds the API key."""
_SECONDS = 300.0
"""Loading a large bundle takes a while."""
_ERRORS: dict[int, type[MlopsError]] = {
    HTTPStatus.UNAUTHORIZED: MissingDependencyError,
    HTTPStatus.FORBIDDEN: MissingDependencyError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.PRECONDITION_FAILED: GateError,
    HTTPStatus.UNPROCESSABLE_ENTITY: DataError,
}


def state(url: str) -> dict[str, Any]:
    """What a server serves.

    Args:
        url: Where it answers.

    Raises:
        MlopsError: It does not answer, or refuses.
    """
    return _asked(url, "GET", "/admin/state")


def change(url: str, model: str | None, what: str, **body: Any) -> dict[str, Any]:
    """Changes what a server serves, and says what it serves then.

    Args:
        url: Where it answers.
        model: Name of the model; None takes the only one.
        what: `load`, `promote`, `canary`, `shadow` or `rollback`.
        body: What the endpoint takes.

    Raises:
        MlopsError: It does not answer, or refuses.
    """
    return _asked(url, "POST", f"/admin/models/{quote(_model(url, model), safe='')}/{what}", body)


def unload(url: str, model: str | None, version: str) -> dict[str, Any]:
    """Takes a version down; see `change`."""
    named = quote(_model(url, model), safe=""), quote(version, safe="")
    return _asked(url, "DELETE", f"/admin/models/{named[0]}/versions/{named[1]}")


def _model(url: str, model: str | None) -> str:
    if model is not None:
        return model
    names = [one["name"] for one in state(url)["models"]]
    if len(names) != 1:
        raise UsageError(
            f"the server has {len(names)} models: {', '.join(names)}",
            hint=f"say which: --model {names[0]}",
        )
    return str(names[0])


def _asked(url: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url!r} is no address of a server", hint="--url http://127.0.0.1:8000")
    request = urllib.request.Request(
        url.rstrip("/") + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"content-type": "application/json"},
    )
    key = os.environ.get(KEY)
    if key:
        request.add_unredirected_header("authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except urllib.error.HTTPError as error:
        raise _refused(url, error) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotFoundError(
            f"no server answers at {url}: {reason}",
            hint="mlops serve, or name another: --url URL",
        ) from error


def _refused(url: str, error: urllib.error.HTTPError) -> MlopsError:
    """The server's refusal as an error of ours."""
    try:
        told = json.loads(error.read())
        message, hint = str(told["error"]), str(told["hint"])
    except (OSError, ValueError, KeyError, TypeError):
        message, hint = f"{url} answered {error.code}", "is it a server of mlops?"
    if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and not os.environ.get(KEY):
        hint = f"put an admin's API key in {KEY}: mlops serve --new-key NAME --admin"
    return _ERRORS.get(error.code, MlopsError)(message, hint=hint)
