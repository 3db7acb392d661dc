"""Large tables of a graph in which rows are looked up, such as the vectors of tokens.

Nothing is made of them when a graph is loaded, so its sessions can share them. `bundle.json` says
where in the file they are; the file has to say so too: what a table's bytes are taken for is
written before them, as protocol buffers write ONNX's `TensorProto`.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {"float32": 1, "uint8": 2, "int8": 3, "float16": 10}
"""Numbers of the types in ONNX's `TensorProto.DataType`."""
_DIM, _TYPE, _NAME, _CONTENT = b"\x08", b"\x10", b"\x42", b"\x4a"
"""Tags of the fields `dims`, `data_type`, `name` and `raw_data`."""


def header(name: str, dtype: str, shape: Sequence[int]) -> bytes:
    """What stands in an ONNX file before the bytes of a table.

    Args:
        name: Its name.
        dtype: Its type, as numpy calls it.
        shape: Its shape.

    Raises:
        KeyError: Tables of this type are not shared.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    called = name.encode()
    return b"".join(
        [
            *(_DIM + _varint(length) for length in shape),
            _TYPE + _varint(TYPES[dtype]),
            _NAME + _varint(len(called)) + called,
            _CONTENT + _varint(size),
        ]
    )


def read(file: Path, listed: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    """The tables of a graph by name.

    Args:
        file: The graph.
        listed: What `bundle.json` says of them.

    Raises:
        OSError: The file can't be read.
        ValueError: A table is not where it is said to be.
    """
    for one in listed:
        try:
            name, dtype, offset = str(one["name"]), str(one["dtype"]), int(one["offset"])
            shape = [int(length) for length in one["shape"]]
            before = header(name, dtype, shape)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no proper table: {error}") from error
        with file.open("rb") as stream:
            stream.seek(max(0, offset - len(before)))
            if stream.read(len(before)) != before:
                raise ValueError(f"the table {name} is not at {offset}")
            yield name, np.fromfile(stream, dtype, math.prod(shape)).reshape(shape)


def _varint(number: int) -> bytes:
    """A number as protocol buffers write it: 7 bits a byte, the lowest first."""
    if number < 0:
        raise ValueError(f"{number} is no length")
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
