"""8-bit linear layers against the arithmetic written out, and in copies and state dicts."""

import copy
import pickle
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from spacy_ssner.nn.int8 import Int8Linear, empty_int8_linears, quantise_linears, round_rows, shrink_factors


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
    layer = Int8Linear.from_float(linear, torch.ones(24))
    X = torch.randn(7, 24)
    shrunk = X * layer.shrink
    low, high = min(shrunk.min().item(), 0.0), max(shrunk.max().item(), 0.0)
    step = (high - low) / 127
    zero = round(-low / step)
    rounded = (torch.round(shrunk / step) + zero).clamp(0, 127).sub(zero) * step
    expected = rounded @ (layer.weight * layer.scale[:, None]).T + layer.bias
    assert_close(layer(X), expected, atol=2e-3, rtol=0)


def test_close_to_the_float_layer(linear):
    X = torch.randn(5, 3, 24)
    assert (Int8Linear.from_float(linear, torch.ones(24))(X) - linear(X)).abs().max() < 0.1


def test_threads_lose_nothing_of_what_the_other_saw(monkeypatch):
    """Largest inputs of batches that run side by side, as one after the other."""

    def rounded(workers):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, 3))
        with ThreadPoolExecutor(workers) as pool:
            quantise_linears(module, lambda: list(pool.map(module, 10 * torch.eye(4).unsqueeze(1))))
        return module[0]

    def slow(X, Y):
        time.sleep(0.02)
        return maximum(X, Y)

    expected = rounded(1)
    maximum = torch.maximum
    monkeypatch.setattr(torch, "maximum", slow)
    got = rounded(4)
    assert torch.equal(got.shrink, expected.shrink) and torch.equal(got.weight, expected.weight)


def test_threads_pack_one_after_the_other(linear, monkeypatch):
    """Each layer once; where two silence warnings at a time, the second puts back what the first had silenced."""
    layers = [Int8Linear.from_float(linear, torch.ones(24)) for _ in range(3)]
    pack, inside, seen = Int8Linear._pack, [], []

    def slow(layer):
        inside.append(layer)
        seen.append(len(inside))
        time.sleep(0.02)
        packed = pack(layer)
        inside.pop()
        return packed

    monkeypatch.setattr(Int8Linear, "_pack", slow)
    before = list(warnings.filters)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda layer: layer(torch.ones(2, 24)), layers * 2))
    assert seen == [1, 1, 1] and warnings.filters == before


def test_without_bias():
    layer = nn.Linear(8, 4, bias=False)
    X = torch.randn(2, 8)
    assert (Int8Linear.from_float(layer, torch.ones(8))(X) - layer(X)).abs().max() < 0.1


def test_weights_loaded_after_use_count(linear):
    layer, X = Int8Linear.from_float(linear, torch.ones(24)), torch.randn(4, 24)
    other = Int8Linear(24, 10)
    assert not other(X).any()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(X), layer(X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_after_use(linear, copied):
    layer, X = Int8Linear.from_float(linear, torch.ones(24)), torch.randn(4, 24)
    Y = layer(X)
    assert torch.equal(copied(layer)(X), Y)


def test_shrinking_evens_out_large_channels_and_changes_no_product():
    torch.manual_seed(1)
    weight, largest = torch.randn(6, 4), torch.tensor([100.0, 1.0, 1.0, 1.0])
    shrink = shrink_factors(weight, largest)
    assert (largest * shrink).max() < 10 * (largest * shrink).min()
    assert_close(shrink.log().mean(), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_a_sample_with_a_large_channel_saves_the_small_ones(linear):
    X = torch.randn(50, 24)
    X[:, 3] *= 60
    errors = [
        (Int8Linear.from_float(linear, largest)(X) - linear(X)).abs().mean()
        for largest in (X.abs().amax(dim=0), torch.ones(24))
    ]
    assert errors[0] < 0.5 * errors[1]


def test_all_linear_layers_of_a_module():
    torch.manual_seed(2)
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)), nn.Identity())
    X = torch.randn(3, 4)
    empty, Y = copy.deepcopy(module), module(X)
    assert quantise_linears(module, lambda: module(X)) == 2
    assert quantise_linears(module, lambda: module(X)) == 0
    assert 0 < (module(X) - Y).abs().max() < 0.3
    empty_int8_linears(empty)
    empty.load_state_dict(module.state_dict())
    assert torch.equal(empty(X), module(X))
