"""The admin endpoint's part of `/openapi.json`."""

from typing import Any

import msgspec

from mlops_cli.serving.openapi import Part, Problem, Schemas, content, look, name_of, operation
from mlops_cli.serving.protocols.admin import Looking, Promotion, Share, Target
from mlops_cli.serving.refusals import (
    Conflict,
    Forbidden,
    TooLarge,
    Unavailable,
    Unknown,
    Unprocessable,
    Untrusted,
    WrongType,
)
from mlops_cli.serving.service import Model, Service
from mlops_cli.serving.state import Event

_CHANGE = (
    Forbidden, Unknown, Conflict, Untrusted, TooLarge, WrongType, Unprocessable, Unavailable
)  # fmt: skip


class LoadedVersion(msgspec.Struct):
    """A version, and how many rows wait for it."""

    name: str
    bundle: str
    digest: str
    waiting: int


class LoadedModel(msgspec.Struct):
    """A model: who answers, who did before, who is on trial and who looks on."""

    name: str
    primary: str
    previous: str | None
    canary: dict[str, Any] | None
    shadow: dict[str, Any] | None
    rollbacks: int
    versions: list[LoadedVersion]


class AdminState(msgspec.Struct):
    """What is served, the latest changes, and the file that outlives the server."""

    models: list[LoadedModel]
    events: list[Event]
    state: str


def paths(service: Service, schemas: Schemas) -> Part:
    """The paths of `admin.routes`, for each model and version."""
    state, problem = (content(one) for one in schemas.refer(AdminState, Problem))
    refusals = (Forbidden, Unavailable)
    looked = look("admin_state", "What is served", state, problem, *refusals, tag="admin")
    made: Part = {"/admin/state": looked}
    for model in list(service.models.values()):
        made |= _of_model(model, schemas, state, problem)
    return made


def _of_model(model: Model, schemas: Schemas, state: Part, problem: Part) -> Part:
    target, promotion, share, looking = schemas.refer(Target, Promotion, Share, Looking)
    example = {"bundle": model.primary}
    changes: dict[str, tuple[str, Part | None]] = {
        "load": ("Load a version of", content(target, example)),
        "promote": ("Let a version answer for", content(promotion, example)),
        "canary": ("Put a version on trial for", content(share, {**example, "share": 0.1})),
        "shadow": ("Let a version look on at", content(looking, example)),
        "rollback": ("End the trial, or go back to the version before, for", None),
    }

    def change(name: str, summary: str, body: Part | None) -> Part:
        return operation(
            name_of("admin", name, model.name),
            f"{summary} {model.name}",
            body=body,
            answer=state,
            problem=problem,
            refusals=_CHANGE,
            tag="admin",
        )

    base = f"/admin/models/{model.name}"
    made: Part = {
        f"{base}/{name}": {"post": change(name, *facts)} for name, facts in changes.items()
    }
    for version in list(model.versions):
        unload = change(f"unload {version}", f"Take {version} down of", None)
        made[f"{base}/versions/{version}"] = {"delete": unload}
    return made
