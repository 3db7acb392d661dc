"""Requests of the Open Inference Protocol: what they hold, and what the native one would send."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mlops_cli.serving import http, memory
from mlops_cli.serving.protocols import tensors
from mlops_cli.serving.protocols.tensors import Tensor
from mlops_cli.serving.refusals import BadRequest, Unprocessable
from mlops_cli.serving.version import Version

_ASKED = ("top_k", "threshold")
_PARAMETERS = (*_ASKED, "timeout", "priority", "binary_data_output")
_MOST = 2**63
"""Whole numbers of Triton's clients are smaller."""
_WHOLE = {"type": "integer", "maximum": _MOST - 1}
_FLAG = {"type": "boolean"}

Parameters = Annotated[
    dict[str, Any],
    Meta(
        extra_json_schema={
            "properties": {
                "top_k": {"type": "integer", "minimum": 1, "maximum": 1000},
                "threshold": {"type": "number", "minimum": 0, "maximum": 1},
                "timeout": {**_WHOLE, "minimum": 1, "description": "Microseconds."},
                "priority": {**_WHOLE, "minimum": 0, "description": "Passed over."},
                "binary_data_output": _FLAG,
            }
        }
    ),
]
OutputParameters = Annotated[
    dict[str, Any], Meta(extra_json_schema={"properties": {"binary_data": _FLAG}})
]


class RequestedOutput(msgspec.Struct):
    """An output that a request names; `binary_data` wants it in binary form."""

    name: str
    parameters: OutputParameters = {}


class InferRequest(msgspec.Struct):
    """Tensors, and which outputs are wanted: all of the task's where none is named."""

    inputs: list[Tensor]
    id: str = ""
    parameters: Parameters = {}
    outputs: list[RequestedOutput] = []


_decoder = msgspec.json.Decoder(InferRequest)


def read(body: bytes, told: str | None) -> tuple[InferRequest, memoryview]:
    """The JSON of a request, and the binary data behind it.

    Args:
        body: The whole.
        told: How long the JSON is, by the header; None where the body is JSON alone.

    Raises:
        BadRequest: It is no JSON, or no length of it.
        Unprocessable: It is no such request.
    """
    length = len(body)
    if told is not None:
        found = http.whole(told, most=length)
        if found is None:
            raise BadRequest(f"Inference-Header-Content-Length is no length of JSON: {told[:40]!r}")
        length = found
    try:
        return memory.decoded(_decoder, body[:length]), memoryview(body)[length:]
    except msgspec.ValidationError as error:
        raise Unprocessable(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from error


def check(request: InferRequest, outputs: Sequence[str]) -> None:
    """Refuses what would be passed over in silence, or answered more than once.

    Args:
        request: The request.
        outputs: Names of the outputs that there are.

    Raises:
        Unprocessable: There is no such parameter or output, or it is none of that kind.
    """
    for name in request.parameters:
        if name not in _PARAMETERS and not name.startswith("sequence_"):
            raise Unprocessable(
                f"there is no parameter {name[:80]!r}", hint=f"parameters: {', '.join(_PARAMETERS)}"
            )
    if not _is_whole(request.parameters.get("priority", 0), least=0):
        raise Unprocessable("the parameter priority is no whole number from 0")
    _check_flag(request.parameters, "binary_data_output")
    named: set[str] = set()
    for output in request.outputs:
        if output.name not in outputs or output.name in named:
            called = f"output {output.name[:80]!r}"
            raise Unprocessable(
                f"{called} comes twice" if output.name in named else f"there is no {called}",
                hint=f"outputs: {', '.join(outputs)}",
            )
        named.add(output.name)
        _check_flag(output.parameters, "binary_data")
        if output.parameters.get("classification"):
            raise Unprocessable(
                "the parameter classification is not known", hint='ask for "parameters": {"top_k"}'
            )


def asked(request: InferRequest, rest: memoryview, version: Version) -> dict[str, Any]:
    """What the native protocol would send.

    Args:
        request: The request.
        rest: The binary data behind it.
        version: Who is asked.

    Raises:
        Unprocessable: The inputs are none that the model takes.
    """
    kinds, columns = version.task.encoder.cells, {}
    for tensor in request.inputs:
        if tensor.name not in kinds or tensor.name in columns:
            what = "comes twice" if tensor.name in columns else "is none of the model's"
            raise Unprocessable(
                f"input {tensor.name[:80]!r} {what}", hint=f"inputs: {', '.join(kinds)}"
            )
        version.contract.check_rows(tensor.shape[0] if tensor.shape else 0)
        size = tensor.parameters.get("binary_data_size")
        binary = None
        if size is not None:
            if not _is_whole(size, least=0) or size > len(rest):
                raise Unprocessable(f"input {tensor.name!r}: there is no binary data of that size")
            binary, rest = rest[:size], rest[size:]
        columns[tensor.name] = tensors.cells(tensor, kinds[tensor.name], binary)
    if len(rest):
        raise Unprocessable(f"{len(rest)} bytes of binary data belong to no input")
    if len({len(values) for values in columns.values()}) > 1:
        raise Unprocessable("the inputs have different numbers of rows")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    told = {name: request.parameters[name] for name in _ASKED if name in request.parameters}
    return {"inputs": rows, **told}


def seconds(request: InferRequest) -> float | None:
    """How long the asker waits, which Triton's clients tell in microseconds; None: not told.

    Raises:
        Unprocessable: It is no number of microseconds.
    """
    told = request.parameters.get("timeout")
    if told is None:
        return None
    if not _is_whole(told, least=1):
        raise Unprocessable("the parameter timeout is no number of microseconds")
    return float(told / 1e6)


def _is_whole(value: Any, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < _MOST


def _check_flag(parameters: dict[str, Any], name: str) -> None:
    if not isinstance(parameters.get(name, False), bool):
        raise Unprocessable(f"the parameter {name} is neither true nor false")
