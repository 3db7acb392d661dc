"""The LightningModule that every classifier of ours trains in."""

import math
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from mlops_cli.data.examples import Examples
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.tasks import Task

Batch = dict[str, torch.Tensor]
"""Model inputs by name, and `labels`: class ids of shape (batch,)."""


class SequenceClassifier(pl.LightningModule):
    """A network that gives class logits, with its loss, optimiser and validation metrics.

    Args:
        network: Called as `network(**inputs)`; answers with `.logits` of shape (batch, classes).
        task: Computes the metrics that validation logs as `val/<metric>`.
        config: Where optimiser and loss settings come from.
        class_weights: Weight of each class in the loss, or None.
    """

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        config: Config,
        class_weights: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.config = config
        self.loss = nn.CrossEntropyLoss(
            weight=class_weights, label_smoothing=config.trainer.label_smoothing
        )
        self.validation_metrics: dict[str, float] = {}
        self._validated: list[tuple[torch.Tensor, torch.Tensor]] = []

    def on_fit_start(self) -> None:
        """Lets norms hand on bf16 when training in it."""
        if self.trainer.precision == "bf16-mixed":
            for part in self.network.modules():
                if isinstance(part, nn.LayerNorm):
                    part.register_forward_hook(_as_autocast)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """The loss of one batch."""
        labels = batch.pop("labels")
        logits = self.network(**batch).logits
        loss: torch.Tensor = self.loss(logits.float(), labels)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps the logits; always in float32, so that the figures are those of `evaluate`."""
        labels = batch.pop("labels")
        with torch.autocast(self.device.type, enabled=False):
            logits = self.network(**batch).logits
        self._validated.append((logits.float().cpu(), labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Logs `val/loss` and every metric of the task, and keeps them in full precision."""
        logits = torch.cat([logits for logits, _ in self._validated])
        labels = torch.cat([labels for _, labels in self._validated])
        self._validated.clear()
        loss = nn.functional.cross_entropy(logits, labels).item()
        bins = self.config.task.calibration_bins
        metrics = self.task.metrics(
            logits.numpy(), labels.numpy().astype(np.int64), calibration_bins=bins
        )
        named = {f"val/{name}": value for name, value in metrics.items()}
        self.validation_metrics = {"val/loss": loss} | named
        self.log_dict(self.validation_metrics, batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        """AdamW without decay on biases and norms; linear warm-up, then the chosen schedule."""
        settings = self.config.trainer
        matrices = [p for p in self.parameters() if p.requires_grad and p.ndim >= 2]
        others = [p for p in self.parameters() if p.requires_grad and p.ndim < 2]
        optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=self.config.lr,
            # The gradient scaler of float16 needs one that leaves the unscaling to it.
            fused=self.device.type in ("cpu", "cuda") and self.trainer.precision != "16-mixed",
        )
        total = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, LearningRateFactor(settings.schedule, settings.warmup, total)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the norm; Lightning's own way refuses a fused optimiser in bf16 for no need."""
        if not gradient_clip_val:
            return
        groups = optimizer.param_groups
        trained = [parameter for group in groups for parameter in group["params"]]
        if optimizer.defaults.get("fused"):
            # A fused step divides the gradients by `grad_scale` as it reads them.
            gradients = [part.grad for part in trained if part.grad is not None]
            norm = nn.utils.get_total_norm(gradients).float()
            optimizer.grad_scale = (norm / gradient_clip_val).clamp(min=1.0)  # type: ignore[attr-defined]
        else:
            nn.utils.clip_grad_norm_(trained, gradient_clip_val)


def _as_autocast(part: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    """The output of a norm in autocast's type.

    Autocast leaves norms in float32, and each layer that follows then casts the same values anew.
    """
    kind = output.device.type
    return output.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else output


class LearningRateFactor:
    """Share of the peak learning rate at a step.

    Args:
        schedule: linear, cosine or constant after the warm-up.
        warmup: Share of `total` that warms up linearly.
        total: Number of optimiser steps.
    """

    def __init__(self, schedule: str, warmup: float, total: int) -> None:
        self._schedule, self._total = schedule, total
        self._warmup = math.ceil(warmup * total)

    def __call__(self, step: int) -> float:
        """The factor, between 0 and 1."""
        if step < self._warmup:
            return step / self._warmup
        if self._schedule == "constant":
            return 1.0
        done = min(1.0, (step - self._warmup) / max(1, self._total - self._warmup))
        return 1.0 - done if self._schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


def class_weights(settings: TrainerConfig, task: Task, train: Examples) -> torch.Tensor | None:
    """The weights (classes,) of the loss that `trainer.class_weights` asks for."""
    if settings.class_weights == "none":
        return None
    return balanced_weights(task.target_ids(train.targets), len(task.labels))


def balanced_weights(targets: np.ndarray[Any, np.dtype[np.int64]], classes: int) -> torch.Tensor:
    """Weights (classes,) inversely proportional to how often each class occurs."""
    counts = np.bincount(targets, minlength=classes)
    return torch.tensor(len(targets) / (classes * counts), dtype=torch.float32)
