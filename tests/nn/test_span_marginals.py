"""Probable spans against the enumeration of all paths: none is missed, none is made up."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from spacy_ssner.nn.crf import OFF
from spacy_ssner.nn.span_marginals import probable_spans, span_log_probability


def all_spans(emissions, transitions, n_tags, enumerate_paths):
    """Probability of every span of one window, by its paths: {(start, end, B tag): p}."""
    paths, scores = enumerate_paths(emissions.double(), transitions.double())
    p, n_tokens, result = scores.softmax(0), emissions.shape[0], {}
    for tag in range(1, n_tags, 2):
        for start in range(n_tokens):
            for end in range(start + 1, n_tokens + 1):
                holds = (paths[:, start] == tag) & (paths[:, start + 1 : end] == tag + 1).all(dim=1)
                if end < n_tokens:
                    holds &= paths[:, end] != tag + 1
                result[start, end, tag] = float(p[holds].sum())
    return result


@given(
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.3, 2.0, 6.0, 300.0]),
    floor=st.sampled_from([1e-6, 0.01, 0.2]),
)
@settings(max_examples=25)
def test_spans_equal_enumeration(seed, scale, floor, make_scores, enumerate_paths):
    lengths = [5, 1, 4]
    emissions, transitions = make_scores(3, 5, 2, seed=seed, scale=scale)
    mask = torch.arange(5)[None] < torch.tensor(lengths)[:, None]
    row, start, end, tag, p = probable_spans(emissions, transitions, mask, floor=floor)
    found = {key[:4]: key[4] for key in zip(*(x.tolist() for x in (row, start, end, tag, p)))}
    assert len(found) == len(row)  # each span once
    for b, length in enumerate(lengths):
        for span, probability in all_spans(emissions[b, :length], transitions, 5, enumerate_paths).items():
            key = (b, *span)
            if abs(probability - floor) > 1e-6:
                assert (key in found) == (probability > floor)
            if key in found:
                assert found[key] == pytest.approx(probability, abs=1e-5)


def test_spans_of_a_token_sum_to_the_probability_that_an_entity_begins_there(make_scores, enumerate_paths):
    emissions, transitions = make_scores(1, 6, 2, seed=4, scale=1.0)
    row, start, end, tag, p = probable_spans(
        emissions, transitions, torch.ones(1, 6, dtype=torch.bool), floor=1e-12
    )
    paths, scores = enumerate_paths(emissions[0].double(), transitions.double())
    weights = scores.softmax(0)
    for i in range(6):
        for b in (1, 3):
            begins = float(weights[paths[:, i] == b].sum())
            assert float(p[(start == i) & (tag == b)].sum()) == pytest.approx(begins, abs=1e-5)


def test_probabilities_are_those_of_the_entities(make_scores):
    """The same numbers as `span_log_probability`, also for windows of 60 tokens and more than one of them."""
    emissions, transitions = make_scores(4, 60, 5, seed=1, scale=2.0)
    mask = torch.arange(60)[None] < torch.tensor([60, 59, 2, 33])[:, None]
    row, start, end, tag, p = probable_spans(emissions, transitions, mask, floor=1e-3)
    assert len(row) > 100 and int((end - start).max()) > 2
    expected = span_log_probability(emissions, transitions, mask, row, start, end, tag).exp()
    assert_close(p, expected, atol=1e-6, rtol=1e-5)
    assert bool(mask[row, end - 1].all())


def test_an_entity_as_long_as_the_window_is_found(make_scores):
    emissions, transitions = make_scores(1, 200, 1, seed=0, scale=0.1)
    emissions[:, 0, 1], emissions[:, 1:, 2] = 30.0, 30.0
    row, start, end, tag, p = probable_spans(
        emissions, transitions, torch.ones(1, 200, dtype=torch.bool), floor=1e-3
    )
    assert (start.tolist(), end.tolist(), tag.tolist()) == ([0], [200], [1])
    assert float(p) == pytest.approx(1.0, abs=1e-4)


def test_closed_tokens_hold_no_span(make_scores):
    emissions, transitions = make_scores(1, 9, 2, seed=2, scale=1.0)
    emissions[:, 4, 1:] = OFF
    _, start, end, _, _ = probable_spans(
        emissions, transitions, torch.ones(1, 9, dtype=torch.bool), floor=1e-9
    )
    assert len(start) > 20 and not ((start <= 4) & (4 < end)).any()


def test_nothing_is_probable(make_scores):
    emissions, transitions = make_scores(2, 3, 2, seed=0)
    emissions[:, :, 0] = 100.0
    spans = probable_spans(emissions, transitions, torch.ones(2, 3, dtype=torch.bool), floor=1e-3)
    assert [len(column) for column in spans] == [0] * 5
    assert [column.dtype for column in spans] == [torch.int64] * 4 + [torch.float32]


def test_more_labels_than_can_be_probable_stay_bounded(make_scores):
    """Even scores: no span is near the floor, so no candidate outlives its first tokens."""
    emissions, transitions = make_scores(8, 256, 20, seed=0, scale=0.0)
    mask = torch.ones(8, 256, dtype=torch.bool)
    row, start, end, tag, p = probable_spans(emissions, transitions, mask, floor=1e-3)
    per_token = np.bincount((row * 256 + start).numpy(), minlength=8 * 256)
    assert per_token.max() <= 1000


@pytest.mark.parametrize("gap", [5.0, 500.0, 800.0, 3000.0])
def test_an_end_that_nearly_all_paths_pass_has_its_log_probability(gap, enumerate_paths):
    """The token behind shouts I-: that the entity ends before it is `gap` nats less likely, and no sum may lose it."""
    emissions = torch.tensor([[[0.0, 0.5, 0.0], [0.2, 0.1, gap], [0.0, 0.0, 0.1]]])
    transitions = torch.zeros(5, 3)
    transitions[0, 2] = transitions[3, 2] = OFF
    paths, scores = enumerate_paths(emissions[0].double(), transitions.double())
    ends = (paths[:, 0] == 1) & (paths[:, 1] != 2)
    expected = scores[ends].logsumexp(0) - scores.logsumexp(0)
    one = torch.tensor([1])
    found = span_log_probability(
        emissions, transitions, torch.ones(1, 3, dtype=torch.bool), one - 1, one - 1, one, one
    )
    assert_close(found[0].double(), expected, atol=1e-4, rtol=1e-6)


def test_a_tag_that_belongs_to_no_label_changes_nothing(make_scores):
    emissions, transitions = make_scores(2, 6, 2, seed=9)
    mask = torch.ones(2, 6, dtype=torch.bool)
    row, start, end, tag, _ = probable_spans(emissions, transitions, mask, floor=1e-3)
    spans = row, start, end, tag
    more = torch.full((7 + 1, 6), OFF)
    more[:5, :5], more[6:, :5] = transitions[:5], transitions[5:]
    wider = torch.cat([emissions, torch.zeros(2, 6, 1)], dim=2)
    assert_close(
        span_log_probability(wider, more, mask, *spans),
        span_log_probability(emissions, transitions, mask, *spans),
    )


@pytest.mark.parametrize("gap", [5.0, 500.0, 800.0, 3000.0])
def test_what_cannot_follow_an_entity_hides_nothing_that_can(gap, enumerate_paths):
    """The token behind shouts the I- of another label, which no path that counts can reach: the sum of all others is
    `gap` nats smaller, and may not be lost beside it."""
    emissions = torch.zeros(1, 3, 5)
    emissions[0, 0, 1], emissions[0, 0, 3], emissions[0, 1, 4] = 3.0, -gap - 50.0, gap
    emissions[0, 1, 0] = 1.0
    transitions = torch.zeros(7, 5)
    for inside in (2, 4):
        transitions[[tag for tag in range(6) if tag not in (inside, inside - 1)], inside] = OFF
    everything = all_spans(emissions[0], transitions, 5, enumerate_paths)
    row, start, end, tag, p = probable_spans(
        emissions, transitions, torch.ones(1, 3, dtype=torch.bool), floor=0.01
    )
    found = dict(zip(zip(start.tolist(), end.tolist(), tag.tolist()), p.tolist()))
    assert found == pytest.approx({span: p for span, p in everything.items() if p > 0.01}, abs=1e-5)
    assert found[0, 1, 1] > 0.5
