"""First answers that are as frequent as the labels are.

Where most rows lack most labels, a network that begins at one half for each spends its first
hundreds of steps on saying no to everything, and its features suffer. A bias at the log odds of
each label's share leaves only the differences between rows to be learnt (Lin et al., Focal Loss
for Dense Object Detection, 2017, section 3.3).
"""

import numpy as np
import torch
from torch import nn

from mlops_cli.data.examples import Examples
from mlops_cli.tasks import Task


def begin_at_shares(network: nn.Module, task: Task, train: Examples) -> None:
    """Sets the last layer's bias to the log odds of each label, where a row may have several."""
    if task.head.kind != "labels":
        return
    last = [
        part
        for part in network.modules()
        if isinstance(part, nn.Linear) and part.out_features == len(task.labels)
    ]
    if not last or last[-1].bias is None:
        return
    has = task.head.targets(train.targets, ())
    # As if one row more had half of each label: none is at 0 or 1.
    shares = (has.sum(axis=0) + 0.5) / (len(has) + 1)
    with torch.no_grad():
        last[-1].bias.copy_(torch.from_numpy(np.log(shares / (1 - shares))))
