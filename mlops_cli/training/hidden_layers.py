"""What the layers of a pretrained network say of texts, before any fine-tuning."""

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlops_cli import models
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.errors import UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import PretrainedModelConfig
from mlops_cli.training import hardware


def mean_states(config: Config, examples: Examples, reporter: Reporter) -> NDArray[np.float32]:
    """The mean over its tokens of each text's hidden states, of every layer side by side.

    The middle layers know of grammar what the last one, made for meaning, has lost (Jawahar,
    Sagot and Seddah, 2019).

    Args:
        config: Names the checkpoint and the accelerator.
        examples: The texts.
        reporter: Told of progress.

    Returns:
        Shape (rows, (layers + 1) * width).

    Raises:
        UsageError: The model is not a pretrained one.
        MlopsError: The checkpoint can't be used.
    """
    if not isinstance(config.model, PretrainedModelConfig):
        raise UsageError(
            f"model={config.model.name} is not pretrained and has no features to look at",
            hint="--by features model=minilm, or --by model",
        )
    # Every token is asked for here, so that no embedding may be left out.
    whole = dataclasses.replace(config.trainer, compact_embedding=False)
    settings = dataclasses.replace(config, trainer=whole)
    built = models.build(settings, Splits(examples), reporter)
    device = hardware.accelerator(config.trainer)
    network: Any = built.module.network.eval().to(device)
    rows = built.task.encoder.encode(examples.inputs)
    order = np.argsort(built.task.encoder.sizes(rows), kind="stable")
    size = config.trainer.eval_batch_size
    found: NDArray[np.float32] | None = None
    with torch.inference_mode(), reporter.task("hidden layers", len(rows)) as progress:
        for start in range(0, len(rows), size):
            batch = order[start : start + size]
            arrays = built.task.encoder.collate([rows[row] for row in batch])
            inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
            states = network(**inputs, output_hidden_states=True).hidden_states
            means = [_mean(state, inputs.get("attention_mask")) for state in states]
            joined = torch.cat(means, dim=1).float().cpu().numpy()
            if found is None:
                found = np.zeros((len(rows), joined.shape[1]), dtype=np.float32)
            found[batch] = joined
            progress.advance(len(batch))
    assert found is not None
    return found


def _mean(state: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """The mean of a layer's states over the tokens of each row, or over the places of an image.

    Args:
        state: Shape (rows, tokens, width), or (rows, width, height, width of the image).
        mask: 1 where there is a token, of shape (rows, tokens); None where all count.
    """
    if mask is None:
        return state.flatten(2).mean(2) if state.ndim == 4 else state.mean(1)
    counted = mask.unsqueeze(-1).float()
    return (state * counted).sum(1) / counted.sum(1)
