"""Networks of images: what they are shown in training, and what checkpoints want to be shown."""

import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from mlops_cli.errors import DataError
from mlops_cli.models.convnet import ConvNet, Layout, load
from mlops_cli.models.image_module import erased, flipped, mirrors, shifted
from mlops_cli.models.image_pretrained import _encoder
from mlops_cli.reporting import SilentReporter

MEANS = {"image_mean": [0.48, 0.45, 0.4], "image_std": [0.27, 0.26, 0.25]}


@pytest.mark.parametrize(
    ("processor", "settings"),
    [
        ("ViTImageProcessor", {"size": {"height": 32, "width": 24}, "resample": 2}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 28}, "crop_pct": 0.875}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}, "crop_pct": 0.875}),
        (
            "CLIPImageProcessor",
            {
                "size": {"shortest_edge": 40},
                "crop_size": {"height": 32, "width": 32},
                "do_center_crop": True,
                "resample": 3,
            },
        ),
    ],
)
def test_images_are_prepared_as_the_checkpoint_has_it(tmp_path, processor, settings):
    noise = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "one.png")
    theirs = getattr(transformers, f"{processor}Pil")(**settings, **MEANS)
    wanted = theirs(Image.fromarray(noise), return_tensors="np")["pixel_values"]
    saved = {"image_processor_type": processor, "resample": theirs.resample, **settings, **MEANS}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(saved))
    encoder = _encoder(tmp_path, SilentReporter())
    found = encoder.collate(encoder.encode({"image": [str(tmp_path / "one.png")]}))
    assert found["pixel_values"] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("settings", [{"size": {}}, {"size": "large"}, {"rescale_factor": 1.0}])
def test_preparations_that_are_not_ours_are_refused(tmp_path, settings):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**settings, **MEANS}))
    with pytest.raises(DataError, match=r"preprocessor_config\.json"):
        _encoder(tmp_path, SilentReporter())


def test_half_of_the_images_are_mirrored():
    torch.manual_seed(0)
    images = torch.arange(200 * 12.0).reshape(200, 1, 3, 4)
    found = flipped(images)
    mirrored = [torch.equal(one, other.flip(2)) for one, other in zip(found, images, strict=True)]
    assert all(
        one or torch.equal(new, old) for one, new, old in zip(mirrored, found, images, strict=True)
    )
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize(
    ("labels", "expected"), [(["cat", "dog"], True), (["0", "1", "10"], True), (["b", "d"], False)]
)
def test_what_digits_and_letters_are_is_not_mirrored(labels, expected):
    assert mirrors(labels) is expected


def test_an_image_moves_no_further_than_it_may():
    torch.manual_seed(0)
    images = torch.zeros(300, 2, 8, 8)
    images[:, :, 4, 4] = 1
    places = shifted(images, 0.25)[:, 0].nonzero()[:, 1:]
    assert len(places) == 300
    assert set(places.flatten().tolist()) == {2, 3, 4, 5, 6}


def test_a_square_is_hidden():
    torch.manual_seed(0)
    hidden = (erased(torch.ones(400, 3, 10, 10), 0.4) == 0)[:, 0].sum((1, 2))
    assert hidden.min() >= 4
    assert hidden.max() <= 16
    assert hidden.float().mean() > 9


def test_a_network_is_read_back_and_damage_told(tmp_path):
    torch.manual_seed(0)
    network = ConvNet(Layout(1, 3, 8, 2, 0.0, 16)).eval()
    network.save_pretrained(tmp_path)
    images = torch.randn(2, 1, 9, 8)
    assert torch.equal(load(tmp_path).eval()(images).logits, network(images).logits)
    (tmp_path / "config.json").write_text('{"channels": 1}')
    with pytest.raises(DataError, match="is damaged"):
        load(tmp_path)
