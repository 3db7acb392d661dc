"""Image files as pixels: upright, on white, 8 bits a channel. No torch here."""

import base64
import binascii
import io
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.extras import extra
from mlops_cli.project import from_home, locate

with extra("image", "reading images"):
    from PIL import Image, ImageOps, UnidentifiedImageError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What a file is called that may be an image."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded; of the library's others, some run programs."""
_MOST_PIXELS = 100_000_000
"""A file of a few kilobytes may unfold to gigabytes; this much takes 300 MB."""
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
"""What the library raises over damaged files; its decoders share no error of their own."""
_INLINE = "data:"
_SHOWN = 60
_AGAIN = "remove it, or save it again as PNG or JPEG"

# Larger images are refused here, in words of our own.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Header:
    """What a file says of its image before it is decoded.

    Attributes:
        width: Pixels, before it is turned upright.
        height: Pixels.
        frames: More than one where it is animated, or has pages.
    """

    width: int
    height: int
    frames: int


def content(source: str) -> bytes:
    """The bytes of an image.

    Args:
        source: A path, seen from here or from the project's root; or a `data:` URI.

    Raises:
        NotFoundError: There is no such file.
        DataError: It can't be read.
    """
    if source.startswith(_INLINE):
        try:
            return base64.b64decode(source.partition(",")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise DataError(f"{named(source)} is no base64", hint=_AGAIN) from error
    path = locate(source)
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"no image {source}", hint="name an image file") from error
    except IsADirectoryError as error:
        raise DataError(f"{source} is a folder, not an image") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{named(source)} can't be read: {reason}") from error


def named(source: str) -> str:
    """What messages call an image."""
    return source if len(source) <= _SHOWN or not source.startswith(_INLINE) else source[:20] + "…"


def header(raw: bytes, source: str) -> Header:
    """What the file says, without decoding its image.

    Args:
        raw: Its bytes.
        source: What messages call it.

    Raises:
        DataError: It is empty, no image, or too large.
    """
    with _open(raw, source) as image:
        try:
            frames = int(getattr(image, "n_frames", 1))
        except _DAMAGE:
            frames = 1
        return Header(*image.size, frames)


def decode(raw: bytes, source: str, *, colours: bool = True, least: int = 0) -> Image.Image:
    """The first frame of an image: turned as its EXIF data say, transparent parts white.

    Args:
        raw: Its bytes.
        source: What messages call it.
        colours: RGB; else grey.
        least: A JPEG may be decoded smaller, which is faster, but no side less than this;
            0: as large as it is.

    Raises:
        DataError: It is damaged, too large, or of a kind with no fixed range of values.
    """
    with _open(raw, source) as image:
        if least:
            image.draft(None, (least, least))
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
        except _DAMAGE as error:
            raise _damaged(source, error) from error
        return _eight_bits(image, source).convert("RGB" if colours else "L")


def files(given: Iterable[str]) -> Iterator[str]:
    """What a person named, with the images in place of the folders that hold them.

    Raises:
        DataError: A folder holds no image.
    """
    for name in given:
        path = from_home(name)
        if name.startswith(_INLINE) or not path.is_dir():
            yield name
            continue
        found = sorted(str(file) for file in path.rglob("*") if is_image(file))
        if not found:
            raise DataError(f"no images in {name}", hint=f"endings: {', '.join(ENDINGS)}")
        yield from found


def is_image(path: Path) -> bool:
    """Whether a path is called like an image, and is no hidden file."""
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _open(raw: bytes, source: str) -> Image.Image:
    if not raw:
        raise DataError(f"{named(source)} is empty", hint=_AGAIN)
    try:
        image = Image.open(io.BytesIO(raw), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise DataError(
            f"{named(source)} is no image, or damaged",
            hint=f"images are {', '.join(_FORMATS)}",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(source, str(error).partition("(")[2].partition(" ")[0]) from error
    except _DAMAGE as error:
        raise _damaged(source, error) from error
    width, height = image.size
    if width * height > _MOST_PIXELS:
        raise _too_large(source, str(width * height))
    return image


def _too_large(source: str, pixels: str) -> DataError:
    return DataError(
        f"{named(source)} unfolds to {int(pixels or 0):,} pixels, more than {_MOST_PIXELS:,}",
        hint="remove it, or make it smaller",
    )


def _damaged(source: str, error: Exception) -> DataError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return DataError(f"{named(source)} is damaged: {reason}", hint=_AGAIN)


def _eight_bits(image: Image.Image, source: str) -> Image.Image:
    """The image with 8 bits a channel and nothing transparent."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values.clip(0, 65535) / 257).round().astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(
            f"{named(source)} has 32 bits a channel, which have no fixed range",
            hint="save it with 8 or 16 bits",
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image
