"""What the optimisation settings do to a training."""

import copy

import pytest
import torch
from torch import nn

from mlops_cli.models.module import TaskModule

SMALL = ["data.size=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1"]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_a_step_is_that_of_torch_clipping_its_gradients(fused, limit):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    expected = copy.deepcopy(network)
    for layers in (network, expected):
        # A large epsilon, for AdamW otherwise undoes the scale of the gradients.
        optimizer = torch.optim.AdamW(layers.parameters(), lr=0.1, eps=1.0, fused=fused)
        for step in range(3):
            optimizer.zero_grad()
            layers(torch.full((2, 5), 1.0 + step)).square().sum().backward()
            if layers is network:
                TaskModule.configure_gradient_clipping(None, optimizer, limit)
            else:
                nn.utils.clip_grad_norm_(layers.parameters(), limit)
            optimizer.step()
    for mine, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.slow
def test_bf16_trains_with_and_without_clipping(project, mlops):
    for clip in ("1.0", "null"):
        words = ["trainer.precision=bf16", f"trainer.gradient_clip={clip}"]
        outcome = mlops("train", *SMALL, *words, json=True)
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.json["metrics"]["val/loss"] > 0


@pytest.mark.slow
def test_clipping_limits_what_one_step_changes(project, mlops):
    # AdamW undoes the scale of a gradient, except beside its epsilon.
    settings = [*SMALL, "trainer.precision=32", "trainer.weight_decay=0"]
    tight = mlops("train", *settings, "trainer.gradient_clip=1e-12", json=True).json
    loose = mlops("train", *settings, "trainer.gradient_clip=1.0", json=True).json
    assert tight["metrics"]["val/loss"] != loose["metrics"]["val/loss"]
    assert tight["metrics"]["val/loss"] == pytest.approx(0.69, abs=0.03)
