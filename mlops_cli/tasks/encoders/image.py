"""Images to pixels."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import psutil
from numpy.typing import NDArray

from mlops_cli import cores
from mlops_cli.errors import DataError
from mlops_cli.tasks import CellKind, Columns, Inputs, pictures
from mlops_cli.tasks.distribution import counts, shares

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]
"""One image as the network takes it, but for the scale: shape (height, width, channels)."""

_MOST_KEPT = 2**30
_SHARE_KEPT = 0.25
"""Most memory that decoded images of one data set take: bytes, and share of what is free."""
_DESCRIBED = 2000
"""Images that a description is made of; of more, so many at equal distances."""


@dataclass(frozen=True)
class ImageEncoder:
    """One image a row; see `pictures.decode` for what is made of the file.

    Attributes:
        size: Height and width that the network takes.
        mean: Of each channel, taken off the values of 0 to 1; as many as there are channels.
        std: Of each channel; what is left is divided by it.
        shortest: The shorter side is scaled to this, and the middle cut out; None scales both
            sides to `size`, whatever the proportions.
        resample: How pixels are interpolated, as Pillow numbers it: 2 bilinear, 3 bicubic.
        input_names: Graph inputs, in order.
        columns: The raw columns it reads.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    shortest: int | None = None
    resample: int = 3
    input_names: tuple[str, ...] = ("pixel_values",)
    columns: tuple[str, ...] = ("image",)
    optional: ClassVar[bool] = False

    @property
    def cells(self) -> dict[str, CellKind]:
        """Images."""
        return dict.fromkeys(self.columns, "image")

    def encode(self, inputs: Columns) -> "list[Picture]":
        """Images that are decoded when a batch is made of them."""
        sources = inputs["image"]
        kept = _Kept(len(sources), (*self.size, len(self.mean)))
        return [Picture(source, place, self, kept) for place, source in enumerate(sources)]

    def pixels(self, source: str) -> Pixels:
        """An image, read from its file.

        Raises:
            NotFoundError: There is no such file.
            DataError: It is no image that can be decoded.
        """
        height, width = self.size
        image = pictures.decode(
            pictures.content(source),
            source,
            colours=len(self.mean) == 3,
            # Twice as large as needed, so that the smaller JPEG looks the same.
            least=2 * max(height, width, self.shortest or 0),
        )
        if self.shortest is not None:
            image = _middle(_scaled(image, self.shortest, self.resample), width, height)
        elif image.size != (width, height):
            image = image.resize((width, height), self.resample)
        return np.asarray(image, dtype=np.uint8).reshape(height, width, len(self.mean))

    def sizes(self, rows: "Sequence[Picture]") -> NDArray[np.int64]:
        """All images are of one size."""
        return np.ones(len(rows), dtype=np.int64)

    def count_truncated(self, inputs: Columns) -> int:
        """None: images are scaled."""
        return 0

    def collate(self, rows: "Sequence[Picture]") -> Inputs:
        """Decodes the rows, in threads: float32 of shape (batch, channels, height, width)."""
        if len(rows) > 1 and not all(row.held for row in rows):
            decoded = list(_threads().map(Picture.pixels, rows))
        else:
            decoded = [row.pixels() for row in rows]
        batch = np.stack(decoded)
        found = np.empty((len(rows), batch.shape[3], *batch.shape[1:3]), dtype=np.float32)
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            np.multiply(batch[..., channel], np.float32(1 / (255 * std)), out=found[:, channel])
            found[:, channel] -= np.float32(mean / std)
        return {"pixel_values": found}

    def example(self, rows: "Sequence[Picture]") -> "Sequence[Picture]":
        """Two rows; nothing but their number varies."""
        return [rows[0], rows[-1]]

    def axes(self) -> dict[str, dict[int, str]]:
        """The batch varies."""
        return {name: {0: "batch"} for name in self.input_names}

    def describe(self, inputs: Columns, rows: "Sequence[Picture]") -> dict[str, Any]:
        """Sizes of the files' images; brightness and contrast of what the network sees."""
        places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _DESCRIBED)).round())
        chosen = [rows[int(place)] for place in places]
        headers = [pictures.header(pictures.content(row.source), row.source) for row in chosen]
        values = [row.pixels() / 255 for row in chosen]
        return {
            "width": counts(np.array([found.width for found in headers])),
            "height": counts(np.array([found.height for found in headers])),
            "brightness": shares(np.array([image.mean() for image in values])),
            "contrast": shares(np.array([image.std() for image in values])),
        }

    def spec(self) -> dict[str, Any]:
        """Everything, as plain JSON."""
        return asdict(self)

    def save(self, folder: Path) -> None:
        """Needs no file: the spec says it all."""


class Picture:
    """One image of a data set, decoded when it is asked for.

    Args:
        source: Its file.
        place: Its place in the data set.
        encoder: Decodes it.
        kept: What is kept of the data set.
    """

    __slots__ = ("_encoder", "_kept", "_place", "source")

    def __init__(self, source: str, place: int, encoder: ImageEncoder, kept: "_Kept") -> None:
        self.source, self._place = source, place
        self._encoder, self._kept = encoder, kept

    @property
    def held(self) -> bool:
        """Whether it is in memory."""
        return bool(self._kept.slots[self._place] >= 0)

    def pixels(self) -> Pixels:
        """The image, from memory where it is there."""
        found = self._kept.get(self._place)
        if found is None:
            found = self._encoder.pixels(self.source)
            self._kept.offer(self._place, found)
        return found


class _Kept:
    """Decoded images of one data set, as far as memory allows; the others are decoded anew.

    Kept from the second time on that an image is asked for: those that are seen once, in an
    evaluation or a prediction, take no memory. None is ever put out for another, which is best
    where all come up again and again in random order.

    Args:
        rows: Images of the data set.
        shape: Of one image.
    """

    _NEW, _SEEN = -2, -1

    def __init__(self, rows: int, shape: tuple[int, ...]) -> None:
        self.slots = np.full(rows, self._NEW, dtype=np.int32)
        self._shape, self._used = shape, 0
        self._images: Pixels | None = None
        self._turn = threading.Lock()

    def get(self, place: int) -> Pixels | None:
        """The image, if it is kept."""
        slot = int(self.slots[place])
        if slot < 0 or self._images is None:
            return None
        image: Pixels = self._images[slot]
        return image

    def offer(self, place: int, image: Pixels) -> None:
        """Keeps an image that is seen again, where there is room."""
        with self._turn:
            if self.slots[place] == self._NEW:
                self.slots[place] = self._SEEN
                return
            if self._images is None:
                free = int(psutil.virtual_memory().available * _SHARE_KEPT)
                most = min(_MOST_KEPT, free) // image.nbytes
                # The system gives memory to what is written, not to what is asked for.
                self._images = np.empty((min(most, len(self.slots)), *self._shape), dtype=np.uint8)
            if self._used < len(self._images):
                self._images[self._used] = image
                self.slots[place] = self._used
                self._used += 1


def load(spec: dict[str, Any]) -> ImageEncoder:
    """Makes the encoder again from `spec`.

    Raises:
        DataError: It is damaged.
    """
    try:
        height, width = spec["size"]
        shortest = spec["shortest"]
        return ImageEncoder(
            size=(int(height), int(width)),
            mean=tuple(map(float, spec["mean"])),
            std=tuple(map(float, spec["std"])),
            shortest=None if shortest is None else int(shortest),
            resample=int(spec["resample"]),
        )
    except (TypeError, ValueError) as error:
        raise DataError("the task's image sizes are damaged", hint="mlops train") from error


def _scaled(image: "Image.Image", shortest: int, resample: int) -> "Image.Image":
    """The image with its shorter side of this length, in its proportions."""
    width, height = image.size
    if min(width, height) == shortest:
        return image
    # Rounded down, as the checkpoints' own preprocessing has it.
    longest = max(1, int(shortest * max(width, height) / min(width, height)))
    wanted = (longest, shortest) if width > height else (shortest, longest)
    return image.resize(wanted, resample)


def _middle(image: "Image.Image", width: int, height: int) -> "Image.Image":
    """The middle of an image; where it is smaller, black around it."""
    left, top = (image.size[0] - width) // 2, (image.size[1] - height) // 2
    return image.crop((left, top, left + width, top + height))


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that decode, of all data sets together; the library lets them work at once."""
    return ThreadPoolExecutor(max(2, cores.available()))
