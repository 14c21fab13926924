"""Loss: which tags the annotation allows, values by enumeration, gradients by finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from spacy_ssner import loss as loss_module
from spacy_ssner.loss import (
    MISSING,
    allowed_tags,
    check_loss,
    crf_loss,
    gold_tag_ids,
    softmax_loss,
    tag_weights,
)
from spacy_ssner.nn.crf import OFF
from spacy_ssner.types import TagScores, Windows

LOSSES = {"crf": crf_loss, "softmax": softmax_loss}
NO, B1, I1, B2, I2 = range(5)  # tags of two labels


def whole(*lengths):
    """Windows without context over tokens in order."""
    n = sum(lengths)
    return Windows(np.arange(n), np.array(lengths, dtype=np.int64), np.ones(n, dtype=bool), n)


def one_hot(*tags):
    return np.eye(5, dtype=bool)[list(tags)]


def scores_of(make_scores, windows, *, seed=0, dtype=torch.float64):
    emissions, transitions = make_scores(1, len(windows.index), 2, seed=seed, dtype=dtype)
    return TagScores(emissions[0].numpy(), transitions.numpy(), windows)


def test_gold_tag_ids_make_unknown_and_missing_tags_missing():
    ids = gold_tag_ids(["O", "B-Tool", None, "B-Exp", "I-Tool"], {"O": 0, "B-Tool": 1, "I-Tool": 2})
    assert ids.tolist() == [0, 1, MISSING, MISSING, 2] and ids.dtype == np.int64
    assert gold_tag_ids([], {"O": 0}).tolist() == []


def test_allowed_tags_of_full_and_missing_annotation():
    allowed = allowed_tags(np.array([NO, B1, MISSING, I2]), whole(4), 5)
    assert allowed.tolist() == [*one_hot(NO, B1).tolist(), [True] * 5, *one_hot(I2).tolist()]


@pytest.mark.parametrize("tag,expected", [(NO, NO), (B1, B1), (I1, B1), (B2, B2), (I2, B2)])
def test_an_entity_cut_in_two_begins_anew(tag, expected):
    gold = np.array([B1, tag, I1])
    allowed = allowed_tags(gold, whole(1, 2), 5)
    assert (allowed == one_hot(B1, expected, I1)).all()
    assert gold[1] == tag  # not written into


@pytest.mark.parametrize(
    "gold,expected",
    [
        ([B1, I1, I1], [I1]),
        ([NO, B1, I1], [B1]),
        ([B2, B1, I1], [B1]),
        ([B1, I1, NO], [NO]),
        ([NO, NO, B2], [B2]),
    ],
)
def test_an_entity_that_began_with_white_space_begins_with_its_first_word(gold, expected):
    index = np.array([0, 2])  # the token between them is white space
    allowed = allowed_tags(np.array(gold), Windows(index, np.array([2]), index >= 0, 3), 5)
    assert (allowed == one_hot(gold[0], *expected)).all()


@pytest.mark.parametrize(
    "gold,expected",
    [
        ([NO, B1, I1, I1], [B1]),
        ([B1, I1, B1, I1], [B1]),
        ([B1, B1, I1, I1], [B1]),
        ([B1, I1, I1, I1], [I1]),
        ([MISSING, B2, I2, I2], [B2]),
    ],
)
def test_an_entity_that_began_with_two_white_space_tokens_begins_with_its_first_word(gold, expected):
    index = np.array([0, 3])  # the tokens between them are white space
    allowed = allowed_tags(np.array(gold), Windows(index, np.array([2]), index >= 0, 4), 5)
    assert (allowed[1] == one_hot(*expected)).all()


def test_missing_at_the_start_of_a_window_stays_missing():
    assert allowed_tags(np.array([MISSING, I1]), whole(2), 5)[0].all()


def test_context_allows_everything_and_the_core_keeps_its_inside_tag():
    gold = np.array([B1, I1, I1, NO])
    core = np.array([True, True, False, False, True, True])
    windows = Windows(np.array([0, 1, 2, 1, 2, 3]), np.array([3, 3]), core, 4)
    allowed = allowed_tags(gold, windows, 5)
    assert (allowed[[0, 1]] == one_hot(B1, I1)).all()
    assert allowed[[2, 3]].all()
    assert (allowed[[4, 5]] == one_hot(I1, NO)).all()


def test_no_tokens_allow_nothing():
    assert allowed_tags(np.zeros(0, dtype=np.int64), whole(), 5).shape == (0, 5)


@given(st.lists(st.sampled_from([MISSING, NO, B1, I1, B2, I2]), max_size=12), st.data())
def test_allowed_tags_equal_a_slow_loop(gold, data):
    starts = data.draw(st.lists(st.booleans(), min_size=len(gold), max_size=len(gold)))
    starts[:1] = [True] * len(gold[:1])
    lengths = np.diff(np.append(np.flatnonzero(starts), len(gold))).astype(int).tolist()
    allowed = allowed_tags(np.array(gold, dtype=np.int64), whole(*lengths), 5)
    for tag, is_start, row in zip(gold, starts, allowed.tolist()):
        if tag == MISSING:
            assert all(row)
        else:
            assert row.count(True) == 1 and row.index(True) == (
                tag - 1 if is_start and tag in (I1, I2) else tag
            )


def enumerated_nll(scores, allowed, enumerate_paths):
    """Mean over windows, path by path."""
    transitions, total = torch.from_numpy(scores.transitions), 0.0
    for start, length in zip(scores.windows.starts, scores.windows.lengths):
        emissions = torch.from_numpy(scores.emissions[start : start + length])
        paths, path_scores = enumerate_paths(emissions, transitions)
        legal = torch.from_numpy(allowed[start : start + length])[torch.arange(length), paths].all(dim=1)
        total += float(path_scores.logsumexp(0) - path_scores[legal].logsumexp(0))
    return total / len(scores.windows.lengths)


def test_crf_loss_equals_enumeration(make_scores, enumerate_paths):
    windows = whole(3, 1, 4, 2)
    scores = scores_of(make_scores, windows)
    allowed = allowed_tags(np.array([B1, I1, NO, NO, B2, MISSING, I2, NO, MISSING, B1]), windows, 5)
    loss, _ = crf_loss(scores, allowed)
    assert_allclose(loss, enumerated_nll(scores, allowed, enumerate_paths), rtol=1e-9)


def test_softmax_loss_equals_a_slow_loop(make_scores):
    windows = whole(2, 3)
    scores = scores_of(make_scores, windows)
    allowed = allowed_tags(np.array([B1, MISSING, NO, B2, I2]), windows, 5)
    allowed[3] = [True, False, False, True, False]  # a partial set
    expected = 0.0
    for i in (0, 2, 3, 4):
        p = np.exp(scores.emissions[i]) / np.exp(scores.emissions[i]).sum()
        expected -= np.log(p[allowed[i]].sum()) / 4
    loss, d_scores = softmax_loss(scores, allowed)
    assert_allclose(loss, expected, rtol=1e-9)
    assert (d_scores.emissions[1] == 0).all() and (d_scores.transitions == 0).all()


def finite_differences(function, X, eps=1e-5):
    gradient = np.zeros_like(X)
    for place in np.ndindex(X.shape):
        sides = []
        for step in (eps, -eps):
            moved = X.copy()
            moved[place] += step
            sides.append(function(moved))
        gradient[place] = (sides[0] - sides[1]) / (2 * eps)
    return gradient


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_gradients_equal_finite_differences(decoder, make_scores):
    windows = whole(3, 1, 4)
    scores = scores_of(make_scores, windows)
    free = np.where(scores.transitions == OFF, -5.0, scores.transitions)  # so that those have a gradient too
    scores = TagScores(scores.emissions, free, windows)
    allowed = allowed_tags(np.array([B1, I1, NO, MISSING, B2, MISSING, I2, NO]), windows, 5)
    allowed[2] = [True, True, False, False, False]
    _, found = LOSSES[decoder](scores, allowed)

    def of_emissions(emissions):
        return LOSSES[decoder](TagScores(emissions, scores.transitions, windows), allowed)[0]

    def of_transitions(transitions):
        return LOSSES[decoder](TagScores(scores.emissions, transitions, windows), allowed)[0]

    assert_allclose(found.emissions, finite_differences(of_emissions, scores.emissions), atol=1e-8)
    assert_allclose(found.transitions, finite_differences(of_transitions, scores.transitions), atol=1e-8)
    assert found.windows is windows


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("lengths", [(), (3, 2)])
def test_nothing_annotated_asks_for_nothing(decoder, lengths, make_scores):
    windows = whole(*lengths)
    scores = scores_of(make_scores, windows, dtype=torch.float32)
    loss, d_scores = LOSSES[decoder](scores, np.ones((sum(lengths), 5), dtype=bool))
    assert loss == 0.0
    assert d_scores.emissions.shape == scores.emissions.shape and (d_scores.emissions == 0).all()
    assert d_scores.transitions.shape == (7, 5) and (d_scores.transitions == 0).all()


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_gold_that_breaks_the_scheme_gives_finite_gradients(decoder, make_scores):
    windows = whole(3)
    scores = scores_of(make_scores, windows, dtype=torch.float32)
    before = scores.emissions.copy(), scores.transitions.copy()
    loss, d_scores = LOSSES[decoder](scores, one_hot(NO, I1, I2))
    assert np.isfinite(loss) and loss > 0
    assert np.isfinite(d_scores.emissions).all() and np.isfinite(d_scores.transitions).all()
    assert d_scores.emissions.dtype == np.float32
    assert (scores.emissions == before[0]).all() and (scores.transitions == before[1]).all()


@pytest.mark.parametrize("max_padded", [1, 5])
def test_the_size_of_a_pass_does_not_matter(max_padded, make_scores, monkeypatch):
    windows = whole(3, 1, 4, 2)
    scores = scores_of(make_scores, windows)
    allowed = allowed_tags(np.array([B1, I1, NO, NO, B2, MISSING, I2, NO, MISSING, B1]), windows, 5)
    loss, d_scores = crf_loss(scores, allowed)
    monkeypatch.setattr(loss_module, "MAX_PADDED", max_padded)
    other, d_other = crf_loss(scores, allowed)
    assert_allclose(other, loss)
    assert_allclose(d_other.emissions, d_scores.emissions, atol=1e-12)
    assert_allclose(d_other.transitions, d_scores.transitions, atol=1e-12)


def softmax_loss_before_gamma(scores, allowed):
    """The loss as it was before it had a gamma, word for word: old results must come out the same."""
    emissions, legal = torch.from_numpy(scores.emissions).requires_grad_(), torch.from_numpy(allowed)
    known = ~legal.all(dim=1)
    X = emissions[known]
    nll = X.logsumexp(dim=1) - X.masked_fill(~legal[known], OFF).logsumexp(dim=1)
    loss = nll.sum() / max(1, len(X))
    loss.backward()
    return float(loss.detach()), emissions.grad.numpy()


def test_gamma_0_without_weights_is_bit_for_bit_what_it_was(make_scores):
    windows = whole(40)
    scores = scores_of(make_scores, windows, dtype=torch.float32)
    allowed = allowed_tags(np.array([B1, MISSING, NO, B2, I2] * 8), windows, 5)
    allowed[3] = [True, False, False, True, False]
    expected, gradient = softmax_loss_before_gamma(scores, allowed)
    loss, d_scores = softmax_loss(scores, allowed)
    assert loss == expected and (d_scores.emissions == gradient).all()


def test_focal_softmax_loss_equals_a_slow_loop(make_scores):
    windows = whole(2, 3)
    scores = scores_of(make_scores, windows)
    gold = [B1, MISSING, NO, B2, I2]
    weights = torch.tensor([0.1, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64)
    expected = 0.0
    for emissions, tag in zip(scores.emissions, gold):
        if tag != MISSING:
            p = np.exp(emissions[tag]) / np.exp(emissions).sum()
            expected -= float(weights[tag]) * (1 - p) ** 1.5 * np.log(p) / 4
    allowed = allowed_tags(np.array(gold), windows, 5)
    loss, d_scores = softmax_loss(scores, allowed, gamma=1.5, tag_weights=weights)
    assert_allclose(loss, expected, rtol=1e-9)

    def of_emissions(emissions):
        moved = TagScores(emissions, scores.transitions, windows)
        return softmax_loss(moved, allowed, gamma=1.5, tag_weights=weights)[0]

    assert_allclose(d_scores.emissions, finite_differences(of_emissions, scores.emissions), atol=1e-8)


def test_tag_weights_by_name():
    weights = tag_weights(["O", "B-Tool", "I-Tool"], {"B-Tool": 1, "O": 9, "B-Gone": 5}, "inverse")
    assert_allclose(weights.numpy(), [10 / 18, 5.0, 1.0], rtol=1e-6)
    assert tag_weights(["O"], {"O": 3}, "none") is None


@pytest.mark.parametrize("gamma", [-0.1, float("nan"), float("inf")])
def test_gamma_that_is_no_gamma(gamma):
    with pytest.raises(ValueError, match="S104.*focal_gamma"):
        check_loss("softmax", gamma, "none")
    check_loss("softmax", 0.0, "inverse")
