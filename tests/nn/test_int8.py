"""8-bit linear layers against the arithmetic written out, and in copies and state dicts."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from spacy_ssner.nn.int8 import Int8Linear, quantise_linears, round_rows


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return nn.Linear(24, 10)


def test_rounded_weights_are_the_nearest_levels():
    weight = torch.tensor([[0.0, 1.27, -1.27, 0.006], [0.0, 0.0, 0.0, 0.0]])
    levels, scale = round_rows(weight)
    assert levels.tolist() == [[0, 127, -127, 1], [0, 0, 0, 0]]
    assert_close(scale[:1], torch.tensor([0.01]))
    random = torch.randn(30, 50)
    levels, scale = round_rows(random)
    assert ((levels * scale[:, None] - random).abs() <= scale[:, None] / 2 + 1e-6).all()


def test_output_is_the_product_of_what_was_rounded(linear):
    """Inputs on 128 levels between their least and largest value, weights on 255: the product of these, exactly."""
    layer = Int8Linear.from_float(linear)
    X = torch.randn(7, 24)
    low, high = min(X.min().item(), 0.0), max(X.max().item(), 0.0)
    step = (high - low) / 127
    zero = round(-low / step)
    rounded = (torch.round(X / step) + zero).clamp(0, 127).sub(zero) * step
    expected = rounded @ (layer.weight * layer.scale[:, None]).T + layer.bias
    assert_close(layer(X), expected, atol=2e-3, rtol=0)


def test_close_to_the_float_layer(linear):
    X = torch.randn(5, 3, 24)
    assert (Int8Linear.from_float(linear)(X) - linear(X)).abs().max() < 0.1


def test_without_bias():
    layer = nn.Linear(8, 4, bias=False)
    X = torch.randn(2, 8)
    assert (Int8Linear.from_float(layer)(X) - layer(X)).abs().max() < 0.1


def test_weights_loaded_after_use_count(linear):
    layer, X = Int8Linear.from_float(linear), torch.randn(4, 24)
    other = Int8Linear(24, 10)
    assert not other(X).any()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(X), layer(X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_after_use(linear, copied):
    layer, X = Int8Linear.from_float(linear), torch.randn(4, 24)
    Y = layer(X)
    assert torch.equal(copied(layer)(X), Y)


def test_all_linear_layers_of_a_module():
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)), nn.LayerNorm(2))
    assert quantise_linears(module) == 2
    assert quantise_linears(module) == 0
    assert module(torch.randn(3, 4)).shape == (3, 2)
