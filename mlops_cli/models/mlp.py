"""A multi-layer perceptron over the columns of a table, trained from scratch."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from mlops_cli import tasks
from mlops_cli.data.examples import Splits
from mlops_cli.errors import DataError
from mlops_cli.files import write_json
from mlops_cli.models import Built, linear_terms
from mlops_cli.models.linear_terms import LinearTerms
from mlops_cli.models.module import TaskModule
from mlops_cli.models.objectives import class_weights
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import MlpModelConfig
from mlops_cli.tasks.encoders import table

_TOGETHER = 10_000
"""Rows whose numbers are looked at in one go."""
_FAR = 6.0
"""Standard deviations from the mean at which a number is cut: one wild value moves little."""


class Mlp(nn.Module):
    """Standardised numbers and embedded categories through layers with residual connections.

    The layers add to a linear model of the columns.

    The form of block is that of Gorishniy et al., Revisiting Deep Learning Models for Tabular
    Data (2021), section 3.2.

    Args:
        numbers: How many columns of numbers.
        categories: How many ids each column of categories has.
        width: Of the layers.
        layers: How many blocks.
        outputs: Width of the logits.
        dropout: Probability, inside the blocks.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        *,
        numbers: int,
        categories: list[int],
        width: int,
        layers: int,
        outputs: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.shape = {
            "numbers": numbers,
            "categories": categories,
            "width": width,
            "layers": layers,
            "outputs": outputs,
            "dropout": dropout,
        }
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("std", torch.ones(numbers))
        widths = [min(32, (count + 3) // 2) for count in categories]
        self.embeddings = nn.ModuleList(map(nn.Embedding, categories, widths))
        embedded = sum(widths)
        self.first = nn.Linear(2 * numbers + embedded, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 2 * width),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(2 * width, width),
                nn.Dropout(dropout),
            )
            for _ in range(layers)
        )
        top = nn.Linear(width, outputs)
        nn.init.zeros_(top.weight)
        nn.init.zeros_(top.bias)
        self.last = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), top)
        self.linear = LinearTerms(2 * numbers, categories, outputs)

    def forward(
        self, numbers: torch.Tensor | None = None, categories: torch.Tensor | None = None
    ) -> SimpleNamespace:
        """Logits (batch, outputs) of numbers (batch, columns) and category ids (batch, columns)."""
        figures = None if numbers is None else self.figures(numbers)
        parts = [] if figures is None else [figures]
        if categories is not None:
            parts += [part(categories[:, n]) for n, part in enumerate(self.embeddings)]
        state = self.first(torch.cat(parts, dim=1))
        for block in self.blocks:
            state = state + block(state)
        return SimpleNamespace(logits=self.last(state) + self.linear(figures, categories))

    def figures(self, numbers: torch.Tensor) -> torch.Tensor:
        """Numbers (batch, columns) as the layers see them: scaled, and whether each is missing."""
        missing = torch.isnan(numbers)
        scaled = (torch.where(missing, self.mean, numbers) - self.mean) / self.std
        return torch.cat([scaled.clamp(-_FAR, _FAR), missing.to(scaled.dtype)], dim=1)

    def save_pretrained(self, folder: Path) -> None:
        """Writes the weights and the shape."""
        save_file(self.state_dict(), folder / "model.safetensors")
        write_json(folder / "config.json", self.shape)


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    """Finds out what the columns hold and makes an untrained network for them."""
    model = config.model
    assert isinstance(model, MlpModelConfig)
    encoder = table.fit(splits.train.inputs)
    table.tell_left_out(encoder, splits.train.inputs, reporter.info)
    task = tasks.fit(config.task, splits.train, encoder)
    network = Mlp(
        numbers=len(encoder.numeric),
        categories=[len(column.values or ()) + 2 for column in encoder.categorical],
        width=model.width,
        layers=model.layers,
        outputs=len(task.labels),
        dropout=model.dropout,
    )
    rows = splits.train.encoded(encoder)
    if encoder.numeric:
        _scale(network, rows)
    weights = class_weights(config.trainer, task, splits.train)
    module = TaskModule(network, task, config, weights)
    some = linear_terms.settling(len(rows))
    targets = task.head.targets(splits.train.targets, ())[some]
    _fit_linear(module, encoder.collate(rows[some]), targets)
    return Built(module, task)


def _fit_linear(module: TaskModule, inputs: tasks.Inputs, targets: tasks.Targets) -> None:
    """Lets the network, whose layers add nothing yet, begin as the linear model of these rows."""
    network = module.network
    assert isinstance(network, Mlp)
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    numbers = tensors.get("numbers")
    linear_terms.fit(
        network.linear,
        None if numbers is None else network.figures(numbers),
        tensors.get("categories"),
        torch.from_numpy(targets),
        module.loss,
    )


def _scale(network: Mlp, rows: Sequence[Any]) -> None:
    """Takes mean and standard deviation of the training rows' numbers, some rows at a time."""
    there = sum((~np.isnan(part)).sum(axis=0) for part in _figures(rows))
    counts = np.maximum(there, 1)
    mean = sum(np.nansum(part, axis=0) for part in _figures(rows)) / counts
    squares = sum(np.nansum((part - mean) ** 2, axis=0) for part in _figures(rows))
    deviation = np.sqrt(squares / counts)
    network.mean = torch.tensor(mean, dtype=torch.float32)
    network.std = torch.tensor(np.where(deviation > 0, deviation, 1.0), dtype=torch.float32)


def _figures(rows: Sequence[Any]) -> Iterator[NDArray[np.float64]]:
    """The numbers of some rows after the other: (rows, columns)."""
    for start in range(0, len(rows), _TOGETHER):
        part = rows[start : start + _TOGETHER]
        yield np.stack([figures for figures, _ in part]).astype(np.float64)


def load(folder: Path) -> nn.Module:
    """The trained network."""
    try:
        network = Mlp(**json.loads((folder / "config.json").read_text("utf-8")))
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(
            f"the model in {folder} is damaged: {reason}", hint="train it again: mlops train"
        ) from error
    return network
