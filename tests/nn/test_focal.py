"""Focal loss: cross-entropy at gamma 0, cases by hand, gradients by finite differences; class weights."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from spacy_ssner.nn.focal import BETA, CLASS_WEIGHTS, allowed_focal_loss, balance_weights, focal_loss


def random_logits(n, k, *, seed=0, scale=2.0):
    return scale * torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gamma_0_is_cross_entropy():
    logits, gold = random_logits(50, 7), torch.arange(50) % 7
    assert_close(focal_loss(logits, gold, gamma=0.0), cross_entropy(logits, gold, reduction="none"))
    weights = torch.rand(7, dtype=torch.float64)
    expected = cross_entropy(logits, gold, weight=weights, reduction="none")
    assert_close(focal_loss(logits, gold, gamma=0.0, class_weights=weights), expected)


@pytest.mark.parametrize("p,gamma,expected", [
    (0.5, 1.0, 0.5 * math.log(2)),
    (0.9, 2.0, 0.01 * -math.log(0.9)),
    (0.25, 0.5, math.sqrt(0.75) * math.log(4)),
])  # fmt: skip
def test_by_hand(p, gamma, expected):
    logits = torch.tensor([[p, 1 - p]], dtype=torch.float64).log()
    assert focal_loss(logits, torch.tensor([0]), gamma=gamma).item() == pytest.approx(expected)
    weights = torch.tensor([3.0, 7.0], dtype=torch.float64)
    weighted = focal_loss(logits, torch.tensor([0]), gamma=gamma, class_weights=weights)
    assert weighted.item() == pytest.approx(3 * expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_gradient(gamma, is_weighted):
    logits = random_logits(6, 4).requires_grad_()
    allowed = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0]] * 2, dtype=torch.bool)
    weights = torch.tensor([0.2, 1.0, 3.0, 0.0], dtype=torch.float64) if is_weighted else None

    def loss(x):
        return allowed_focal_loss(x, allowed, gamma=gamma, class_weights=weights)

    assert torch.autograd.gradcheck(loss, (logits,))


def test_several_allowed_classes_by_hand():
    p = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64)
    allowed = torch.tensor([[True, False, True]])
    weights = torch.tensor([2.0, 9.0, 4.0], dtype=torch.float64)
    found = allowed_focal_loss(p.log(), allowed, gamma=2.0, class_weights=weights)
    assert found.item() == pytest.approx(3.0 * 0.3**2 * -math.log(0.7))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_missing_labels_cost_nothing(gamma):
    logits = random_logits(3, 4).requires_grad_()
    loss = allowed_focal_loss(logits, torch.ones(3, 4, dtype=torch.bool), gamma=gamma)
    loss.sum().backward()
    assert (loss == 0).all() and (logits.grad == 0).all()


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("right", [0, 1])
def test_very_sure_tokens_have_finite_gradients(gamma, right):
    logits = torch.tensor([[90.0, -90.0, 0.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([right]), gamma=gamma)
    loss.sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert loss.item() == pytest.approx(0.0 if right == 0 else 180.0)


@given(st.floats(0, 5), st.floats(0, 5), st.integers(0, 10_000))
def test_more_gamma_less_loss_and_never_negative(gamma, more, seed):
    logits, gold = random_logits(8, 5, seed=seed), torch.arange(8) % 5
    low = focal_loss(logits, gold, gamma=gamma + more)
    high = focal_loss(logits, gold, gamma=gamma)
    assert (low >= 0).all() and (low <= high + 1e-12).all()


def test_inverse_weights_by_hand():
    weights = balance_weights(torch.tensor([80, 16, 4, 0]), "inverse")
    assert_close(weights, torch.tensor([100 / 240, 100 / 48, 100 / 12, 1.0]))


def test_effective_weights_by_hand():
    counts = [1000, 10]
    raw = [(1 - BETA) / (1 - BETA**n) for n in counts]
    scale = sum(counts) / sum(n * w for n, w in zip(counts, raw))
    expected = torch.tensor([w * scale for w in raw])
    assert_close(balance_weights(torch.tensor(counts), "effective"), expected)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9), st.sampled_from(CLASS_WEIGHTS[1:]))
def test_counted_tokens_weigh_1_on_average_and_rare_classes_more(counts, scheme):
    weights = balance_weights(torch.tensor(counts), scheme)
    n = torch.tensor(counts, dtype=torch.float64)
    assert torch.isfinite(weights).all() and (weights > 0).all()
    if sum(counts):
        assert float((weights * n).sum() / n.sum()) == pytest.approx(1.0, rel=1e-5)
    seen = [(count, weight) for count, weight in zip(counts, weights.tolist()) if count]
    for (count, weight), (other, weight2) in zip(sorted(seen), sorted(seen)[1:]):
        assert weight >= weight2 * (1 - 1e-6) or count == other
    assert all(weight == 1 for count, weight in zip(counts, weights.tolist()) if not count)


def test_no_weights():
    assert balance_weights(torch.tensor([3, 4]), "none") is None
