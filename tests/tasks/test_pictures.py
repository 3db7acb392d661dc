"""Images of every kind come out right, or are refused in one line that names the file."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mlops_cli.errors import DataError, MlopsError
from mlops_cli.tasks import pictures
from mlops_cli.tasks.encoders import image
from mlops_cli.tasks.encoders.image import ImageEncoder

HALVES = np.zeros((4, 6, 3), np.uint8)
HALVES[:, :3] = (200, 40, 10)


def saved(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def pixels(raw: bytes, **options) -> np.ndarray:
    return np.asarray(pictures.decode(raw, "one.png", **options))


def test_colours_come_as_they_are():
    assert (pixels(saved(Image.fromarray(HALVES))) == HALVES).all()


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA", "YCbCr"])
def test_any_mode_becomes_rgb(mode):
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    found = pixels(saved(Image.fromarray(HALVES).convert(mode), kind))
    assert found.shape == (4, 6, 3)
    assert found[0, 0].mean() > found[0, 5].mean() + 20 or mode == "1"


def test_sixteen_bits_keep_their_range():
    values = np.array([[0, 257 * 10], [257 * 100, 65535]], np.uint16)
    for kind in ("PNG", "TIFF", "PPM"):
        assert pixels(saved(Image.fromarray(values), kind), colours=False).tolist() == [
            [0, 10],
            [100, 255],
        ]


def test_what_is_transparent_is_white():
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = (10, 20, 30, 255)
    found = pixels(saved(Image.fromarray(clear)))
    assert found[0, 0].tolist() == [10, 20, 30]
    assert found[1, 1].tolist() == [255, 255, 255]


def test_a_photo_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was held sideways.
    found = pixels(saved(Image.fromarray(HALVES), "PNG", exif=exif))
    assert found.shape == (6, 4, 3)
    assert (found == np.rot90(HALVES, -1)).all()


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "lime", "blue")]
    raw = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pictures.header(raw, "one.gif").frames == 3
    assert pixels(raw)[0, 0].tolist() == [255, 0, 0]


REFUSED = {
    "empty": (b"", "one.png is empty"),
    "text": (b"not an image at all", "one.png is no image"),
    "script": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "one.png is no image"),
    "cut": (saved(Image.effect_noise((99, 99), 50))[:900], "one.png is damaged"),
    "cut jpeg": (saved(Image.effect_noise((99, 99), 50), "JPEG")[:1500], "one.png is damaged"),
    "float": (saved(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"), "32 bits a channel"),
    "bomb": (saved(Image.new("1", (20_000, 20_000))), "unfolds to 400,000,000 pixels"),
    "large": (saved(Image.new("1", (12_000, 10_000))), "unfolds to 120,000,000 pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_decoded_is_refused_by_name(name):
    raw, words = REFUSED[name]
    with pytest.raises(DataError) as refused:
        pictures.decode(raw, "one.png")
    assert "one.png" in refused.value.message
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_every_cut_of_a_file_is_refused_or_decoded():
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        raw = saved(Image.effect_noise((16, 16), 50).convert("RGB"), kind)
        for end in range(0, len(raw), max(1, len(raw) // 40)):
            try:
                assert pixels(raw[:end]).shape == (16, 16, 3)
            except MlopsError as error:
                assert "one.png" in error.message  # noqa: PT017


def test_an_image_may_be_given_inline():
    raw = saved(Image.fromarray(HALVES))
    uri = "data:image/png;base64," + base64.b64encode(raw).decode()
    found = ImageEncoder((4, 6), (0.0,) * 3, (1.0,) * 3).pixels(uri)
    assert (found == HALVES).all()
    with pytest.raises(DataError, match=r"data:image/png;base\S* is no base64"):
        pictures.content("data:image/png;base64,***")


@pytest.fixture
def three(tmp_path):
    paths = []
    for place, colour in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255))):
        path = tmp_path / f"{place}.png"
        Image.new("RGB", (30, 20), colour).save(path)
        paths.append(str(path))
    return paths


def test_a_batch_is_scaled_to_mean_and_spread(three):
    encoder = ImageEncoder((8, 8), (0.5, 0.0, 0.25), (0.5, 1.0, 0.25))
    batch = encoder.collate(encoder.encode({"image": three}))["pixel_values"]
    assert batch.shape == (3, 3, 8, 8)
    assert batch.dtype == np.float32
    assert batch[:, :, 0, 0] == pytest.approx(
        np.array([[1, 0, -1], [-1, 1, -1], [-1, 0, 3]]), abs=1e-6
    )


def test_the_middle_is_cut_out_of_a_scaled_image(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    source = str(tmp_path / "wide.png")
    encoder = ImageEncoder((10, 10), (0.0,) * 3, (1.0,) * 3, shortest=10)
    assert encoder.pixels(source)[5, 2:8].min() > 250
    stretched = ImageEncoder((10, 10), (0.0,) * 3, (1.0,) * 3)
    assert stretched.pixels(source)[5, [0, 9]].max() < 5


def test_images_seen_again_are_kept_as_far_as_memory_allows(three, monkeypatch):
    encoder = ImageEncoder((8, 8), (0.0,) * 3, (1.0,) * 3)
    monkeypatch.setattr(image, "_MOST_KEPT", 2 * 8 * 8 * 3)
    rows = encoder.encode({"image": three})
    first = encoder.collate(rows)["pixel_values"]
    assert not any(row.held for row in rows)
    for _ in range(3):
        assert (encoder.collate(rows)["pixel_values"] == first).all()
    assert sum(row.held for row in rows) == 2


def test_the_encoder_is_made_again_from_its_spec():
    encoder = ImageEncoder((8, 10), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), 12, 2)
    assert image.load(encoder.spec()) == encoder
