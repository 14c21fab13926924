"""Flags of names as numbers: the map, its gradient, and names that training does not see."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from spacy_ssner.nn.lexicon_features import LexiconFeatures, name_groups


def make_flags(n_tokens, spans, *, n_categories=2):
    """spans: (start, end, category)."""
    flags = torch.zeros(n_tokens, 2 * n_categories, dtype=torch.bool)
    for start, end, category in spans:
        flags[start, 2 * category] = True
        flags[start + 1 : end, 2 * category + 1] = True
    return flags


def make_layer(drop=0.0, *, width=3, n_categories=2):
    torch.manual_seed(0)
    return LexiconFeatures(n_categories=n_categories, width=width, drop=drop)


FLAGS = make_flags(8, [(1, 3, 0), (1, 2, 1), (3, 4, 0), (5, 8, 1)])


def test_a_token_in_no_name_gives_zeros_and_flags_add_up():
    layer = make_layer().eval()
    out = layer(FLAGS)
    weight = layer.map.weight
    assert (out[[0, 4]] == 0).all()
    assert_close(out[1], weight[:, 0] + weight[:, 2])
    assert_close(out[2], weight[:, 1])
    assert_close(out[6], weight[:, 3])


def test_gradient_by_finite_differences():
    layer = make_layer().double()
    weight = layer.map.weight.detach().clone().requires_grad_()

    def run(weight):
        return torch.func.functional_call(layer, {"map.weight": weight}, FLAGS)

    assert torch.autograd.gradcheck(run, weight)


def test_no_tokens():
    layer = make_layer(0.5)
    assert layer.train()(torch.zeros(0, 4, dtype=torch.bool)).shape == (0, 3)


def test_overlapping_names_are_one_group():
    groups = name_groups(FLAGS)
    assert groups[1] == groups[2] and groups[2] != groups[3] and groups[5] == groups[7] != groups[3]
    crossing = make_flags(4, [(0, 2, 0), (1, 4, 1)])
    assert len(set(name_groups(crossing).tolist())) == 1


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3), st.integers(0, 1)), max_size=6),
    st.integers(0, 99),
)
def test_a_name_is_dropped_as_a_whole_or_not_at_all(spans, seed):
    """Oracle: names that share a token, directly or by others, have one fate."""
    free, kept_spans = [0, 0], []
    for start, length, category in sorted(spans):
        if start >= free[category]:  # names of one category do not overlap
            free[category] = start + length
            kept_spans.append((start, min(start + length, 10), category))
    flags = make_flags(10, kept_spans)
    layer = make_layer(0.5, width=4)
    with torch.no_grad():
        layer.map.weight.copy_(torch.eye(4))
    torch.manual_seed(seed)
    seen = layer.train()(flags).bool()
    parts = []
    for start, end, _ in kept_spans:
        touching = [p for p in parts if p & set(range(start, end))]
        parts = [p for p in parts if p not in touching] + [set(range(start, end)).union(*touching)]
    for part in parts:
        rows = sorted(part)
        assert torch.equal(seen[rows], flags[rows]) or not seen[rows].any()
    assert not (seen & ~flags).any()


@pytest.mark.parametrize("drop", [0.0, 0.3, 1.0])
def test_the_share_that_is_dropped_and_nothing_outside_training(drop):
    flags = make_flags(4000, [(i, i + 2, 0) for i in range(0, 4000, 2)])
    layer = make_layer(drop).train()
    torch.manual_seed(1)
    seen = (layer(flags) != 0).any(dim=1)
    assert np.isclose(1 - seen.float().mean(), drop, atol=0.03)
    kept = layer(flags)[seen]
    assert_close(layer.eval()(flags)[0::2], layer.map.weight[:, 0].expand(2000, 3))
    assert drop == 0.3 or len(kept) in (0, 4000)


def test_what_is_kept_is_not_scaled():
    layer = make_layer(0.5).train()
    flags = make_flags(50, [(i, i + 1, 0) for i in range(50)])
    out = layer(flags)
    assert_close(out[(out != 0).any(dim=1)][0], layer.map.weight[:, 0])
