"""The Open Inference Protocol's part of `/openapi.json`."""

from typing import Any

import msgspec

from mlops_cli.serving.openapi import (
    REQUEST_ID,
    TIMEOUT,
    Part,
    Schemas,
    content,
    name_of,
    operation,
)
from mlops_cli.serving.protocols import tensors
from mlops_cli.serving.protocols.open_inference import InferRequest
from mlops_cli.serving.refusals import (
    Late,
    Overloaded,
    TooLarge,
    Unavailable,
    Unknown,
    Unprocessable,
    WrongType,
)
from mlops_cli.serving.service import Service
from mlops_cli.serving.version import Version

_REFUSED = (Unknown, TooLarge, WrongType, Unprocessable, Overloaded, Unavailable, Late)
_TAG = "open inference"
_LENGTH: Part = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "description": "Bytes of the JSON, where binary tensors follow it.",
    "schema": {"type": "integer", "minimum": 0},
}
_BINARY = content({"type": "string", "format": "binary"}, media_type="application/octet-stream")


class ServerFacts(msgspec.Struct):
    """What this server is."""

    name: str
    version: str
    extensions: list[str]


class Live(msgspec.Struct):
    """Whether the process answers."""

    live: bool


class Ready(msgspec.Struct):
    """Whether requests are answered."""

    ready: bool


class TensorFacts(msgspec.Struct):
    """An input or an output; -1 in its shape is any number."""

    name: str
    datatype: str
    shape: list[int]


class ModelFacts(msgspec.Struct):
    """A model's versions, inputs and outputs."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]


class OutputTensor(msgspec.Struct):
    """An output; its data follows the JSON where `parameters` say how long it is."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}
    data: Any = None


class InferResponse(msgspec.Struct):
    """Tensors, and the version that they come from."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str = ""


class InferenceError(msgspec.Struct):
    """Why a request got no answer."""

    error: str


def paths(service: Service, schemas: Schemas) -> Part:
    """The paths of `open_inference.routes`, for each model and version."""
    server, live, ready, error = (
        content(one) for one in schemas.refer(ServerFacts, Live, Ready, InferenceError)
    )
    made: Part = {}
    for model in list(service.models.values()):
        base = f"/v2/models/{model.name}"
        made |= _model(base, model.first, schemas, ready, error)
        for version in list(model.versions.values()):
            made |= _model(f"{base}/versions/{version.name}", version, schemas, ready, error)
    return made | {
        "/v2": _get("server", "What this server is", server, error),
        "/v2/health/live": _get("live", "The process answers", live, error),
        "/v2/health/ready": _get("ready", "Requests are answered", ready, error, Unavailable),
    }


def _model(base: str, version: Version, schemas: Schemas, ready: Part, error: Part) -> Part:
    request, response, facts = schemas.refer(InferRequest, InferResponse, ModelFacts)
    called = base.removeprefix("/v2/models/").replace("/versions/", ", version ")
    words = base.removeprefix("/v2/models/").split("/")
    infer = operation(
        name_of(_TAG, "infer", *words),
        f"Predict with {called}",
        body=content(request, _example(version)) | _BINARY,
        answer=content(response) | _BINARY,
        problem=error,
        refusals=_REFUSED,
        parameters=[_LENGTH, TIMEOUT, REQUEST_ID],
        tag=_TAG,
    )
    return {
        f"{base}/infer": {"post": infer},
        base: _get(
            name_of("model", *words), f"Tensors of {called}", content(facts), error, Unknown
        ),
        f"{base}/ready": _get(
            name_of("ready", *words), f"{called} answers", ready, error, Unknown, Unavailable
        ),
    }


def _get(name: str, summary: str, answer: Part, error: Part, *refusals: Any) -> Part:
    made = operation(
        name_of(_TAG, name), summary, answer=answer, problem=error, refusals=refusals, tag=_TAG
    )
    return {"get": made}


def _example(version: Version) -> Part:
    """A request of one plausible row."""
    row = version.contract.example_row(version.known)
    return {
        "inputs": [
            {
                "name": name,
                "shape": [1],
                "datatype": (datatype := tensors.datatype(kind)),
                "data": [str(row[name]) if datatype == tensors.BYTES else row[name]],
            }
            for name, kind in version.task.encoder.cells.items()
        ]
    }
