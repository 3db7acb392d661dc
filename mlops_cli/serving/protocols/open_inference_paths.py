"""The Open Inference Protocol's part of `/openapi.json`."""

from typing import Any

import msgspec

from mlops_cli.serving.openapi import (
    PREDICTING,
    REQUEST_ID,
    TIMEOUT,
    Part,
    Schemas,
    content,
    look,
    name_of,
    operation,
)
from mlops_cli.serving.protocols import tensors
from mlops_cli.serving.protocols.infer_request import InferRequest
from mlops_cli.serving.refusals import Refusal, Unavailable, Unknown
from mlops_cli.serving.service import Service
from mlops_cli.serving.version import Version

_TAG = "open inference"
_LENGTH: Part = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "description": "Bytes of the JSON, where binary tensors follow it.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
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
    server, live, ready, facts, error, response = (
        content(one)
        for one in schemas.refer(
            ServerFacts, Live, Ready, ModelFacts, InferenceError, InferResponse
        )
    )
    (request,) = schemas.refer(InferRequest)

    def get(name: str, summary: str, answer: Part, *refusals: type[Refusal]) -> Part:
        return look(name_of(_TAG, name), summary, answer, error, *refusals, tag=_TAG)

    def of(base: str, called: str, version: Version) -> Part:
        name = base.removeprefix("/v2/models/")
        infer = operation(
            name_of(_TAG, "infer", name),
            f"Predict with {called}",
            body=content(request, _example(version)) | _BINARY,
            answer=response | _BINARY,
            problem=error,
            refusals=(Unknown, *PREDICTING),
            parameters=[_LENGTH, TIMEOUT, REQUEST_ID],
            tag=_TAG,
        )
        return {
            f"{base}/infer": {"post": infer},
            base: get(f"model {name}", f"Tensors of {called}", facts, Unknown),
            f"{base}/ready": get(f"ready {name}", f"{called} answers", ready, Unknown, Unavailable),
        }

    made: Part = {}
    for model in list(service.models.values()):
        base = f"/v2/models/{model.name}"
        made |= of(base, model.name, model.first)
        for version in list(model.versions.values()):
            called = f"{model.name}, version {version.name}"
            made |= of(f"{base}/versions/{version.name}", called, version)
    return made | {
        "/v2": get("server", "What this server is", server),
        "/v2/health/live": get("live", "The process answers", live),
        "/v2/health/ready": get("ready", "Requests are answered", ready, Unavailable),
    }


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
