"""Networks of several labels begin with answers as frequent as the labels are."""

import pytest
import torch
from torch import nn

from mlops_cli.data.examples import Examples
from mlops_cli.models.prior import begin_at_shares
from mlops_cli.tasks import Task
from mlops_cli.tasks.heads import labels, numbers


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))


def test_labels_begin_at_their_shares() -> None:
    rows = ["a"] * 3 + ["a|b"] + [""] * 6
    task = Task("multi_label_classification", None, labels.fit(rows, "|", 0.5))  # type: ignore[arg-type]
    made = network()
    first = made[0].bias.clone()  # type: ignore[index]

    begin_at_shares(made, task, Examples({"text": rows}, rows))

    shares = torch.sigmoid(made[2].bias)  # type: ignore[index]
    assert shares.tolist() == pytest.approx([4.5 / 11, 1.5 / 11])
    assert torch.equal(made[0].bias, first)  # type: ignore[index]


def test_other_targets_are_left_alone() -> None:
    task = Task("text_regression", None, numbers.fit(["1", "2"]))  # type: ignore[arg-type]
    made = network()
    before = made[2].bias.clone()  # type: ignore[index]

    begin_at_shares(made, task, Examples({"text": ["a", "b"]}, ["1", "2"]))

    assert torch.equal(made[2].bias, before)  # type: ignore[index]
