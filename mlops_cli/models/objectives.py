"""Losses, by what a head predicts."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlops_cli import collectives
from mlops_cli.data.examples import Examples
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.tasks import IGNORED, Task

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From logits (batch, …, width) and the head's targets to their mean loss."""

_TOGETHER = 10_000
"""Rows whose tags are counted in one go."""


def create(kind: str, *, weights: torch.Tensor | None = None, smoothing: float = 0.0) -> Loss:
    """The loss of a kind of head.

    Args:
        kind: What the head predicts; see `schemas.task.METRICS`.
        weights: Of the classes, or of each label's positive rows, shape (width,); None weighs all
            the same.
        smoothing: Label smoothing (Szegedy et al., 2016).

    Raises:
        ConfigError: There is no loss for this kind.
    """
    if kind not in _LOSSES:
        raise ConfigError(f"no loss for {kind!r}", hint=f"heads predict {', '.join(_LOSSES)}")
    return _LOSSES[kind](weights, smoothing)


def _classes(weights: torch.Tensor | None, smoothing: float) -> Loss:
    return nn.CrossEntropyLoss(weights, label_smoothing=smoothing)


class _TagsLoss(nn.CrossEntropyLoss):
    """Cross-entropy of each tag, the mean over the positions that are judged.

    A module, so that its weights go where the network goes.
    """

    def __init__(self, weights: torch.Tensor | None, smoothing: float) -> None:
        super().__init__(weights, ignore_index=IGNORED, label_smoothing=smoothing)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of logits (batch, positions, width) and tag ids (batch, positions)."""
        return super().forward(logits.flatten(0, 1), targets.flatten())


class _LabelsLoss(nn.Module):
    """Binary cross-entropy of each label, the mean over rows and labels."""

    def __init__(self, weights: torch.Tensor | None, smoothing: float) -> None:
        super().__init__()
        self._loss = nn.BCEWithLogitsLoss(pos_weight=weights)
        self._smoothing = smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of logits and 0 or 1, both (batch, width)."""
        smoothed = targets * (1 - self._smoothing) + self._smoothing / 2
        loss: torch.Tensor = self._loss(logits, smoothed)
        return loss


def _numbers(weights: torch.Tensor | None, smoothing: float) -> Loss:
    """Mean squared error of outputs (batch, 1) and targets (batch,), both scaled by the head."""
    return lambda logits, targets: nn.functional.mse_loss(logits.squeeze(-1), targets)


_LOSSES: dict[str, Callable[[torch.Tensor | None, float], Loss]] = {
    "classes": _classes,
    "tags": _TagsLoss,
    "labels": _LabelsLoss,
    "numbers": _numbers,
}


def among_processes(
    loss: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    """What to return for the mean loss of a part of a batch, so that the whole counts as one.

    DDP averages over the processes; they may have parts of unequal size, or weight.

    Args:
        loss: Of this process's part.
        labels: The part's targets, of any shape.
        weights: Of the classes in the loss, if any.
    """
    if collectives.world() == 1:
        return loss
    size = torch.tensor(float(labels.numel()), device=loss.device)
    if not labels.is_floating_point():
        judged = labels[labels != IGNORED]
        size = judged.new_tensor(len(judged)).float() if weights is None else weights[judged].sum()
    return loss * (size / collectives.mean(size))


def class_weights(settings: TrainerConfig, task: Task, train: Examples) -> torch.Tensor | None:
    """The weights (width,) of the loss that `trainer.class_weights` asks for."""
    if settings.class_weights == "none":
        return None
    if task.head.kind == "tags":
        return balanced_weights(_tag_counts(task, train))
    targets = task.head.targets(train.targets, ())
    if task.head.kind == "labels":
        return balanced_label_weights(targets)
    return balanced_weights(np.bincount(targets, minlength=len(task.labels)))


def _tag_counts(task: Task, train: Examples) -> NDArray[np.int64]:
    """How often each tag is judged: at the first token of its word, which takes encoded rows."""
    rows = train.encoded(task.encoder)
    targets = train.expected(task.head, rows)
    counts = np.zeros(len(task.labels), dtype=np.int64)
    for start in range(0, len(rows), _TOGETHER):
        tags = targets[np.arange(start, min(start + _TOGETHER, len(rows)))]
        counts += np.bincount(tags[tags != IGNORED], minlength=len(counts))
    return counts


def balanced_weights(counts: NDArray[np.int64]) -> torch.Tensor:
    """Weights (classes,) inversely proportional to how often each class occurs; 0 if never."""
    classes = len(counts)
    weights = np.divide(counts.sum(), classes * counts, out=np.zeros(classes), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float32)


def balanced_label_weights(
    targets: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> torch.Tensor:
    """Weights (labels,) of each label's positive rows: negative rows for every positive one."""
    positive = targets.sum(axis=0)
    return torch.tensor((len(targets) - positive) / positive, dtype=torch.float32)
