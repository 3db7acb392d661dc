"""How far simple figures of an image get: the score that a network has to beat.

Colours of a thumbnail, and histograms of the edges' directions (Dalal and Triggs, 2005), told
apart by least squares on the classes' indicators (Hastie, Tibshirani and Friedman, The Elements of
Statistical Learning, 2009, section 4.2).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mlops_cli.tasks.encoders.image import ImageEncoder

Floats = NDArray[np.float32]

_SIDE, _THUMBNAIL, _CELL, _DIRECTIONS = 32, 8, 4, 8
"""Pixels of the image, the thumbnail and a cell; directions of edges from 0 to 180 degrees."""
_BLOCK = 512
_RIDGE = 10.0
_MOST = 10_000
"""Images that a baseline is fitted to; of more, so many at equal distances."""


def baselines(
    train: Sequence[str],
    train_ids: NDArray[np.int64],
    images: Sequence[str],
    ids: NDArray[np.int64],
    classes: int,
) -> dict[str, float]:
    """Accuracy on `images` of two simple models of the training images.

    Args:
        train: Files of the training images.
        train_ids: Class ids of shape (training images,).
        images: Files to tell apart.
        ids: Their class ids.
        classes: How many classes there are.
    """
    chosen = np.unique(np.linspace(0, len(train) - 1, min(len(train), _MOST)).astype(np.int64))
    known = features([train[row] for row in chosen])
    asked = features(images)
    mean, spread = known.mean(0), known.std(0) + 1e-6
    known, asked = (known - mean) / spread, (asked - mean) / spread
    truth = train_ids[chosen]
    thumbnail = slice(0, 3 * _THUMBNAIL**2)
    nearest = _nearest_mean(known[:, thumbnail], truth, asked[:, thumbnail], classes)
    linear = _least_squares(known, truth, asked, classes)
    return {
        "nearest_mean_of_pixels": float((nearest == ids).mean()),
        "linear_on_edges": float((linear == ids).mean()),
    }


def features(sources: Sequence[str]) -> Floats:
    """The figures of each image, of shape (images, figures): the thumbnail's, then the edges'."""
    if not sources:
        return np.zeros((0, 3 * _THUMBNAIL**2 + (_SIDE // _CELL) ** 2 * _DIRECTIONS), np.float32)
    return np.concatenate(list(_blocks(sources)))


def _blocks(sources: Sequence[str]) -> Iterator[Floats]:
    encoder = ImageEncoder((_SIDE, _SIDE), (0.0,) * 3, (1.0,) * 3)
    for start in range(0, len(sources), _BLOCK):
        rows = encoder.encode({"image": list(sources[start : start + _BLOCK])})
        values = encoder.collate(rows)["pixel_values"]
        count, step = len(values), _SIDE // _THUMBNAIL
        small = values.reshape(count, 3, _THUMBNAIL, step, _THUMBNAIL, step).mean((3, 5))
        yield np.concatenate([small.reshape(count, -1), _edges(values.mean(1))], axis=1)


def _edges(grey: Floats) -> Floats:
    """How strong edges of each direction are in each cell; images (count, side, side)."""
    down, across = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, across)
    direction = np.floor(np.arctan2(down, across) / np.pi * _DIRECTIONS).astype(np.int64)
    direction %= _DIRECTIONS
    cells = _SIDE // _CELL
    found = np.empty((len(grey), cells, cells, _DIRECTIONS), np.float32)
    for one in range(_DIRECTIONS):
        masked = np.where(direction == one, strength, 0.0)
        found[..., one] = masked.reshape(-1, cells, _CELL, cells, _CELL).sum((2, 4))
    # Lighter and darker images have edges alike.
    found /= np.sqrt((found**2).sum((1, 2, 3), keepdims=True)) + 1e-3
    return np.sqrt(found).reshape(len(grey), -1)


def _nearest_mean(
    known: Floats, truth: NDArray[np.int64], asked: Floats, classes: int
) -> NDArray[np.int64]:
    """The class whose mean is nearest."""
    found = np.full((len(asked), classes), np.inf)
    for label in np.unique(truth):
        found[:, label] = ((asked - known[truth == label].mean(0)) ** 2).sum(1)
    nearest: NDArray[np.int64] = found.argmin(1)
    return nearest


def _least_squares(
    known: Floats, truth: NDArray[np.int64], asked: Floats, classes: int
) -> NDArray[np.int64]:
    """The class whose indicator a ridge regression finds highest."""
    share = np.bincount(truth, minlength=classes) / len(truth)
    wanted = np.eye(classes)[truth] - share
    moments = known.T.astype(np.float64) @ known + _RIDGE * np.eye(known.shape[1])
    weights = np.linalg.solve(moments, known.T @ wanted)
    highest: NDArray[np.int64] = (asked @ weights + share).argmax(1)
    return highest
