"""The admin endpoint: what is served, and changes to it. Takes an API key with the role admin."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mlops_cli.serving import auth, http
from mlops_cli.serving.operations import Operations
from mlops_cli.serving.protocols.native import allow
from mlops_cli.serving.refusals import BadRequest, Unavailable, Unprocessable
from mlops_cli.serving.service import Model
from mlops_cli.serving.version import Version

_Words = Annotated[str, Meta(min_length=1, max_length=1000)]
_Share = Annotated[float, Meta(gt=0, le=1)]


class Target(msgspec.Struct, forbid_unknown_fields=True):
    """A version that is loaded, a run, or the folder of a bundle."""

    bundle: _Words


class Promotion(Target, forbid_unknown_fields=True):
    """`keep` leaves the version that answered until now loaded."""

    keep: bool = False


class Share(Target, forbid_unknown_fields=True):
    """A version and its share of the requests."""

    share: _Share = 0.1


class Looking(msgspec.Struct, forbid_unknown_fields=True):
    """A version, or none."""

    bundle: _Words | None = None


def routes(operations: Operations) -> list[BaseRoute]:
    """The routes."""

    def post(path: str, change: Callable[[str, bytes], Awaitable[Any]]) -> Route:
        return Route(f"/admin/models/{{model}}/{path}", _Change(operations, change))

    async def load(model: str, body: bytes) -> None:
        await operations.load(model, _read(body, Target).bundle)

    async def promote(model: str, body: bytes) -> None:
        asked = _read(body, Promotion)
        await operations.promote(model, asked.bundle, keep=asked.keep)

    async def canary(model: str, body: bytes) -> None:
        asked = _read(body, Share)
        await operations.canary(model, asked.bundle, asked.share)

    async def shadow(model: str, body: bytes) -> None:
        await operations.shadow(model, _read(body, Looking).bundle)

    async def rollback(model: str, body: bytes) -> None:
        await operations.rollback(model)

    return [
        Route("/admin/state", _State(operations)),
        post("load", load),
        post("promote", promote),
        post("canary", canary),
        post("shadow", shadow),
        post("rollback", rollback),
        Route("/admin/models/{model}/versions/{version}", _Unload(operations)),
    ]


class _State:
    """What is served."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _admit(self.operations, scope, "GET", "HEAD")
        await http.send_json(send, _shown(self.operations))


class _Change:
    """A change to a model; answered when it is made, with what is served then."""

    def __init__(
        self, operations: Operations, change: Callable[[str, bytes], Awaitable[Any]]
    ) -> None:
        self.operations, self.change = operations, change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _admit(self.operations, scope, "POST")
        body = await http.body(scope, receive, self.operations.service.config)
        await self.change(scope["path_params"]["model"], body)
        await http.send_json(send, _shown(self.operations))


class _Unload:
    """Takes a version down."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _admit(self.operations, scope, "DELETE")
        named = scope["path_params"]
        await self.operations.unload(named["model"], named["version"])
        await http.send_json(send, _shown(self.operations))


def _admit(operations: Operations, scope: Scope, *methods: str) -> None:
    auth.require(scope, role="admin")
    allow(scope, *methods)
    if not operations.service.ready:
        raise Unavailable("the server is starting or stopping", retry_after=1)


def _read(body: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise Unprocessable(str(error).replace("`", ""), hint='send {"bundle": "RUN"}') from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from error


def _shown(operations: Operations) -> dict[str, Any]:
    return {
        "models": [_model(one, operations) for one in operations.service.models.values()],
        "events": operations.events,
        "state": str(operations.keeper.file),
    }


def _model(entry: Model, operations: Operations) -> dict[str, Any]:
    rollout, previous = entry.rollout, operations.previous.get(entry.name)
    canary: dict[str, Any] | None = None
    shadow: dict[str, Any] | None = None
    if rollout is not None and rollout.canary is not None and rollout.trial is not None:
        canary = {"version": rollout.canary.name, **rollout.trial.figures()}
    if rollout is not None and rollout.shadow is not None:
        looking = rollout.shadow
        shadow = {"version": looking.version.name, **looking.agreement.figures()}
    return {
        "name": entry.name,
        "primary": entry.primary,
        "previous": previous.version if previous else None,
        "canary": canary,
        "shadow": shadow,
        "rollbacks": entry.rollbacks,
        "versions": [_version(one) for one in entry.versions.values()],
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "name": version.name,
        "bundle": str(version.bundle.path),
        "digest": version.bundle.digest,
        "waiting": version.engine.waiting,
    }
