"""FusedAdam against Thinc's Adam, whose results it must have."""

import os
import subprocess
import sys

import numpy as np
import pytest
import spacy
import torch
from numpy.testing import assert_allclose, assert_array_equal
from thinc.api import Adam, Optimizer, warmup_linear

from spacy_ssner.optimizer import FusedAdam, make_fused_adam

ROUNDING = 2.0**-23  # of float32
SHAPES = {"square": (96, 64), "vector": (33,), "cube": (4, 3, 5)}


def run(make, steps=25, lr_scale=1.0, **settings):
    """Weights after updates on random gradients, some larger than what is clipped. RETURNS: weights, optimizer."""
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape).astype("f") for name, shape in SHAPES.items()}
    optimizer = make(**settings)
    for step in range(steps):
        for i, (name, W) in enumerate(weights.items()):
            scale = 10.0 ** (step % 5 - 4)
            gradient = (rng.normal(size=W.shape) * scale).astype("f")
            new, left = optimizer((i, name), W, gradient, lr_scale=lr_scale)
            assert np.shares_memory(new, W) and (left == 0).all() and left.shape == W.shape
        optimizer.step_schedules()
    return weights, optimizer


@pytest.mark.parametrize(
    "settings",
    [
        {"learn_rate": 1e-3},
        {"learn_rate": 2e-4, "L2": 0.01, "L2_is_weight_decay": True, "eps": 1e-8, "grad_clip": 1.0},
        {"learn_rate": 1e-2, "L2": 0.1, "L2_is_weight_decay": False, "grad_clip": 0.5},
        {"learn_rate": 1e-2, "grad_clip": 0.0, "eps": 1e-3, "beta1": 0.8, "beta2": 0.95},
        {"learn_rate": 1e-2, "use_averages": False},
    ],
)
def test_same_as_thinc(settings):
    ours, optimizer = run(make_fused_adam, **settings)
    theirs, reference = run(Adam, **settings)
    start, _ = run(Adam, steps=0, **settings)
    for name in SHAPES:
        went = np.abs(theirs[name] - start[name]).max()
        assert went > 1e-3
        assert_allclose(ours[name], theirs[name], rtol=4 * ROUNDING, atol=1e-5 * went)
    if settings.get("use_averages", True):
        for key, average in reference.averages.items():
            assert_allclose(optimizer.averages[key], average, rtol=1e-5, atol=1e-5)
    else:
        assert optimizer.averages is None


def test_rate_follows_the_schedule_and_the_share_of_a_layer():
    schedule = {"initial_rate": 1e-2, "warmup_steps": 5, "total_steps": 20}
    ours, optimizer = run(make_fused_adam, lr_scale=5.0, learn_rate=warmup_linear(**schedule))
    theirs, _ = run(Adam, lr_scale=5.0, learn_rate=warmup_linear(**schedule))
    assert optimizer.learn_rate == 0.0  # it has run out
    for name in SHAPES:
        assert_allclose(ours[name], theirs[name], rtol=0, atol=2e-5)


def test_results_do_not_depend_on_torchs_default_type():
    expected, _ = run(make_fused_adam, learn_rate=1e-3)
    torch.set_default_dtype(torch.float16)
    try:
        found, _ = run(make_fused_adam, learn_rate=1e-3)
    finally:
        torch.set_default_dtype(torch.float32)
    for name in SHAPES:
        assert_array_equal(found[name], expected[name])


def test_arrays_of_other_sizes_are_refused():
    """As by Thinc. The kernel itself would write where nothing of ours lies."""
    optimizer = make_fused_adam()
    optimizer((0, "W"), np.ones(4, "f"), np.ones(4, "f"))
    with pytest.raises(ValueError, match="incompatible shapes"):
        optimizer((0, "W"), np.ones(64, "f"), np.ones(64, "f"))
    with pytest.raises(ValueError, match="incompatible shapes"):
        optimizer((1, "W"), np.ones(64, "f"), np.ones(4, "f"))


def test_without_moments_it_is_sgd_as_in_thinc():
    ours, _ = run(make_fused_adam, learn_rate=0.1, beta1=0.0, beta2=0.0)
    theirs, _ = run(Adam, learn_rate=0.1, beta1=0.0, beta2=0.0)
    for name in SHAPES:
        assert_array_equal(ours[name], theirs[name])


def test_a_mistyped_attribute_is_refused():
    with pytest.raises(AttributeError):
        make_fused_adam().learning_rate = 0.1


FORKED = """
import multiprocessing, numpy as np, sys, torch
from spacy_ssner.optimizer import make_fused_adam

torch.set_num_threads(2)

def step():
    W = np.ones(1_000_000, "f")  # enough for torch to split it
    make_fused_adam(0.1)((0, "W"), W, np.ones_like(W))
    return W

step()
child = multiprocessing.get_context("fork").Process(target=step)
child.start()
child.join(300)
child.kill()  # if it hangs
sys.exit(child.exitcode != 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_does_not_wait_for_threads_that_it_lacks():
    assert subprocess.run([sys.executable, "-c", FORKED], timeout=600).returncode == 0


def transposed(array):
    """The same numbers, not in one piece."""
    return np.asfortranarray(array)


def test_arrays_that_torch_cannot_change_in_place_are_left_to_thinc(monkeypatch):
    taken = []
    monkeypatch.setattr(
        Optimizer, "__call__", lambda self, key, W, dW, lr_scale: (taken.append(key), (W, dW))[1]
    )
    optimizer = make_fused_adam()
    W = np.ones((3, 4), dtype="f")
    fixed = W.copy()
    fixed.flags.writeable = False
    for i, array in enumerate([transposed(W), W.astype("d"), fixed]):
        optimizer((i, "W"), array, W.copy())
        optimizer((10 + i, "W"), W.copy(), array)
    assert taken == [(0, "W"), (10, "W"), (1, "W"), (11, "W"), (2, "W"), (12, "W")]
    optimizer((20, "W"), W, W.copy())
    assert len(taken) == 6 and optimizer.nr_update == {(20, "W"): 1}


def test_an_empty_weight_stays_empty():
    W, dW = make_fused_adam()((0, "W"), np.zeros((0, 4), dtype="f"), np.zeros((0, 4), dtype="f"))
    assert W.shape == dW.shape == (0, 4)


def test_in_a_config():
    config = {
        "@optimizers": "spacy-ssner.FusedAdam.v1",
        "learn_rate": 2e-4,
        "L2": 0.01,
        "use_averages": False,
    }
    optimizer = spacy.registry.resolve({"training": {"optimizer": config}})["training"]["optimizer"]
    assert type(optimizer) is FusedAdam and optimizer.averages is None
    assert (optimizer.learn_rate, optimizer.L2, optimizer.grad_clip) == (2e-4, 0.01, 1.0)


@pytest.mark.parametrize(
    "name,value",
    [("beta1", 1), ("beta1", -0.1), ("beta2", 2), ("L2", -1), ("eps", -1e-8), ("learn_rate", float("nan"))],
)
def test_numbers_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"S101.*'{name}' must be at least 0.*but is {value}"):
        make_fused_adam(**{name: value})
