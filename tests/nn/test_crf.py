"""The CRF against the enumeration of all paths, against torchcrf, and in long and odd windows."""

import numpy as np
import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from spacy_ssner.labels import legal_transitions
from spacy_ssner.nn import crf_sums
from spacy_ssner.nn.crf import (
    OFF,
    ConstrainedCRF,
    check_shapes,
    crf_nll,
    log_partition,
    tempered,
)
from spacy_ssner.nn.crf_decoding import viterbi
from spacy_ssner.nn.crf_sums import forward_backward
from spacy_ssner.nn.span_marginals import span_log_probability

SIZES = [(1, 1), (1, 2), (2, 2), (3, 2), (5, 1), (4, 3), (5, 2)]  # tokens, labels
seeds = st.integers(0, 2**31)


def ones(*shape):
    return torch.ones(*shape, dtype=torch.bool)


def length_mask(lengths, width):
    return torch.arange(width)[None] < torch.tensor(lengths)[:, None]


def one_hot(path, n_tags):
    return torch.nn.functional.one_hot(path, n_tags).bool()


def all_spans(n_tokens, n_labels):
    """start, end and B tag of every possible entity: (S,) each."""
    spans = [
        (start, end, 1 + 2 * label)
        for start in range(n_tokens)
        for end in range(start + 1, n_tokens + 1)
        for label in range(n_labels)
    ]
    return torch.tensor(spans).T


def holds_span(paths, start, end, tag):
    """Which paths hold precisely this entity: (P,) bool."""
    holds = (paths[:, start] == tag) & (paths[:, start + 1 : end] == tag + 1).all(dim=1)
    return holds & (paths[:, end] != tag + 1) if end < paths.shape[1] else holds


@pytest.mark.parametrize("n_tokens,n_labels", SIZES)
def test_log_partition_equals_enumeration(n_tokens, n_labels, make_scores, enumerate_paths):
    emissions, transitions = make_scores(2, n_tokens, n_labels, seed=0)
    expected = torch.stack([enumerate_paths(e, transitions)[1].logsumexp(0) for e in emissions])
    assert_close(log_partition(emissions, transitions, ones(2, n_tokens)), expected)


@pytest.mark.parametrize("n_tokens,n_labels", SIZES)
def test_gradient_of_log_partition_equals_that_of_the_enumerated_sum(
    n_tokens, n_labels, make_scores, enumerate_paths
):
    scores = make_scores(1, n_tokens, n_labels, seed=1, dtype=torch.float64)
    emissions, transitions = (x.requires_grad_() for x in scores)
    expected = torch.autograd.grad(
        enumerate_paths(emissions[0], transitions)[1].logsumexp(0), (emissions, transitions)
    )
    total = log_partition(emissions, transitions, ones(1, n_tokens)).sum()
    assert_close(torch.autograd.grad(total, (emissions, transitions)), expected)


@pytest.mark.parametrize("n_tokens,n_labels", SIZES)
def test_alpha_and_beta_give_the_enumerated_marginals(n_tokens, n_labels, make_scores, enumerate_paths):
    emissions, transitions = make_scores(1, n_tokens, n_labels, seed=2)
    paths, scores = enumerate_paths(emissions[0].double(), transitions.double())
    p = scores.softmax(0)
    alpha, beta, log_z = forward_backward(emissions, transitions, ones(1, n_tokens))
    assert_close(log_z[0], scores.logsumexp(0))
    marginals = (alpha + beta - log_z).exp()[0]
    for t in range(n_tokens):
        expected = torch.zeros(emissions.shape[2], dtype=torch.float64).index_add(0, paths[:, t], p)
        assert_close(marginals[t], expected, atol=1e-9, rtol=0.0)


@pytest.mark.parametrize("n_tokens,n_labels", SIZES)
@pytest.mark.parametrize("kind", ["full", "missing", "partial", "some missing"])
def test_nll_equals_enumeration_of_the_allowed_paths(n_tokens, n_labels, kind, make_scores, enumerate_paths):
    emissions, transitions = make_scores(1, n_tokens, n_labels, seed=3)
    n_tags = emissions.shape[2]
    best = one_hot(viterbi(emissions, transitions, ones(1, n_tokens)), n_tags)  # a legal path
    rng = torch.Generator().manual_seed(3)
    allowed = {
        "full": best,
        "missing": torch.ones_like(best),
        "partial": best | (torch.rand(best.shape, generator=rng) < 0.5),
        "some missing": best | (torch.rand(1, n_tokens, 1, generator=rng) < 0.5),
    }[kind]
    paths, scores = enumerate_paths(emissions[0], transitions)
    is_allowed = allowed[0, torch.arange(n_tokens), paths].all(dim=1)
    expected = scores.logsumexp(0) - scores[is_allowed].logsumexp(0)
    nll = crf_nll(emissions, transitions, allowed, ones(1, n_tokens))[0]
    assert_close(nll, expected, atol=1e-5, rtol=1e-5)
    assert nll > -1e-5
    if kind == "missing":
        assert nll == 0.0


@pytest.mark.parametrize("scale", [0.0, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("n_tokens,n_labels", SIZES)
def test_best_path_has_the_best_enumerated_score(
    n_tokens, n_labels, scale, make_scores, enumerate_paths, is_legal
):
    emissions, transitions = make_scores(1, n_tokens, n_labels, seed=4, scale=scale)
    if scale == 0.0:  # nothing but ties
        transitions = torch.where(transitions == OFF, OFF, 0.0)
    paths, scores = enumerate_paths(emissions[0], transitions)
    path = viterbi(emissions, transitions, ones(1, n_tokens))[0]
    own = scores[(paths == path).all(dim=1)]
    assert_close(own, scores.max()[None])
    assert is_legal(path.tolist())


@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("n_tokens,n_labels", SIZES)
def test_probability_of_every_span_equals_enumeration(
    n_tokens, n_labels, scale, make_scores, enumerate_paths
):
    emissions, transitions = make_scores(1, n_tokens, n_labels, seed=5, scale=scale)
    paths, scores = enumerate_paths(emissions[0].double(), transitions.double())
    p = scores.softmax(0)
    start, end, tag = all_spans(n_tokens, n_labels)
    row = torch.zeros_like(start)
    found = span_log_probability(emissions, transitions, ones(1, n_tokens), row, start, end, tag)
    expected = torch.stack([p[holds_span(paths, *span)].sum() for span in zip(start, end, tag)])
    assert found.dtype == torch.float32
    assert_close(found.exp(), expected.float(), atol=1e-5, rtol=0.0)


def test_span_probabilities_in_a_batch_of_unequal_lengths_equal_enumeration(make_scores, enumerate_paths):
    emissions, transitions = make_scores(3, 4, 2, seed=6)
    lengths = [2, 4, 1]
    mask = length_mask(lengths, 4)
    for i, length in enumerate(lengths):
        start, end, tag = all_spans(length, 2)
        row = torch.full_like(start, i)
        found = span_log_probability(emissions, transitions, mask, row, start, end, tag).exp()
        paths, scores = enumerate_paths(emissions[i, :length], transitions)
        p = scores.softmax(0)
        expected = torch.stack([p[holds_span(paths, *span)].sum() for span in zip(start, end, tag)])
        assert_close(found, expected, atol=1e-5, rtol=0.0)


@given(seed=seeds, scale=st.sampled_from([1.0, 10.0, 100.0, 1000.0]))
@settings(max_examples=50)
def test_illegal_transitions_are_never_decoded_and_have_no_probability(seed, scale, make_scores, is_legal):
    emissions, transitions = make_scores(3, 7, 3, seed=seed, scale=scale)
    emissions[:, :, 2::2] += scale  # inside tags look best
    mask = length_mask([7, 3, 1], 7)
    for path in viterbi(emissions, transitions, mask):
        assert is_legal(path.tolist())
    alpha, beta, log_z = forward_backward(emissions / scale, transitions, mask)
    marginals = (alpha + beta - log_z[:, None, None]).exp()
    assert (marginals[:, 0, 2::2] < 1e-30).all()  # no entity begins with I-


@given(seed=seeds, n_more=st.integers(1, 5))
@settings(max_examples=30)
def test_padding_changes_nothing(seed, n_more, make_scores):
    emissions, transitions = make_scores(3, 4, 2, seed=seed)
    mask = length_mask([4, 2, 1], 4)
    noise = torch.randn(3, n_more, 5, generator=torch.Generator().manual_seed(seed)) * 1e3
    longer = torch.cat([emissions, noise], dim=1)
    longer_mask = torch.cat([mask, ~ones(3, n_more)], dim=1)
    allowed = torch.rand(longer.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    assert_close(log_partition(longer, transitions, longer_mask), log_partition(emissions, transitions, mask))
    assert_close(
        crf_nll(longer, transitions, allowed, longer_mask),
        crf_nll(emissions, transitions, allowed[:, :4], mask),
    )
    assert torch.equal(
        viterbi(longer, transitions, longer_mask)[:, :4], viterbi(emissions, transitions, mask)
    )
    assert (viterbi(longer, transitions, longer_mask)[~longer_mask] == 0).all()
    spans = (
        torch.tensor([0, 1, 2]),
        torch.tensor([1, 0, 0]),
        torch.tensor([4, 2, 1]),
        torch.tensor([1, 3, 1]),
    )
    assert_close(
        span_log_probability(longer, transitions, longer_mask, *spans),
        span_log_probability(emissions, transitions, mask, *spans),
    )


@given(seed=seeds, order=st.permutations(range(4)))
@settings(max_examples=30)
def test_the_order_of_the_batch_does_not_matter(seed, order, make_scores):
    emissions, transitions = make_scores(4, 5, 2, seed=seed)
    mask = length_mask([5, 3, 0, 1], 5)
    mixed, mixed_mask = emissions[order], mask[order]
    total = log_partition(emissions, transitions, mask)
    assert_close(log_partition(mixed, transitions, mixed_mask), total[order])
    best = viterbi(emissions, transitions, mask)
    assert torch.equal(viterbi(mixed, transitions, mixed_mask), best[order])


def test_an_empty_window_costs_nothing_and_gets_no_gradient(make_scores):
    emissions, transitions = make_scores(3, 3, 2, seed=7)
    emissions.requires_grad_()
    mask = length_mask([0, 3, 0], 3)
    allowed = one_hot(torch.zeros(3, 3, dtype=torch.long), 5)
    assert log_partition(emissions, transitions, mask)[[0, 2]].tolist() == [0.0, 0.0]
    nll = crf_nll(emissions, transitions, allowed, mask)
    assert nll[[0, 2]].tolist() == [0.0, 0.0]
    nll.sum().backward()
    assert (emissions.grad[[0, 2]] == 0).all() and (emissions.grad[1] != 0).any()
    assert (viterbi(emissions, transitions, mask)[[0, 2]] == 0).all()


def test_no_tokens_at_all(make_scores):
    emissions, transitions = make_scores(2, 0, 2, seed=8)
    mask = ones(2, 0)
    assert log_partition(emissions, transitions, mask).tolist() == [0.0, 0.0]
    assert crf_nll(emissions, transitions, mask[..., None].expand(2, 0, 5), mask).tolist() == [0.0, 0.0]
    assert viterbi(emissions, transitions, mask).shape == (2, 0)


def test_no_windows_at_all(make_scores):
    emissions, transitions = make_scores(0, 3, 2, seed=8)
    assert log_partition(emissions, transitions, ones(0, 3)).shape == (0,)
    assert viterbi(emissions, transitions, ones(0, 3)).shape == (0, 3)
    none = torch.zeros(0, dtype=torch.long)
    assert span_log_probability(emissions, transitions, ones(0, 3), none, none, none, none).shape == (0,)


def test_gradients_stay_finite_when_gold_breaks_the_scheme(make_scores):
    emissions, transitions = (x.requires_grad_() for x in make_scores(2, 4, 2, seed=9))
    gold = torch.tensor([[2, 0, 4, 1], [0, 4, 3, 2]])  # I- at the start, after O, after another type
    nll = crf_nll(emissions, transitions, one_hot(gold, 5), ones(2, 4))
    nll.sum().backward()
    assert nll.isfinite().all() and (nll > 1000).all()
    assert emissions.grad.isfinite().all() and transitions.grad.isfinite().all()


def test_unconstrained_crf_agrees_with_torchcrf():
    torch.manual_seed(10)
    crf = torchcrf.CRF(5, batch_first=True)
    emissions, tags = torch.randn(4, 6, 5), torch.randint(5, (4, 6))
    mask = length_mask([6, 3, 1, 5], 6)
    with torch.no_grad():
        packed = torch.cat([crf.transitions, crf.start_transitions[None], crf.end_transitions[None]])
        expected = crf(emissions, tags, mask, reduction="none")
        paths = crf.decode(emissions, mask)
    assert_close(-crf_nll(emissions, packed, one_hot(tags, 5), mask), expected)
    found = viterbi(emissions, packed, mask)
    assert [row[on].tolist() for row, on in zip(found, mask)] == paths


def log_space_reference(emissions, transitions):
    """Log partition and tag marginals of one window in float64, step by step in log space."""
    emissions, transitions = (x.numpy().astype(np.float64) for x in (emissions, transitions))
    n_tokens, n_tags = emissions.shape
    follow = transitions[:n_tags]
    alpha, beta = np.empty_like(emissions), np.empty_like(emissions)
    alpha[0] = transitions[n_tags] + emissions[0]
    for t in range(1, n_tokens):
        alpha[t] = np.logaddexp.reduce(alpha[t - 1][:, None] + follow, axis=0) + emissions[t]
    beta[-1] = transitions[n_tags + 1]
    for t in range(n_tokens - 1, 0, -1):
        beta[t - 1] = np.logaddexp.reduce(follow + (emissions[t] + beta[t])[None], axis=1)
    total = np.logaddexp.reduce(alpha[-1] + beta[-1])
    return total, np.exp(alpha + beta - total)


# The training gradient is taken in float32, where a total of 30,000 nats has steps of 0.002.
@pytest.mark.parametrize("scale,gradient_error", [(1.0, 5e-3), (10.0, 4e-2)])
def test_a_long_window_stays_exact(scale, gradient_error, make_scores, is_legal):
    emissions, transitions = make_scores(1, 2000, 5, seed=11, scale=scale)
    total, marginals = log_space_reference(emissions[0], transitions)
    mask = ones(1, 2000)
    emissions.requires_grad_()
    found = log_partition(emissions, transitions, mask)[0]
    assert_close(found.double(), torch.tensor(total), atol=0.0, rtol=1e-5)
    found.backward()  # the gradient is the marginal
    assert_close(emissions.grad[0].double(), torch.from_numpy(marginals), atol=gradient_error, rtol=0.0)
    with torch.no_grad():
        alpha, beta, log_z = forward_backward(emissions, transitions, mask)
        path = viterbi(emissions, transitions, mask)
        starts = (path[0] % 2 == 1).nonzero()[:, 0]
        tag = path[0, starts]
        log_p = span_log_probability(
            emissions, transitions, mask, torch.zeros_like(starts), starts, starts + 1, tag
        )
    assert_close((alpha + beta - log_z).exp()[0].numpy(), marginals, atol=1e-9, rtol=0.0, check_dtype=False)
    assert is_legal(path[0].tolist())
    assert (log_p.exp().numpy() <= marginals[starts, tag] + 1e-5).all()


def test_a_long_span_equals_the_product_of_its_steps(make_scores):
    n = 2000
    emissions, transitions = make_scores(1, n, 1, seed=12, dtype=torch.float64)
    total, _ = log_space_reference(emissions[0], transitions)
    score = emissions[0, 0, 1] + emissions[0, 1:, 2].sum() + transitions[3, 1] + transitions[4, 2]
    score = score + transitions[1, 2] + (n - 2) * transitions[2, 2]
    span = (torch.tensor([x]) for x in (0, 0, n, 1))
    found = span_log_probability(emissions.float(), transitions.float(), ones(1, n), *span)
    assert_close(found[0].double(), score - total, atol=1e-2, rtol=1e-5)


@pytest.mark.parametrize(
    "emissions,transitions,mask,got",
    [
        ((2, 3), (5, 3), (2,), r"\(2, 3\), \(5, 3\) and \(2,\)"),
        ((2, 3, 3), (3, 3), (2, 3), r"\(2, 3, 3\), \(3, 3\) and \(2, 3\)"),
        ((2, 3, 3), (5, 4), (2, 3), r"\(2, 3, 3\), \(5, 4\) and \(2, 3\)"),
        ((2, 3, 3), (5, 3), (2, 4), r"\(2, 3, 3\), \(5, 3\) and \(2, 4\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(emissions, transitions, mask, got):
    case = torch.zeros(emissions), torch.zeros(transitions), ones(*mask)
    expected = r"S301.*expected \(B, T, 3\), \(5, 3\) and \(B, T\) bool, got " + got
    for function in (check_shapes, log_partition, viterbi, forward_backward):
        with pytest.raises(ValueError, match=expected):
            function(*case)


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(ValueError, match="S301.*torch.int64"):
        check_shapes(torch.zeros(1, 2, 3), torch.zeros(5, 3), torch.ones(1, 2, dtype=torch.long))


def test_constrained_crf_holds_illegal_transitions_off_whatever_it_learns():
    legal = torch.from_numpy(legal_transitions(2))
    torch.manual_seed(13)
    crf = ConstrainedCRF(legal)
    optimizer = torch.optim.SGD(crf.parameters(), lr=10.0)
    emissions = torch.randn(2, 4, 5)
    gold = one_hot(torch.tensor([[0, 2, 2, 0], [2, 4, 2, 4]]), 5)  # illegal throughout
    before = crf.packed().detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        crf_nll(emissions, crf.packed(), gold, ones(2, 4)).sum().backward()
        optimizer.step()
    packed = crf.packed().detach()
    assert (packed[~legal] == OFF).all()
    assert (crf.transitions.grad[~legal[:5]] == 0).all()
    assert (crf.start_transitions.grad[~legal[5]] == 0).all()
    assert (packed != before)[legal].any()
    assert "legal" not in crf.state_dict()


@pytest.mark.parametrize("temperature", [0.1, 3.0, 1e6])
def test_no_temperature_makes_an_illegal_path_possible(temperature, make_scores, is_legal):
    emissions, transitions = (tempered(x, temperature) for x in make_scores(4, 6, 2, seed=5, scale=3.0))
    assert ((transitions <= OFF) == (make_scores(4, 6, 2, seed=5)[1] == OFF)).all()
    assert is_legal(viterbi(emissions, transitions, ones(4, 6))[0].tolist())
    alpha, beta, log_z = forward_backward(emissions, transitions, ones(4, 6))
    inside_at_start = (alpha + beta - log_z[:, None, None])[:, 0, [2, 4]].exp()
    assert (inside_at_start < 1e-12).all()


@pytest.mark.parametrize("temperature", [0.01, 1e-3, 1e-4])
def test_illegal_paths_do_not_count_at_a_low_temperature(temperature, make_scores, enumerate_paths):
    """A legal tag 40 nats behind is 4e4 behind at 0.001, more than what is illegal at 1."""
    emissions, transitions = make_scores(1, 4, 2, seed=5)
    emissions[0, 0, 0] += 40.0
    emissions[0, 1, 2] += 40.0  # I- behind O
    paths, scores = enumerate_paths(emissions[0], transitions)
    p = (scores.double() / temperature).softmax(dim=0)
    expected = torch.stack([(one_hot(path, 5) * p[:, None]).sum(dim=0) for path in paths.T])
    warm = tempered(emissions, temperature), tempered(transitions, temperature)
    alpha, beta, log_z = forward_backward(*warm, ones(1, 4))
    assert_close((alpha + beta - log_z).exp()[0], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("gap", [50.0, 800.0, 5000.0])
def test_sums_where_only_what_is_far_less_likely_is_legal(gap, monkeypatch):
    """A token that all but shouts I-, where no entity can go on: beyond 700 nats only log space holds the rest."""
    crf = ConstrainedCRF(torch.from_numpy(legal_transitions(1)))
    emissions = torch.tensor([[[0.0, 0.5, gap], [0.2, 0.1, 0.3], [0.0, 0.0, 0.1]]])
    used = []
    log_sums = crf_sums._log_sums
    monkeypatch.setattr(crf_sums, "_log_sums", lambda *args: used.append(1) or log_sums(*args))
    alpha, beta, log_z = forward_backward(emissions, crf.packed().detach(), ones(1, 3))
    expected = log_partition(emissions.double(), crf.packed().detach().double(), ones(1, 3))
    assert_close(log_z, expected, atol=1e-6, rtol=0)
    assert_close(torch.logsumexp(alpha + beta, dim=2), expected[:, None].expand(1, 3), atol=1e-6, rtol=0)
    assert bool(used) == (gap > 700)


def test_sums_in_log_space_hold_what_lies_beyond_float64():
    """B I is 1000 nats behind O at the first token and 2000 ahead of it at the second."""
    emissions = torch.tensor([[[1000.0, 0.0, 0.0], [0.0, 0.0, 2000.0]]])
    crf = ConstrainedCRF(torch.from_numpy(legal_transitions(1)))
    transitions = torch.where(crf.packed().detach() > OFF, 0.0, OFF)
    _, _, log_z = forward_backward(emissions, transitions, ones(1, 2))
    assert_close(log_z, torch.tensor([2000.0], dtype=torch.float64), atol=1e-6, rtol=0)
    span = (torch.tensor([x]) for x in (0, 0, 2, 1))
    assert span_log_probability(emissions, transitions, ones(1, 2), *span).exp().item() == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1.0, 100.0, 200.0])
def test_tag_probabilities_sum_to_one_however_wide_the_scores(scale, make_scores):
    emissions, transitions = make_scores(40, 30, 2, seed=8, scale=scale)
    emissions[torch.rand(40, 30, generator=torch.Generator().manual_seed(1)) < 0.5, 1::2] = OFF
    alpha, beta, log_z = forward_backward(emissions, transitions, ones(40, 30))
    p = (alpha + beta - log_z[:, None, None]).exp()
    assert_close(p.sum(dim=2), torch.ones(40, 30, dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize("n_windows", [3, 40])  # fewer than tags, and more
def test_a_broken_window_leaves_its_neighbours_alone(n_windows, make_scores):
    emissions, transitions = make_scores(n_windows, 7, 4, seed=21)
    mask = ones(n_windows, 7)
    expected = viterbi(emissions, transitions, mask)
    broken = emissions.clone()
    broken[1, 2] = float("nan")
    others = torch.arange(n_windows) != 1
    assert_close(viterbi(broken, transitions, mask)[others], expected[others])


def test_a_tag_far_behind_that_later_tokens_demand_keeps_its_probability():
    # B is 110 nats behind O, more than float32 holds outside of log space, but only B can come before two I.
    emissions = torch.tensor([[[110.0, 0.0, 0.0], [0.0, -50.0, 80.0], [0.0, -50.0, 80.0]]])
    crf = ConstrainedCRF(torch.from_numpy(legal_transitions(1)))
    transitions = torch.where(crf.packed().detach() > OFF, 0.0, OFF)
    span = (torch.tensor([x]) for x in (0, 0, 3, 1))
    found = span_log_probability(emissions, transitions, ones(1, 3), *span)
    assert_close(found, torch.zeros(1), atol=1e-5, rtol=0.0)
