"""The LightningModule that every network of ours trains in."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from mlops_cli import collectives
from mlops_cli.models import objectives
from mlops_cli.schemas.config import Config
from mlops_cli.tasks import IGNORED, Outputs, Targets, Task, joined

Batch = dict[str, torch.Tensor]
"""Model inputs by name, and `labels`: the head's targets; the first axis is the batch."""


class TaskModule(pl.LightningModule):
    """A network with the loss of its task, its optimiser and its validation metrics.

    Args:
        network: Called as `network(**inputs)`; answers with `.logits` of shape (batch, …, width).
        task: Its head names the loss and computes what validation logs as `val/<metric>`.
        config: Where optimiser and loss settings come from.
        class_weights: Weights (width,) of the classes or labels in the loss, or None.
    """

    gathers_validation = True
    """Processes that train together each validate on a part, and all get the figures of all."""

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
        smoothing = config.trainer.label_smoothing
        self.loss = objectives.create(task.head.kind, weights=class_weights, smoothing=smoothing)
        self._plain_loss = objectives.create(task.head.kind)
        self.validation_metrics: dict[str, float] = {}
        self._validated: list[tuple[Outputs, Targets]] = []

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
        return objectives.among_processes(loss, labels, getattr(self.loss, "weight", None))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps the logits; always in float32, so that the figures are those of `evaluate`."""
        labels = batch.pop("labels")
        with torch.autocast(self.device.type, enabled=False):
            logits = self.network(**batch).logits
        self._validated.append((logits.float().cpu().numpy(), labels.cpu().numpy()))

    def on_validation_epoch_end(self) -> None:
        """Logs `val/loss` and every metric of the task, and keeps them in full precision."""
        parts = collectives.from_all(self._validated)
        # More processes than batches: the last of them have seen some again.
        total = getattr(self.trainer.val_dataloaders, "total", None)
        validated = collectives.in_turn(parts)[:total]
        outputs, targets = (list(side) for side in zip(*validated, strict=True))
        self._validated.clear()
        logits, labels = joined(outputs), joined(targets, fill=IGNORED)
        loss = self._plain_loss(torch.from_numpy(logits), torch.from_numpy(labels)).item()
        metrics = self.task.head.metrics(logits, labels)
        self.validation_metrics = {"val/loss": loss} | {
            f"val/{name}": value for name, value in metrics.items()
        }
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
