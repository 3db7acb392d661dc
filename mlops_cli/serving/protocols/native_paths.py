"""The native protocol's part of `/openapi.json`, and what Prometheus reads."""

import json
import time
from typing import Any

import msgspec

from mlops_cli.serving.openapi import (
    PREDICTING,
    REQUEST_ID,
    TIMEOUT,
    Part,
    Problem,
    Schemas,
    content,
    look,
    name_of,
    operation,
)
from mlops_cli.serving.protocols import native
from mlops_cli.serving.refusals import Refusal, Unavailable, Unknown
from mlops_cli.serving.service import Service
from mlops_cli.serving.version import Version

_SECONDS = 5


class Status(msgspec.Struct):
    """How the server is."""

    status: str


class VersionEntry(msgspec.Struct):
    """One version of a model."""

    name: str
    task: str
    labels: list[str]
    run: str
    digest: str
    metrics: dict[str, Any]


class ModelEntry(msgspec.Struct):
    """A model; `primary` is the version that answers where none is named."""

    name: str
    primary: str
    versions: list[VersionEntry]


class ModelList(msgspec.Struct):
    """What is served."""

    models: list[ModelEntry]


async def paths(service: Service, schemas: Schemas) -> Part:
    """The paths of `native.routes`, one for each model and version, and `/metrics`."""
    problem = content(schemas.refer(Problem)[0])
    made: Part = {}
    for model in list(service.models.values()):
        for version in list(model.versions.values()):
            kinds = schemas.refer(
                version.contract.request,
                version.contract.response,
                owner=f"{model.name}.{version.name}",
            )
            asked = {"inputs": [version.contract.example_row(version.known)]}
            bodies = content(kinds[0], asked), content(kinds[1], await _answer(version, asked))
            first = version.name == model.primary
            if first and not made:
                made["/predict"] = _predict("predict", "Predict", bodies, problem)
            path = f"/models/{model.name}"
            if first:
                made[f"{path}/predict"] = _predict(
                    name_of("predict", model.name), f"Predict with {model.name}", bodies, problem
                )
            made[f"{path}/versions/{version.name}/predict"] = _predict(
                name_of("predict", model.name, version.name),
                f"Predict with {model.name}, version {version.name}",
                bodies,
                problem,
            )
    return made | _states(schemas, problem)


def _predict(name: str, summary: str, bodies: tuple[Part, Part], problem: Part) -> Part:
    request, response = bodies
    return {
        "post": operation(
            name,
            summary,
            body=request,
            answer=response,
            problem=problem,
            refusals=(Unknown, *PREDICTING),
            parameters=[TIMEOUT, REQUEST_ID],
            tag="predict",
        )
    }


def _states(schemas: Schemas, problem: Part) -> Part:
    models, status = schemas.refer(ModelList, Status)
    live, ready = content(status, {"status": "live"}), content(status, {"status": "ready"})
    text: Part = {"type": "string"}
    counted = content(text, media_type="text/plain")
    counted |= content(text, media_type="application/openmetrics-text")

    def get(name: str, summary: str, answer: Part, *refusals: type[Refusal]) -> Part:
        return look(name, summary, answer, problem, *refusals, tag="models")

    return {
        "/models": get("models", "What is served", content(models)),
        "/livez": get("livez", "The process answers", live),
        "/readyz": get("readyz", "Requests are answered", ready, Unavailable),
        "/metrics": get("metrics", "What was counted, for Prometheus", counted),
    }


async def _answer(version: Version, asked: Part) -> Any:
    """What the model really says of the example; nothing where it is too busy to say."""
    question = version.contract.read(json.dumps(asked).encode())
    try:
        answer = await version.engine.ask(question, deadline=time.monotonic() + _SECONDS)
    except Refusal:
        return None
    return native.shown(answer, version)
