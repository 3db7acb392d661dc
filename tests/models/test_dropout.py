"""The cheap dropout is dropout: right rate, right scale, independent elements."""

import pytest
import torch
from torch import nn

from mlops_cli.models.dropout import FastDropout, fast_dropout, replace_dropout

COUNT = 400_000


def kept(probability, shape=(COUNT,), seed=0):
    torch.manual_seed(seed)
    return fast_dropout(torch.ones(shape), probability) > 0


@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9])
def test_the_rate_and_the_scale_are_right(probability):
    torch.manual_seed(0)
    dropped = fast_dropout(torch.ones(COUNT), probability)
    share = (dropped == 0).double().mean().item()
    spread = (probability * (1 - probability) / COUNT) ** 0.5
    assert abs(share - probability) < 5 * spread + 1 / 65536
    # What is kept is scaled so that the expectation stays, for the rate as it was rounded.
    rounded = round(probability * 65536) / 65536
    assert dropped[dropped > 0].unique().tolist() == pytest.approx([1 / (1 - rounded)], rel=1e-6)


def test_each_quarter_of_a_draw_has_the_rate():
    quarters = kept(0.1).view(-1, 4).double().mean(dim=0)
    assert quarters.tolist() == pytest.approx([0.9] * 4, abs=5 * (0.09 / (COUNT / 4)) ** 0.5)


def test_elements_are_independent_of_their_neighbours():
    centred = kept(0.3).double() - 0.7
    for distance in (1, 2, 3, 4, 5, 8, 16, 1000):
        correlation = (centred[distance:] * centred[:-distance]).mean() / 0.21
        assert abs(correlation) < 5 / COUNT**0.5, distance
    parts = centred.view(-1, 4).T
    assert torch.corrcoef(parts).fill_diagonal_(0).abs().max() < 5 / (COUNT / 4) ** 0.5


def test_the_pattern_follows_the_seed():
    assert torch.equal(kept(0.2, seed=1), kept(0.2, seed=1))
    assert not torch.equal(kept(0.2, seed=1), kept(0.2, seed=2))


@pytest.mark.parametrize("shape", [(1,), (3,), (5, 7), (2, 3, 5), (0,)])
def test_any_shape_and_type_comes_back(shape):
    for kind in (torch.float32, torch.bfloat16, torch.float16):
        dropped = fast_dropout(torch.ones(shape, dtype=kind), 0.5)
        assert (dropped.shape, dropped.dtype) == (shape, kind)


def test_the_gradient_is_the_mask():
    torch.manual_seed(0)
    values = torch.randn(1000, requires_grad=True)
    dropped = fast_dropout(values, 0.25)
    dropped.sum().backward()
    assert torch.equal(values.grad > 0, dropped != 0)
    assert values.grad.unique().tolist() == pytest.approx([0, 4 / 3])


def test_values_that_are_not_contiguous_are_masked_in_place():
    values = torch.arange(1.0, 13.0).view(3, 4).T
    dropped = fast_dropout(values, 0.5)
    assert torch.equal(dropped[dropped > 0], (values * 2)[dropped > 0])


def test_nothing_is_dropped_at_zero_and_in_evaluation():
    values = torch.randn(100)
    assert torch.equal(fast_dropout(values, 0.0), values)
    assert torch.equal(FastDropout(0.5).eval()(values), values)
    assert (FastDropout(0.5)(values) == 0).any()


def test_every_dropout_of_a_network_is_replaced():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3), nn.Sequential(nn.Dropout(0.1)))
    network[2].eval()
    replace_dropout(network)
    assert type(network[1]) is FastDropout
    assert (network[1].p, network[2][0].p) == (0.3, 0.1)
    assert (network[1].training, network[2][0].training) == (True, False)
    assert not any(type(part) is nn.Dropout for part in network.modules())
