"""The Open Inference Protocol, version 2, over REST: what Triton and KServe speak, under `/v2`.

Inputs are the raw columns of the task, outputs the cells of its answers, and `logits` where it is
asked for by name. Tensors come and go as JSON or in Triton's binary form.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mlops_cli import __version__
from mlops_cli.schemas.plain import plain
from mlops_cli.serving import http
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.protocols import infer_request, tensors
from mlops_cli.serving.protocols.infer_request import InferRequest, RequestedOutput
from mlops_cli.serving.protocols.native import allow
from mlops_cli.serving.protocols.tensors import BYTES
from mlops_cli.serving.refusals import Refusal
from mlops_cli.serving.rows import present
from mlops_cli.serving.service import Reply, Service, Version

_LENGTH = b"inference-header-content-length"
_FLOATS = ("score", "value")
_LOGITS = "logits"
_encoder = msgspec.json.Encoder()


def routes(service: Service) -> list[BaseRoute]:
    """The routes, the busiest first."""
    found: list[BaseRoute] = []
    for path in ("/v2/models/{model}/versions/{version}", "/v2/models/{model}"):
        found += [
            Route(f"{path}/infer", _Infer(service)),
            Route(f"{path}/ready", _Ready(service)),
            Route(path, _Metadata(service)),
        ]
    return [
        *found,
        Route("/v2/health/live", _Live()),
        Route("/v2/health/ready", _Ready(service)),
        Route("/v2", _Server()),
    ]


def problem(refusal: Refusal) -> dict[str, object]:
    """`{"error": …}`."""
    return {"error": f"{refusal.message} ({refusal.hint})" if refusal.hint else refusal.message}


class _Server:
    """What this server is."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        facts = {"name": "mlops", "version": __version__, "extensions": ["binary_tensor_data"]}
        await http.send_json(send, facts)


class _Live:
    """The process answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        await http.send_json(send, {"live": True})


class _Ready:
    """The server, and where one is named, a model of it, answers."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        self.service.require_ready()
        named = scope["path_params"]
        self.service.find(named.get("model"), named.get("version"))
        await http.send_json(send, {"ready": True})


class _Metadata:
    """A model's inputs and outputs."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        named = scope["path_params"]
        version = self.service.find(named.get("model"), named.get("version"))
        task = version.task
        logits = [-1, -1, len(task.labels)] if task.head.kind == "tags" else [-1, len(task.labels)]
        facts = {
            "name": version.model,
            "versions": list(self.service.models[version.model].versions),
            "platform": "onnxruntime_onnx",
            "inputs": [
                {"name": name, "datatype": tensors.datatype(kind), "shape": [-1]}
                for name, kind in task.encoder.cells.items()
            ],
            "outputs": [
                {"name": name, "datatype": _datatype(name), "shape": [-1]}
                for name in _columns(version)
            ]
            + [{"name": _LOGITS, "datatype": "FP32", "shape": logits}],
        }
        await http.send_json(send, facts)


class _Infer:
    """Tensors in, tensors out."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "POST")
        named = scope["path_params"]
        body = await http.body(scope, receive, self.service.config)
        version = self.service.choose(named.get("model"), named.get("version"))
        request, rest = infer_request.read(body, http.header(scope, _LENGTH))
        infer_request.check(request, [*_columns(version), _LOGITS])
        question = version.contract.convert(infer_request.asked(request, rest, version))
        seconds = infer_request.seconds(request) or http.deadline(scope)
        reply = await self.service.ask(question, version, deadline=seconds)
        await _answer(send, request, question, reply)


async def _answer(send: Send, request: InferRequest, question: Question, reply: Reply) -> None:
    wanted = request.outputs or [
        RequestedOutput(name) for name in reply.version.task.head.columns(question.top_k)
    ]
    usual = request.parameters.get("binary_data_output", False)
    outputs, blobs = [], []
    for output in wanted:
        found = _output(output.name, question, reply)
        numbers = isinstance(found, np.ndarray)
        entry: dict[str, Any] = {
            "name": output.name,
            "datatype": _datatype(output.name),
            "shape": found.shape if numbers else [len(found)],
        }
        if output.parameters.get("binary_data", usual):
            blobs.append(found.astype("<f4").tobytes() if numbers else tensors.encoded(found))
            entry["parameters"] = {"binary_data_size": len(blobs[-1])}
        elif output.name == _LOGITS:
            entry["data"] = found.ravel().tolist()
        else:
            entry["data"] = tensors.shortest(found) if numbers else found
        outputs.append(entry)
    content: dict[str, Any] = {
        "model_name": reply.version.model,
        "model_version": reply.version.name,
        "outputs": outputs,
    }
    if request.id:
        content["id"] = request.id
    if not blobs:
        await http.send_json(send, content)
        return
    head = _encoder.encode(content)
    told = ((_LENGTH, b"%d" % len(head)),)
    await http.send_bytes(send, b"".join([head, *blobs]), b"application/octet-stream", headers=told)


def _output(name: str, question: Question, reply: Reply) -> Any:
    """An output: numbers as an array, all else as a list of texts."""
    if name == _LOGITS:
        return _logits(question, reply)
    values = [answer.cells().get(name) for answer in reply.answer.predictions]
    if name in _FLOATS:
        return np.array(values, dtype=np.float32)  # None becomes NaN.
    return [
        value if isinstance(value, str) else "" if value is None else tensors.as_json(plain(value))
        for value in values
    ]


def _logits(question: Question, reply: Reply) -> NDArray[np.float32]:
    """What the network said; NaN for a row that lacks an input."""
    there, _ = present(reply.version.task.encoder, question.inputs)
    found = reply.answer.outputs
    whole = np.full((question.rows, *found.shape[1:]), np.nan, dtype=np.float32)
    whole[there] = found
    return whole


def _columns(version: Version) -> list[str]:
    return version.task.head.columns(2)


def _datatype(name: str) -> str:
    return "FP32" if name in (*_FLOATS, _LOGITS) else BYTES
