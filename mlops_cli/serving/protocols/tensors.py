"""Tensors of the Open Inference Protocol, as JSON and in Triton's binary form, and raw columns.

In binary form, `BYTES` is a length of four bytes (little-endian) before each element; every other
datatype is its array as it lies in memory, little-endian too.
"""

import base64
import json
import math
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mlops_cli.serving.refusals import Unprocessable
from mlops_cli.tasks import CellKind

BYTES = "BYTES"
_FLOATS = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
_WHOLE = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
}
_ARRAYS = _FLOATS | _WHOLE
_LENGTH = struct.Struct("<I")
_TEXT = (str,)


class Tensor(msgspec.Struct):
    """An input of a request.

    Attributes:
        name: Which of the model's inputs.
        shape: `[rows]` or `[rows, 1]`.
        datatype: Such as `BYTES` and `FP32`.
        parameters: `binary_data_size`, where the data follows the JSON.
        data: The values, where they are in the JSON; nested or flat.
    """

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


def datatype(kind: CellKind) -> str:
    """The datatype that a raw column is described with."""
    return "FP64" if kind == "number" else BYTES


def cells(tensor: Tensor, kind: CellKind, binary: memoryview | None) -> list[Any]:
    """The values of a raw column, as the native protocol takes them.

    Args:
        tensor: The input.
        kind: What the column holds.
        binary: The input's data, where it follows the JSON.

    Raises:
        Unprocessable: Shape, datatype and data don't belong together, or not to the column.
    """
    rows = _rows(tensor)
    taken = {BYTES: ""} | ({} if kind not in ("number", "category") else _WHOLE)
    taken |= _FLOATS if kind == "number" else {}
    if tensor.datatype not in taken:
        raise _off(tensor, f"datatype {tensor.datatype!r:.40} is none of {', '.join(taken)}")
    if binary is None:
        values = _flat(tensor, rows)
    elif tensor.datatype == BYTES:
        values = [_text(tensor, raw, kind) for raw in _elements(tensor, binary, rows)]
    else:
        values = _numbers(tensor, binary, rows)
    _check_count(tensor, rows, len(values))
    return [None if _is_nan(value) else value for value in values]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def encoded(texts: Sequence[str]) -> bytes:
    """Elements of `BYTES` in binary form."""
    parts = []
    for text in texts:
        raw = text.encode()
        parts += [_LENGTH.pack(len(raw)), raw]
    return b"".join(parts)


def shortest(array: NDArray[np.floating[Any]]) -> list[float]:
    """The numbers of an array in the fewest digits: 0.1 stays 0.1 whatever its width."""
    return [float(str(value)) for value in array]


def as_json(value: Any) -> str:
    """A structured value as one text."""
    return json.dumps(value, ensure_ascii=False)


def _rows(tensor: Tensor) -> int:
    shape = tensor.shape
    if len(shape) not in (1, 2) or shape[0] < 1 or shape[1:] not in ([], [1]):
        raise _off(tensor, f"shape {shape!s:.40} is neither [rows] nor [rows, 1]")
    return shape[0]


def _check_count(tensor: Tensor, rows: int, found: int) -> None:
    if found != rows:
        raise _off(tensor, f"shape {tensor.shape!s:.40} has {rows} elements and the data {found}")


def _flat(tensor: Tensor, rows: int) -> list[Any]:
    """Values of the JSON: text for BYTES, numbers that it can hold for any other datatype."""
    if not isinstance(tensor.data, list):
        raise _off(tensor, "there is no data")
    data = tensor.data
    _check_count(tensor, rows, len(data))
    if len(tensor.shape) == 2 and all(isinstance(one, list) and len(one) == 1 for one in data):
        data = [one[0] for one in data]
    kinds, least, most = _range(tensor.datatype)
    for value in data:
        if type(value) not in kinds:
            raise _off(tensor, f"the data of {tensor.datatype} has a {type(value).__name__} in it")
        if kinds != _TEXT and not least <= value <= most:
            raise _off(tensor, f"{value!s:.40} is no {tensor.datatype}")
    return data


@cache
def _range(datatype: str) -> tuple[tuple[type, ...], float, float]:
    """Types of JSON's values of a datatype, and the range that its binary form has."""
    if datatype == BYTES:
        return _TEXT, 0, 0
    if datatype == "BOOL":
        return (bool,), 0, 1
    if datatype in _WHOLE:
        whole = np.iinfo(_WHOLE[datatype])
        return (int,), int(whole.min), int(whole.max)
    real = np.finfo(_FLOATS[datatype])
    return (int, float), float(real.min), float(real.max)


def _elements(tensor: Tensor, binary: memoryview, rows: int) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(binary) and len(found) <= rows:
        if at + _LENGTH.size > len(binary):
            raise _off(tensor, "the binary data ends within a length")
        (length,) = _LENGTH.unpack_from(binary, at)
        at += _LENGTH.size
        if at + length > len(binary):
            raise _off(tensor, "the binary data ends within an element")
        found.append(bytes(binary[at : at + length]))
        at += length
    return found


def _text(tensor: Tensor, raw: bytes, kind: CellKind) -> str:
    if kind == "image":
        return base64.b64encode(raw).decode()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _off(tensor, "an element is no UTF-8 text") from error


def _numbers(tensor: Tensor, binary: memoryview, rows: int) -> list[Any]:
    kind = np.dtype(_ARRAYS[tensor.datatype])
    if len(binary) % kind.itemsize:
        raise _off(tensor, "the binary data ends within an element")
    array = np.frombuffer(binary, dtype=kind)
    _check_count(tensor, rows, len(array))
    values: list[Any] = array.tolist() if tensor.datatype in _WHOLE else shortest(array)
    return values


def _off(tensor: Tensor, what: str) -> Unprocessable:
    return Unprocessable(f"input {tensor.name!r:.80}: {what}")
