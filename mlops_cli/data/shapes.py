"""Small pictures of shapes, for image classification.

Place, size, turn and colours are drawn at random, and noise lies over all of it: no pixel by
itself tells the shape.
"""

import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.examples import Examples
from mlops_cli.data.quickstart import sizes
from mlops_cli.files import atomic_folder
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "pictures of shapes"

_SIDE = 20
"""Height and width in pixels."""
_NOISE = 0.25
_TURNS = 24
"""Different angles that a shape is turned by."""
_LEAST_CONTRAST = 90

_Grid = NDArray[np.float64]


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test pictures with their shapes; the files lie in `folder`."""
    place = folder(config)
    expected = [(place / name, label) for name, label in _names(config)]
    try:
        digests = [sha256(path.read_bytes()).hexdigest() for path, _ in expected]
    except OSError:
        _draw(config, place)
        digests = [sha256(path.read_bytes()).hexdigest() for path, _ in expected]
    rows = Examples(
        {"image": [str(path) for path, _ in expected]},
        [label for _, label in expected],
        contents=digests,
    )
    train, validation, test = sizes(config)
    ends = (0, train, train + validation, train + validation + test)
    first, second, third = (rows.take(range(*ends[at : at + 2])) for at in range(3))
    return first, second, third


def folder(config: QuickstartDataConfig) -> Path:
    """Where the pictures lie, to be looked at: in the user's cache, a folder for each shape."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mlops" / f"shapes-{config.size}-{config.seed}"


def _names(config: QuickstartDataConfig) -> Iterator[tuple[str, str]]:
    """File and shape of each picture, all shapes in turn."""
    shapes = list(_SHAPES)
    for number in range(config.size):
        shape = shapes[number % len(shapes)]
        yield f"{shape}/{number:05}.png", shape


def _draw(config: QuickstartDataConfig, place: Path) -> None:
    """Writes every picture; the folder is there whole or not at all."""
    draw = random.Random(f"shapes {config.seed}")
    with atomic_folder(place) as new:
        for shape in _SHAPES:
            (new / shape).mkdir()
        for name, shape in _names(config):
            (new / name).write_bytes(_png(_picture(_SHAPES[shape], draw)))


def _picture(
    shape: Callable[[_Grid, _Grid, float], _Grid], draw: random.Random
) -> NDArray[np.uint8]:
    """One picture, of shape (side, side, 3).

    Only sums, products and square roots are taken of the pixels: they are the same everywhere.
    """
    size = draw.uniform(0.22, 0.36) * _SIDE
    across, down = (draw.uniform(size, _SIDE - size) for _ in range(2))
    angle = 2 * pi * draw.randrange(_TURNS) / _TURNS
    rows, columns = np.mgrid[0:_SIDE, 0:_SIDE] + 0.5
    x, y = columns - across, rows - down
    turned_x, turned_y = x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle)
    # The distance to the edge, in pixels, says how much of a pixel lies inside.
    inside = np.clip(0.5 - shape(turned_x, turned_y, size), 0, 1)[..., None]
    ground, colour = _colours(draw)
    noise = np.frombuffer(draw.randbytes(_SIDE * _SIDE * 3), np.uint8).reshape(_SIDE, _SIDE, 3)
    values = ground + (colour - ground) * inside + (noise - 127.5) * _NOISE
    return np.clip(values, 0, 255).astype(np.uint8)


def _colours(draw: random.Random) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two colours that differ enough to be told apart."""
    while True:
        first, second = (np.array([draw.uniform(0, 255) for _ in range(3)]) for _ in range(2))
        if abs(first - second).max() > _LEAST_CONTRAST:
            return first, second


def _circle(x: _Grid, y: _Grid, size: float) -> _Grid:
    return np.sqrt(x * x + y * y) - size


def _ring(x: _Grid, y: _Grid, size: float) -> _Grid:
    return abs(_circle(x, y, 0.75 * size)) - 0.25 * size


def _square(x: _Grid, y: _Grid, size: float) -> _Grid:
    return np.maximum(abs(x), abs(y)) - 0.8 * size


def _cross(x: _Grid, y: _Grid, size: float) -> _Grid:
    x, y = abs(x), abs(y)
    thin = 0.3 * size
    upright, lying = np.maximum(x - thin, y - size), np.maximum(x - size, y - thin)
    return np.minimum(upright, lying)


def _triangle(x: _Grid, y: _Grid, size: float) -> _Grid:
    height = 0.55 * size
    return np.maximum(y, 0.8660254037844386 * abs(x) - 0.5 * y) - height


_SHAPES = {
    "circle": _circle,
    "cross": _cross,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
}
"""From places seen from the middle, and a size, to the distance to the edge; inside negative."""


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of RGB pixels, not compressed: compressors differ from machine to machine."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + width * 3), np.uint8)  # Each begins with its filter: none.
    lines[:, 1:] = pixels.reshape(height, width * 3)
    facts = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", facts), (b"IDAT", zlib.compress(lines.tobytes(), 0)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
