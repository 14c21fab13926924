"""Oracles: all resamples of a small case, a slow loop, and what chance must give when nothing differs."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spacy_ssner.evaluation import significance
from spacy_ssner.evaluation.significance import (
    CHUNK,
    f1_of_counts,
    mean_f1,
    paired_bootstrap,
    resamples,
    spread,
)

COUNTS = arrays(np.int64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.integers(0, 4))


def slow_f1(counts):
    tp, fp, fn = (sum(row[i] for row in counts) for i in range(3))
    return 2 * tp / (2 * tp + fp + fn) if 2 * tp + fp + fn else 0.0


def random_counts(rng, n, *, quality=0.6):
    gold = rng.poisson(1.5, n)
    tp = rng.binomial(gold, quality)
    return np.stack([tp, rng.poisson(0.5, n), gold - tp], axis=1)


def test_equals_all_resamples_of_a_small_case():
    a = np.array([[2, 0, 0], [0, 1, 1], [3, 1, 0], [0, 0, 1]])
    b = np.array([[1, 0, 1], [1, 0, 0], [2, 2, 1], [0, 1, 1]])
    draws = itertools.product(range(4), repeat=4)
    exact = np.array([slow_f1(a[list(d)]) - slow_f1(b[list(d)]) for d in draws])
    found = paired_bootstrap(a, b, n_resamples=20_000)
    assert found.difference == pytest.approx(slow_f1(a) - slow_f1(b))
    assert found.p == pytest.approx(2 * min(np.mean(exact <= 0), np.mean(exact >= 0)), abs=0.02)
    low, high = np.quantile(exact, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))


@given(COUNTS, st.integers(0, 9))
def test_weights_are_repeated_sentences(counts, seed):
    (weights,) = resamples(len(counts), n_resamples=3, seed=seed)
    assert weights.shape == (3, len(counts)) and (weights.sum(axis=1) == len(counts)).all()
    expected = [slow_f1(np.repeat(counts, row, axis=0)) for row in weights]
    assert mean_f1(counts[None], weights) == pytest.approx(expected)
    assert f1_of_counts(counts) == pytest.approx([slow_f1([row]) for row in counts])


def test_seeds_are_averaged_over_the_same_sentences():
    rng = np.random.default_rng(0)
    a, b = (np.stack([random_counts(rng, 40) for _ in range(n)]) for n in (3, 2))
    found = paired_bootstrap(a, b, n_resamples=700)
    assert found.f1_a == pytest.approx(np.mean([slow_f1(seed) for seed in a]))
    assert found.f1_b == pytest.approx(np.mean([slow_f1(seed) for seed in b]))
    weights = np.concatenate(list(resamples(40, n_resamples=700, seed=0)))
    assert len(weights) > CHUNK
    slow = [
        np.mean([slow_f1(np.repeat(seed, w, axis=0)) for seed in a])
        - np.mean([slow_f1(np.repeat(seed, w, axis=0)) for seed in b])
        for w in weights[:100]
    ]
    assert mean_f1(a, weights[:100]) - mean_f1(b, weights[:100]) == pytest.approx(slow)
    assert (found.n_seeds_a, found.n_seeds_b, found.n_sentences) == (3, 2, 40)


def test_seeds_drawn_too_equal_all_draws_of_a_small_case():
    rng = np.random.default_rng(1)
    a, b = (np.stack([random_counts(rng, 4) for _ in range(n_seeds)]) for n_seeds in (3, 2))
    exact = []
    for sentences in itertools.product(range(4), repeat=4):
        f1_a, f1_b = ([slow_f1(x[s][list(sentences)]) for s in range(len(x))] for x in (a, b))
        for seeds_a, seeds_b in itertools.product(
            itertools.product(range(3), repeat=3), itertools.product(range(2), repeat=2)
        ):
            exact.append(np.mean([f1_a[s] for s in seeds_a]) - np.mean([f1_b[s] for s in seeds_b]))
    found = paired_bootstrap(a, b, n_resamples=40_000, seeds_too=True)
    low, high = np.quantile(exact, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))
    alone = paired_bootstrap(a, b, n_resamples=40_000)
    assert found.difference == alone.difference and found.low < alone.low < alone.high < found.high


def test_equal_recipes_whose_seeds_differ_are_told_apart_less_often_with_seeds_drawn():
    rng = np.random.default_rng(0)
    found = {False: 0, True: 0}
    for _ in range(60):
        a, b = ([random_counts(rng, 200, quality=q) for q in rng.normal(0.6, 0.03, 3)] for _ in range(2))
        for seeds_too in found:
            result = paired_bootstrap(np.stack(a), np.stack(b), n_resamples=400, seeds_too=seeds_too)
            found[seeds_too] += result.p < 0.05
    assert found[True] < found[False] / 2


def test_chance_finds_a_difference_as_often_as_it_says():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(300):
        first, second = random_counts(rng, 80), random_counts(rng, 80)
        found.append(paired_bootstrap(first, second, n_resamples=300).p)
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.09
    assert 0.4 <= np.mean(np.array(found) < 0.5) <= 0.6


def test_a_real_difference_is_found_and_a_system_equals_itself():
    rng = np.random.default_rng(2)
    good, poor = random_counts(rng, 300, quality=0.8), random_counts(rng, 300, quality=0.5)
    better = paired_bootstrap(good, poor, n_resamples=1000)
    assert better.p < 0.01 and 0 < better.low < better.difference < better.high
    worse = paired_bootstrap(poor, good, n_resamples=1000)
    assert (worse.difference, worse.low, worse.high, worse.p) == pytest.approx(
        (-better.difference, -better.high, -better.low, better.p)
    )
    same = paired_bootstrap(good, np.stack([good, good]), n_resamples=1000)
    assert (same.difference, same.low, same.high, same.p) == (pytest.approx(0), 0, 0, 1)
    assert paired_bootstrap(good, poor, n_resamples=50, seed=3) == paired_bootstrap(
        good, poor, n_resamples=50, seed=3
    )


def test_wider_level_gives_a_wider_interval():
    rng = np.random.default_rng(3)
    a, b = random_counts(rng, 60), random_counts(rng, 60)
    narrow, wide = (paired_bootstrap(a, b, n_resamples=1000, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low <= narrow.high < wide.high


@pytest.mark.parametrize("shape", [(0, 3), (4, 2), (3,), (1, 1, 1, 3), (2, 0, 3)])
def test_counts_of_another_shape(shape):
    with pytest.raises(ValueError, match="S291"):
        paired_bootstrap(np.zeros(shape), np.zeros((4, 3)))


def test_other_sentences():
    with pytest.raises(ValueError, match="S291.*4 and 5"):
        paired_bootstrap(np.zeros((4, 3)), np.zeros((5, 3)))


def test_spread():
    found = spread([1.0, 2.0, 6.0])
    assert (found.mean, found.n) == (3.0, 3) and found.sd == pytest.approx(7**0.5)
    assert np.isnan(spread([2.0]).sd)
    with pytest.raises(ValueError, match="S291"):
        spread([])


def test_kept_draws_are_those_that_are_not_kept(monkeypatch):
    kept = [list(resamples(70, n_resamples=1200, seed=3)) for _ in range(2)]
    monkeypatch.setattr(significance, "KEPT", 0)
    fresh = list(resamples(70, n_resamples=1200, seed=3))
    for blocks in kept:
        assert len(blocks) == len(fresh) and all((x == y).all() for x, y in zip(blocks, fresh))
    assert (np.concatenate(fresh).sum(axis=1) == 70).all()
