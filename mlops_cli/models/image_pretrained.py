"""A pretrained image network with a fresh classification head, fine-tuned.

What is done to an image beforehand is read from the checkpoint's `preprocessor_config.json` and
done by our own encoder, in training as in serving: no torchvision.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageClassification, PreTrainedModel

from mlops_cli import tasks
from mlops_cli.data.examples import Splits
from mlops_cli.errors import DataError
from mlops_cli.models import Built
from mlops_cli.models.adapters import adapt
from mlops_cli.models.checkpoints import Checkpoint, local_folder
from mlops_cli.models.dropout import replace_dropout
from mlops_cli.models.image_module import ImageModule
from mlops_cli.models.objectives import class_weights
from mlops_cli.models.pretrained import fitted, read_json
from mlops_cli.models.quiet import reading
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import PretrainedImageModelConfig
from mlops_cli.tasks.encoders.image import ImageEncoder

_FILE = "preprocessor_config.json"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and spread of ImageNet's colours, where a checkpoint names none."""
_BILINEAR = 2
_BYTE = 1 / 255
_WHOLE_FROM = 384
"""ConvNeXt's checkpoints cut nothing off images of this size or more."""


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    """Fetches the checkpoint, fits the head to the labels, and reads what images it takes."""
    model = config.model
    assert isinstance(model, PretrainedImageModelConfig)
    folder = local_folder(model, reporter)
    encoder = _encoder(folder, reporter)
    task = tasks.fit(config.task, splits.train, encoder)
    network = fitted(model, folder, task, AutoModelForImageClassification)
    _check(network, encoder, folder)
    replace_dropout(network)
    if getattr(network, "_supports_sdpa", False):
        network.set_attn_implementation("sdpa")
    # It was loaded for evaluation, and Lightning leaves the mode as it is.
    network.train()
    weights = class_weights(config.trainer, task, splits.train)
    module = ImageModule(adapt(network, model), task, config, model, weights)
    return Built(module, task, Checkpoint(model, folder))


def load(folder: Path) -> torch.nn.Module:
    """The fine-tuned network."""
    with reading(folder):
        network: torch.nn.Module = AutoModelForImageClassification.from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32
        )
    return network


def _encoder(folder: Path, reporter: Reporter) -> ImageEncoder:
    """What the checkpoint's own preprocessing does.

    Raises:
        DataError: It does something that our encoder has not.
    """
    file = folder / _FILE
    settings = read_json(file) if file.is_file() else {}
    try:
        if not settings:
            return _guessed(folder, reporter)
        factor = float(settings.get("rescale_factor", _BYTE))
        if abs(factor - _BYTE) > 1e-6 or settings.get("do_flip_channel_order"):
            raise DataError(
                f"{file} wants other values than the colours' from 0 to 1",
                hint="another checkpoint, such as google/vit-base-patch16-224",
            )
        size, shortest = _sizes(settings)
        mean, std = (settings.get(name) for name in ("image_mean", "image_std"))
        if not settings.get("do_normalize", True):
            mean, std = (0.0,) * 3, (1.0,) * 3
        return ImageEncoder(
            size,
            tuple(map(float, mean or _IMAGENET[0])),
            tuple(map(float, std or _IMAGENET[1])),
            shortest,
            int(settings.get("resample", _BILINEAR)),
        )
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(
            f"{file} says nothing of sizes that can be used: {error}",
            hint="download the checkpoint again, whole",
        ) from error


def _guessed(folder: Path, reporter: Reporter) -> ImageEncoder:
    """For a checkpoint that does not say: its config's size, ImageNet's colours."""
    side = read_json(folder / "config.json").get("image_size", 224)
    size = _pair(side)
    reporter.warn(f"{folder} has no {_FILE}: guessed {size[0]} by {size[1]} pixels, as ImageNet's")
    return ImageEncoder(size, *_IMAGENET)


def _sizes(settings: dict[str, Any]) -> tuple[tuple[int, int], int | None]:
    """The size that the network takes, and that of the shorter side before the middle is cut out.

    Of a checkpoint that first scales both sides to a square and then cuts the middle out, the
    proportions are kept all the same.
    """
    size = settings.get("size", 224)
    edge = size.get("shortest_edge") if isinstance(size, dict) else None
    crop_share = settings.get("crop_pct")
    if edge is not None and (crop_share or "ConvNext" in settings.get("image_processor_type", "")):
        whole = edge >= _WHOLE_FROM
        return (edge, edge), None if whole else int(edge / (crop_share or 224 / 256))
    if settings.get("do_center_crop") and settings.get("crop_size"):
        before = edge if edge is not None else min(_pair(size))
        return _pair(settings["crop_size"]), int(before)
    if edge is not None:
        return (edge, edge), int(edge)
    return _pair(size), None


def _pair(size: Any) -> tuple[int, int]:
    """Height and width, however they are written."""
    if isinstance(size, dict):
        return int(size["height"]), int(size["width"])
    if isinstance(size, list | tuple):
        return int(size[0]), int(size[1])
    return int(size), int(size)


def _check(network: PreTrainedModel, encoder: ImageEncoder, folder: Path) -> None:
    """Refuses a checkpoint that does not take the images that its own settings make."""
    channels = getattr(network.config, "num_channels", len(encoder.mean))
    if channels != len(encoder.mean):
        raise DataError(
            f"the network in {folder} takes {channels} channels, its {_FILE} makes "
            f"{len(encoder.mean)}",
            hint="both must come from the same checkpoint",
        )
    fixed = getattr(network.config, "image_size", None)
    if (
        isinstance(fixed, int)
        and hasattr(network.config, "patch_size")
        and (encoder.size != (fixed, fixed))
    ):
        raise DataError(
            f"the network in {folder} takes {fixed} by {fixed} pixels, its {_FILE} makes "
            f"{encoder.size[0]} by {encoder.size[1]}",
            hint="both must come from the same checkpoint",
        )
