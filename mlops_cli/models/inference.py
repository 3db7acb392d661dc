"""Logits of a network over many rows, fast: batches of similar length, original order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mlops_cli.reporting import Reporter
from mlops_cli.tasks import Outputs, Task, joined, masked


def logits(
    network: torch.nn.Module,
    task: Task,
    rows: Sequence[Any],
    *,
    batch_size: int,
    reporter: Reporter,
    description: str = "predicting",
) -> Outputs:
    """Logits of encoded rows, in float32 on the network's device.

    Args:
        network: In eval mode; see `models.load`.
        task: Its encoder makes batches of the rows.
        rows: Rows as the encoder makes them.
        batch_size: Rows per forward pass.
        reporter: Told of progress.
        description: What the progress bar says.

    Returns:
        See `tasks.Outputs`, in the order of `rows`.
    """
    device = next(network.parameters()).device
    order = np.argsort(task.encoder.sizes(rows), kind="stable")
    parts: list[Outputs] = []
    with torch.inference_mode(), reporter.task(description, len(rows)) as progress:
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            items = [rows[row] for row in batch]
            inputs = task.encoder.collate(items)
            tensors = {name: torch.from_numpy(array).to(device) for name, array in inputs.items()}
            outputs = network(**tensors).logits.float().cpu().numpy()
            parts.append(masked(outputs, task.encoder.sizes(items)))
            progress.advance(len(batch))
    if not parts:
        return np.zeros((0, len(task.labels)), dtype=np.float32)
    return joined(parts)[np.argsort(order)]
