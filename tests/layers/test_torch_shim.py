"""A torch module inside Thinc: files without pickle, damaged files, its share of the learning rate."""

import json

import numpy as np
import pytest
import srsly
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load
from thinc.api import SGD, Adam, ArgsKwargs

from spacy_ssner.layers.torch_shim import FORMAT, ModuleShim

SETTINGS = {"n_in": 3, "n_out": 2}


def build(settings):
    return torch.nn.Linear(settings["n_in"], settings["n_out"])


def make_shim(learn_rate_factor=1.0, settings=SETTINGS, seed=0):
    torch.manual_seed(seed)
    shim = ModuleShim(build, learn_rate_factor=learn_rate_factor)
    shim.set_module(settings)
    return shim


def test_predictions_leave_evaluation_mode_and_updates_training_mode():
    shim = make_shim()
    inputs = ArgsKwargs((torch.zeros(1, 3),), {})
    assert not shim.predict(inputs).requires_grad and not shim.module.training
    shim.predict(inputs)
    assert not shim.module.training
    shim.begin_update(inputs)
    assert shim.module.training


def step(shim, optimizer, X=None):
    """One update on a fixed gradient. RETURNS: how far each weight went."""
    before = {name: weight.detach().clone() for name, weight in shim.module.named_parameters()}
    X = torch.ones(1, 3) if X is None else X
    Y, backprop = shim(ArgsKwargs((X,), {}), True)
    backprop(ArgsKwargs(([Y],), {"grad_tensors": [torch.ones_like(Y)]}))
    shim.finish_update(optimizer)
    return {name: before[name] - weight.detach() for name, weight in shim.module.named_parameters()}


def same_weights(one, other):
    one, other = one.module.state_dict(), other.module.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_bytes_lead_back_to_the_module_and_its_settings():
    shim = make_shim()
    data = shim.to_bytes()
    fresh = ModuleShim(build)
    assert fresh.from_bytes(data) is fresh
    assert same_weights(shim, fresh)
    assert fresh.cfg["settings"] == SETTINGS and fresh.to_bytes() == data


def test_bytes_may_be_of_other_sizes_than_the_module_in_place():
    other = make_shim(settings={"n_in": 5, "n_out": 1}, seed=1)
    assert same_weights(make_shim(), other.from_bytes(make_shim().to_bytes()))


def test_files_hold_safetensors_and_no_pickle():
    data = make_shim().to_bytes()
    message = srsly.msgpack_loads(data)
    assert message["format"] == FORMAT and json.loads(message["settings"]) == SETTINGS
    weights = message["weights"]
    size = int.from_bytes(weights[:8], "little")  # a safetensors file begins with the size of its JSON header
    header = json.loads(weights[8 : 8 + size])
    assert header["weight"]["dtype"] == "F32" and header["weight"]["shape"] == [2, 3]
    assert set(load(weights)) == {"weight", "bias"}
    assert b"torch" not in data and b"PK\x03\x04" not in data and b"\x80\x02" not in data


def test_disk_leads_back_to_the_module(tmp_path):
    shim = make_shim()
    shim.to_disk(tmp_path / "weights")
    assert same_weights(shim, ModuleShim(build).from_disk(tmp_path / "weights"))


def test_an_empty_shim_stays_empty():
    data = ModuleShim(build).to_bytes()
    assert ModuleShim(build).from_bytes(data).module is None
    assert make_shim().from_bytes(data).module is None


@given(st.data())
def test_truncated_bytes_are_refused(data):
    whole = make_shim().to_bytes()
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="S302"):
        ModuleShim(build).from_bytes(whole[:end])


@given(st.binary(max_size=60))
def test_foreign_bytes_are_refused(foreign):
    with pytest.raises(ValueError, match="S302"):
        ModuleShim(build).from_bytes(foreign)


def changed(**values):
    return srsly.msgpack_dumps({**srsly.msgpack_loads(make_shim().to_bytes()), **values})


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02}q\x00.",  # a pickle
        srsly.msgpack_dumps({"config": {}, "state": b""}),  # Thinc's own shim
        srsly.msgpack_dumps(["format", FORMAT]),
        changed(format="other-2"),
        changed(settings="{"),
        changed(settings="[]"),
        changed(settings='{"n_in": 3}'),
        changed(settings='{"n_in": "3", "n_out": 2}'),
        changed(settings='{"n_in": 4, "n_out": 2}'),  # weights of another shape
        changed(weights=b""),
        changed(weights=b"\xff" * 40),
        changed(weights=3),
    ],
)
def test_bytes_that_do_not_fit_are_refused(data):
    shim = make_shim(seed=1)
    before = make_shim(seed=1)
    with pytest.raises(ValueError, match=f"S302.*expected {FORMAT}"):
        shim.from_bytes(data)
    assert same_weights(shim, before)  # nothing half loaded


def test_a_learning_rate_below_0_is_refused():
    with pytest.raises(ValueError, match="S104.*learn_rate_factor.*at least 0.*-1.0"):
        make_shim(learn_rate_factor=-1.0)


def test_learn_rate_factor_scales_the_update():
    steps = {factor: step(make_shim(factor), SGD(0.1, L2=0.0, grad_clip=0.0)) for factor in (1.0, 5.0, 0.0)}
    assert torch.allclose(steps[1.0]["weight"], torch.full((2, 3), 0.1))
    for name, base in steps[1.0].items():
        assert torch.allclose(steps[5.0][name], 5 * base)
        assert (steps[0.0][name] == 0).all()


def test_a_weight_without_gradient_stays_and_gradients_are_cleared():
    shim = make_shim()
    shim.module.bias.requires_grad_(False)
    moved = step(shim, SGD(0.1, L2=0.0))
    assert (moved["bias"] == 0).all() and (moved["weight"] != 0).any()
    assert shim.module.weight.grad is None and shim.module.bias.grad is None


def test_a_new_module_does_not_inherit_the_optimizers_memory():
    """Adam's moments of the old weights have the old sizes: a label added in training must not meet them."""
    shim, optimizer = make_shim(), Adam(0.01)
    step(shim, optimizer)
    shim.set_module({"n_in": 3, "n_out": 4})
    first = step(shim, optimizer)
    assert np.allclose(first["weight"].abs(), 0.01, atol=1e-3)  # Adam's first step


def test_a_copy_and_the_original_have_their_own_optimizer_memory():
    """Both may be trained in one pipeline, after `nlp.replace_listeners`."""
    shim, optimizer = make_shim(), Adam(0.01)
    copied = shim.copy()
    for _ in range(5):
        step(shim, optimizer, -torch.ones(1, 3))
    assert not same_weights(shim, copied)
    first = step(copied, optimizer)
    assert np.allclose(first["weight"], 0.01, atol=1e-3)  # Adam's first step, against the gradient


def test_the_next_shim_has_another_id_than_one_from_another_process():
    shim = make_shim()
    state = {**shim.__dict__, "id": shim.id + 1000}
    there = ModuleShim.__new__(ModuleShim)
    there.__setstate__(state)
    assert there.id == shim.id + 1000 < make_shim().id


def test_averages_take_the_weights_place_for_a_while():
    shim, optimizer = make_shim(), Adam(0.1, use_averages=True)
    seen = []
    for _ in range(12):
        step(shim, optimizer)
        optimizer.step_schedules()
        seen.append(shim.module.weight.detach().clone())
    averages = optimizer.averages
    now = shim.module.state_dict()
    kept = {name: weight.clone() for name, weight in now.items()}
    with shim.use_params(averages):
        average = shim.module.weight.detach().clone()
        np.testing.assert_allclose(average.numpy(), averages[shim.id, "weight"])
        assert (seen[0] > average).all() and (average > seen[-1]).all()  # all weights fall
    assert all(torch.equal(kept[name], weight) for name, weight in shim.module.state_dict().items())
    with pytest.raises(KeyError), shim.use_params(averages):
        raise KeyError
    assert torch.equal(shim.module.weight, kept["weight"])
    with shim.use_params({}):
        assert torch.equal(shim.module.weight, kept["weight"])


def test_an_update_leaves_weights_where_they_lie():
    shim = make_shim()
    places = [weight.data_ptr() for weight in shim.module.parameters()]
    assert step(shim, Adam(0.1))["weight"].abs().min() > 0
    assert step(shim, lambda key, weight, grad, lr_scale: (weight - grad, grad))["weight"].min() > 0
    assert [weight.data_ptr() for weight in shim.module.parameters()] == places
