"""The BiLSTM against its equations, and its padding."""

import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn.encoder import BiLSTM


@pytest.fixture
def bilstm():
    torch.manual_seed(0)
    return BiLSTM(input_width=3, width=4, n_layers=1)


def slow_lstm(bilstm, X, suffix):
    """One direction over one sentence, gate by gate in the order of torch: i, f, g, o."""
    weights = {name: getattr(bilstm.lstm, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh")}
    bias = getattr(bilstm.lstm, f"bias_ih_l0{suffix}") + getattr(bilstm.lstm, f"bias_hh_l0{suffix}")
    h = c = torch.zeros(2)
    states = []
    for x in X:
        i, f, g, o = (weights["weight_ih"] @ x + weights["weight_hh"] @ h + bias).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states.append(h)
    return torch.stack(states)


def test_a_batch_of_unequal_sentences_equals_a_slow_loop(bilstm):
    X = torch.randn(3, 5, 3)
    lengths = [2, 5, 1]
    mask = torch.arange(5)[None] < torch.tensor(lengths)[:, None]
    Y = bilstm(X, mask)
    assert Y.shape == (3, 5, 4)
    for i, length in enumerate(lengths):
        forwards = slow_lstm(bilstm, X[i, :length], "")
        backwards = slow_lstm(bilstm, X[i, :length].flip(0), "_reverse").flip(0)
        assert_close(Y[i, :length], torch.cat([forwards, backwards], dim=1))
        assert (Y[i, length:] == 0).all()


def test_what_stands_in_the_padding_changes_nothing(bilstm):
    X = torch.randn(2, 4, 3)
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    Y = bilstm(X, mask)
    X[0, 2:] = 1e6
    assert_close(bilstm(X, mask), Y)


def test_forget_gate_begins_open_and_the_other_biases_at_zero(bilstm):
    for name, bias in bilstm.lstm.named_parameters():
        if "bias" in name:
            expected = torch.zeros(8)
            expected[2:4] = 1.0 if "bias_ih" in name else 0.0
            assert torch.equal(bias.detach(), expected)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_every_layer_gets_a_gradient(n_layers):
    torch.manual_seed(0)
    bilstm = BiLSTM(input_width=3, width=6, n_layers=n_layers)
    Y = bilstm(torch.randn(1, 3, 3), torch.ones(1, 3, dtype=torch.bool))
    (Y**2).sum().backward()
    weights = dict(bilstm.named_parameters())
    assert len(weights) == 8 * n_layers
    assert all((weight.grad != 0).any() for weight in weights.values())


def test_gradient_for_the_input_equals_finite_differences(bilstm):
    bilstm.double()
    X = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert torch.autograd.gradcheck(lambda X: bilstm(X, mask), (X,))
