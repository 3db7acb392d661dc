"""Images beside each other, each over a few words, as one PNG file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.reports.figures import drawing

_ACROSS = 6
_INCHES = 1.7


def draw(
    path: Path, images: Sequence[NDArray[np.uint8]], captions: Sequence[str], title: str
) -> None:
    """Draws the images in rows.

    Args:
        path: Where the picture goes.
        images: Each of shape (height, width, 3), or (height, width, 1) where it is grey.
        captions: One each.
        title: Over all of them.
    """
    across = min(_ACROSS, max(1, len(images)))
    rows = max(1, -(-len(images) // across))
    with drawing(path, max(3.5, across * _INCHES), rows * (_INCHES + 0.35) + 0.5) as figure:
        figure.suptitle(title)
        grid: Any = figure.subplots(rows, across, squeeze=False)
        for place, axes in enumerate(grid.flat):
            axes.set_axis_off()
            if place < len(images):
                shown = images[place].squeeze(-1) if images[place].shape[-1] == 1 else images[place]
                axes.imshow(shown, cmap="gray", vmin=0, vmax=255)
                axes.set_title(captions[place], fontsize=8)
