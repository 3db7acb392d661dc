"""A small residual convolutional network, trained from scratch on small images."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from mlops_cli import tasks
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.errors import DataError
from mlops_cli.files import write_json
from mlops_cli.models import Built
from mlops_cli.models.image_module import ImageModule
from mlops_cli.models.objectives import class_weights
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import ConvnetModelConfig
from mlops_cli.tasks import pictures
from mlops_cli.tasks.encoders.image import ImageEncoder

_LARGEST, _SMALLEST = 64, 8
"""Sides that the network takes where none is set."""
_LOOKED_AT = 1000
"""Training images whose sizes and colours are looked at."""
_COARSEST, _MOST_STAGES = 4, 5
"""Each stage halves the sides, to no less than this."""
_PER_GROUP = 8
"""Channels that are normalised together."""


@dataclass(frozen=True)
class Layout:
    """What makes the network again, as `config.json` has it.

    Attributes:
        channels: 3 of colours, 1 of grey.
        classes: How many outputs.
        width: Channels of the first stage; each stage doubles them.
        stages: How many.
        dropout: Before the last layer.
        hidden_size: Channels of the last stage.
    """

    channels: int
    classes: int
    width: int
    stages: int
    dropout: float
    hidden_size: int


@dataclass(frozen=True)
class Answer:
    """What the network says: logits (batch, classes)."""

    logits: torch.Tensor


class ConvNet(nn.Module):
    """Residual blocks (He et al., 2016) with group norms (Wu and He, 2018).

    Group norms, unlike those of batches, say the same of an image whatever comes with it: in
    training, in validation, in one process or in many.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.config = layout
        layers: list[nn.Module] = [_Convolution(layout.channels, layout.width)]
        width = layout.width
        for stage in range(layout.stages):
            if stage:
                layers.append(_Convolution(width, 2 * width, stride=2))
                width *= 2
            layers.append(_Residual(width))
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(layout.dropout)
        self.head = nn.Linear(width, layout.classes)

    def forward(self, pixel_values: torch.Tensor) -> Answer:
        """Images (batch, channels, height, width) to logits."""
        features = self.body(pixel_values).amax((2, 3))
        return Answer(self.head(self.dropout(features)))

    def save_pretrained(self, folder: Path) -> None:
        """Writes `config.json` and `model.safetensors`."""
        write_json(folder / "config.json", asdict(self.config))
        save_file(self.state_dict(), folder / "model.safetensors")


class _Convolution(nn.Module):
    """A 3x3 convolution, a norm, and a rectifier unless told otherwise."""

    def __init__(self, inner: int, outer: int, *, stride: int = 1, rectify: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.GroupNorm(max(1, outer // _PER_GROUP), outer)
        self._rectify = rectify
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = self.norm(self.convolution(values))
        return functional.relu(values) if self._rectify else values


class _Residual(nn.Module):
    """Two convolutions beside which the values pass unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Convolution(width, width)
        self.second = _Convolution(width, width, rectify=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return functional.relu(values + self.second(self.first(values)))


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    """Measures the training images and makes an untrained network for them."""
    model = config.model
    assert isinstance(model, ConvnetModelConfig)
    encoder = _encoder(model, splits.train, reporter)
    task = tasks.fit(config.task, splits.train, encoder)
    side = min(encoder.size)
    stages = 1 + max(0, int(math.log2(side / _COARSEST))) if side > _COARSEST else 1
    stages = min(stages, _MOST_STAGES)
    network = ConvNet(
        Layout(
            channels=len(encoder.mean),
            classes=len(task.labels),
            width=model.width,
            stages=stages,
            dropout=model.dropout,
            hidden_size=model.width * 2 ** (stages - 1),
        )
    )
    weights = class_weights(config.trainer, task, splits.train)
    return Built(ImageModule(network, task, config, model, weights), task)


def load(folder: Path) -> torch.nn.Module:
    """The trained network.

    Raises:
        DataError: The folder lacks a file, or one of its files is damaged.
    """
    try:
        layout = Layout(**json.loads((folder / "config.json").read_text("utf-8")))
        network = ConvNet(layout)
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"the model in {folder} is damaged: {reason}", hint="train it again: mlops train"
        ) from error
    return network


def _encoder(model: ConvnetModelConfig, train: Examples, reporter: Reporter) -> ImageEncoder:
    """The size that suits the training images, and the mean and spread of their colours."""
    sources = train.inputs["image"]
    chosen = sources[:: max(1, len(sources) // _LOOKED_AT)]
    if model.image_size:
        size = model.image_size, model.image_size
    else:
        looks = (pictures.header(pictures.content(source), source) for source in chosen)
        size = _usual([(look.height, look.width) for look in looks])
    reporter.info(f"images are {size[0]} by {size[1]} pixels for the network (model.image_size)")
    channels = 3 if model.colours else 1
    small = min(size[0], _LARGEST), min(size[1], _LARGEST)
    plain = ImageEncoder(small, (0.0,) * channels, (1.0,) * channels)
    values = plain.collate(plain.encode({"image": chosen}))["pixel_values"]
    mean, std = (getattr(values, name)((0, 2, 3), dtype=np.float64) for name in ("mean", "std"))
    return ImageEncoder(
        size,
        tuple(round(float(value), 4) for value in mean),
        tuple(round(max(float(value), 1e-2), 4) for value in std),
    )


def _usual(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """The images' own size where all have the same; else a square like the median's."""
    if len(set(sizes)) == 1 and max(sizes[0]) <= _LARGEST and min(sizes[0]) >= _SMALLEST:
        return sizes[0]
    side = int(np.median([min(size) for size in sizes]))
    side = min(max(side, _SMALLEST), _LARGEST)
    return side, side
