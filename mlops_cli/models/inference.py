"""Logits of a network over many rows, fast: batches of similar length, original order."""

import numpy as np
import torch
from numpy.typing import NDArray

from mlops_cli.reporting import Reporter
from mlops_cli.tasks import Task


def logits(
    network: torch.nn.Module,
    task: Task,
    rows: list[list[int]],
    *,
    batch_size: int,
    reporter: Reporter,
    description: str = "predicting",
) -> NDArray[np.float32]:
    """Logits of encoded rows, in float32 on the network's device.

    Args:
        network: In eval mode; see `models.load`.
        task: Pads the rows.
        rows: Token ids, as `task.encode` makes them.
        batch_size: Rows per forward pass.
        reporter: Told of progress.
        description: What the progress bar says.

    Returns:
        Array of shape (rows, classes), in the order of `rows`.
    """
    device = next(network.parameters()).device
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    found = np.zeros((len(rows), len(task.labels)), dtype=np.float32)
    with torch.inference_mode(), reporter.task(description, len(rows)) as progress:
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            inputs = task.collate([rows[row] for row in batch])
            tensors = {name: torch.from_numpy(array).to(device) for name, array in inputs.items()}
            found[batch] = network(**tensors).logits.float().cpu().numpy()
            progress.advance(len(batch))
    return found
