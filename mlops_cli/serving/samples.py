"""Rows to measure with: invented ones of the shape that a bundle's training data had."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import UsageError
from mlops_cli.serving.bundle import Bundle
from mlops_cli.tasks import Columns, Encoder
from mlops_cli.tasks.encoders.image import ImageEncoder
from mlops_cli.tasks.encoders.table import TableEncoder
from mlops_cli.tasks.encoders.text import TextEncoder

_SEED = 0


def invent(bundle: Bundle, encoder: Encoder, rows: int) -> Columns:
    """Raw rows with the lengths, values and sizes that `reference.json` describes.

    Args:
        bundle: Its reference describes the training split.
        encoder: The bundle's.
        rows: How many.

    Raises:
        UsageError: The encoder is one of the user's own.
    """
    random = np.random.default_rng(_SEED)
    reference = bundle.reference()
    if isinstance(encoder, TextEncoder):
        return _texts(encoder, reference, random, rows)
    if isinstance(encoder, TableEncoder):
        return _cells(encoder, reference["columns"], random, rows)
    if isinstance(encoder, ImageEncoder):
        return {"image": _images(encoder, reference, random, rows)}
    raise UsageError(
        f"no rows can be invented for {', '.join(encoder.columns)}",
        hint="give some: mlops benchmark --file ROWS.csv",
    )


def _texts(
    encoder: TextEncoder, reference: dict[str, Any], random: np.random.Generator, rows: int
) -> Columns:
    """Frequent words, as many as make the tokens that texts have."""
    listed = [token for token, _ in reference["vocabulary"]["most_frequent"]]
    ids = [encoder.tokenizer.token_to_id(token) for token in listed]
    words = [encoder.tokenizer.decode([token]).strip() for token in ids if token is not None]
    # A word that comes back as the one token it was: lengths then add up.
    known = [word for word in words if word.isalnum()] or ["a"]
    special = len(encoder.tokenizer.encode("").ids)
    lengths = np.maximum(1, _drawn(reference["tokens"], random, rows).astype(int) - special)
    parts = len(encoder.columns)
    columns: Columns = {name: [] for name in encoder.columns}
    for length in lengths:
        for place, name in enumerate(encoder.columns):
            share = max(1, (int(length) + place) // parts)
            columns[name].append(" ".join(random.choice(known, share)))
    return columns


def _cells(
    encoder: TableEncoder, columns: dict[str, Any], random: np.random.Generator, rows: int
) -> Columns:
    """Numbers and categories as often as the columns have them."""
    found: Columns = {}
    for part in encoder.parts:
        described = columns[part.name]
        if part.values is None:
            there = "histogram" in described
            drawn = _drawn(described, random, rows).tolist() if there else []
            found[part.name] = [f"{value:.7g}" for value in drawn] or [""] * rows
        else:
            names = list(described["values"]) or [""]
            weights = np.array(list(described["values"].values()) or [1], dtype=np.float64)
            chances = weights / weights.sum() if weights.sum() else None
            found[part.name] = [names[int(i)] for i in random.choice(len(names), rows, p=chances)]
    return found


def _images(
    encoder: ImageEncoder, reference: dict[str, Any], random: np.random.Generator, rows: int
) -> list[str]:
    """Coloured noise in PNG files of the usual sizes, as `data:` URIs."""
    from PIL import Image

    sizes = [_drawn(reference[side], random, rows).astype(int) for side in ("width", "height")]
    found = []
    for width, height in zip(*sizes, strict=True):
        shape = (max(1, int(height)), max(1, int(width)), 3)
        stream = io.BytesIO()
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(stream, "PNG")
        found.append("data:image/png;base64," + base64.b64encode(stream.getvalue()).decode())
    return found


def _drawn(described: dict[str, Any], random: np.random.Generator, rows: int) -> NDArray[Any]:
    """Numbers that fall into the described histogram's bins as often as theirs did."""
    edges = np.array(described["histogram"]["edges"], dtype=np.float64)
    counts = np.array(described["histogram"]["counts"], dtype=np.float64)
    bins = random.choice(len(counts), rows, p=counts / counts.sum())
    return edges[bins] + random.random(rows) * (edges[bins + 1] - edges[bins])
