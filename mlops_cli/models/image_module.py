"""Training on images: each is moved, mirrored and mixed at random before the network sees it.

What is drawn at random comes from torch's generators, which are seeded anew for each step: a
resumed training sees the very same images.
"""

from collections.abc import Sequence

import torch
from torch import nn

from mlops_cli.models import objectives
from mlops_cli.models.module import Batch, TaskModule
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import ImageModelConfig
from mlops_cli.tasks import Task


class ImageModule(TaskModule):
    """A network of images.

    Args:
        network: See `TaskModule`.
        task: See `TaskModule`.
        config: See `TaskModule`.
        model: Says how images are changed in training.
        class_weights: See `TaskModule`.
    """

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        config: Config,
        model: ImageModelConfig,
        class_weights: torch.Tensor | None = None,
    ) -> None:
        super().__init__(network, task, config, class_weights)
        self._flip = mirrors(task.labels) if model.flip is None else model.flip
        self._shift, self._erase = model.shift, model.erase
        self._mixup = config.trainer.mixup

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """The loss of one batch of changed images."""
        labels, images = batch["labels"], batch["pixel_values"]
        images = self._changed(images)
        if not self._mixup:
            return self._loss_of(images, labels, labels, 1.0)
        share = float(torch.distributions.Beta(self._mixup, self._mixup).sample())
        others = torch.randperm(len(images)).to(images.device)
        mixed = share * images + (1 - share) * images[others]
        return self._loss_of(mixed, labels, labels[others], share)

    def _loss_of(
        self, images: torch.Tensor, labels: torch.Tensor, others: torch.Tensor, share: float
    ) -> torch.Tensor:
        """The loss where this share of each image has the label, and the rest the other's."""
        logits = self.network(pixel_values=images).logits.float()
        loss: torch.Tensor = self.loss(logits, labels)
        if share < 1:
            loss = share * loss + (1 - share) * self.loss(logits, others)
        return objectives.among_processes(loss, labels, getattr(self.loss, "weight", None))

    def _changed(self, images: torch.Tensor) -> torch.Tensor:
        if self._flip:
            images = flipped(images)
        if self._shift:
            images = shifted(images, self._shift)
        return erased(images, self._erase) if self._erase else images


def mirrors(labels: Sequence[str]) -> bool:
    """Whether images of these classes may be mirrored: a digit or letter becomes another one."""
    return any(len(label) > 1 for label in labels)


def flipped(images: torch.Tensor) -> torch.Tensor:
    """Half of the images (batch, channels, height, width), drawn at random, left to right."""
    chosen = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(chosen[:, None, None, None], images.flip(3), images)


def shifted(images: torch.Tensor, most: float) -> torch.Tensor:
    """Each image moved by at most this share of its sides; what comes into it is its edge's."""
    count, channels, height, width = images.shape
    rows = _moved(count, height, most, images.device)
    columns = _moved(count, width, most, images.device)
    images = images.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    return images.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))


def _moved(count: int, side: int, most: float, device: torch.device) -> torch.Tensor:
    """For each image, the places that its places are taken from: shape (count, side)."""
    far = round(most * side)
    by = torch.randint(-far, far + 1, (count, 1), device=device)
    return (torch.arange(side, device=device) + by).clamp(0, side - 1)


def erased(images: torch.Tensor, side: float) -> torch.Tensor:
    """Each image with a square of the mean colour at a random place (DeVries and Taylor, 2017).

    Args:
        images: Shape (batch, channels, height, width); their mean colour is 0.
        side: Of the square, as a share of the image's.
    """
    hidden = torch.ones(len(images), *images.shape[2:], dtype=torch.bool, device=images.device)
    for axis, length in enumerate(images.shape[2:]):
        wide = round(side * length)
        # The middle is inside of the image; what lies beyond its edge is lost.
        start = torch.randint(0, length, (len(images), 1), device=images.device) - wide // 2
        place = torch.arange(length, device=images.device) - start
        near = (place >= 0) & (place < wide)
        hidden &= near[:, :, None] if axis == 0 else near[:, None, :]
    return images.masked_fill(hidden[:, None], 0.0)
