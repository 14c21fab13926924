"""Calibration by hand-worked bins, a search for a known minimum, and a known temperature found again."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from spacy_ssner.decoding import decode
from spacy_ssner.evaluation.calibration import (
    Bin,
    JudgedSpans,
    calibration_figures,
    chance_error,
    correctness_loss,
    equal_mass_bins,
    equal_width_bins,
    errors_caught,
    expected_calibration_error,
    fit_temperature,
    golden_section,
    scores_at,
)
from spacy_ssner.evaluation.metrics import PRF
from spacy_ssner.nn.crf import OFF
from spacy_ssner.types import TagScores, Windows

LABELS = ["HackOrg", "Tool"]
EMPTY = JudgedSpans(np.zeros(0), np.zeros(0, dtype=bool), 3)
# Two bins of width 0.5: (0.2 wrong, 0.4 right, 0.5 wrong) and (0.6 right, 0.8 right, 1.0 wrong).
SIX = JudgedSpans(
    np.array([0.6, 0.2, 0.8, 0.4, 1.0, 0.5]), np.array([True, False, True, True, False, False]), 5
)


def assert_bins(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert_allclose(list(vars(one).values()), list(vars(other).values()), atol=1e-12)


def test_hand_worked_bins_of_equal_width():
    expected = [Bin(0.0, 0.5, 3, 1.1 / 3, 1 / 3), Bin(0.5, 1.0, 3, 0.8, 2 / 3)]
    assert_bins(equal_width_bins(SIX, n_bins=2), expected)
    error = expected_calibration_error(expected)
    assert error == pytest.approx((3 * (1.1 / 3 - 1 / 3) + 3 * (0.8 - 2 / 3)) / 6)


def test_hand_worked_bins_of_equal_mass():
    found = equal_mass_bins(SIX, n_bins=4)  # six entities: 2, 2, 1, 1
    expected = [
        Bin(0.2, 0.4, 2, 0.3, 0.5),
        Bin(0.5, 0.6, 2, 0.55, 0.5),
        Bin(0.8, 0.8, 1, 0.8, 1.0),
        Bin(1.0, 1.0, 1, 1.0, 0.0),
    ]
    assert_bins(found, expected)
    assert expected_calibration_error(found) == pytest.approx((0.4 + 0.1 + 0.2 + 1.0) / 6)


def test_bin_borders_belong_below_and_a_score_of_zero_to_the_first():
    spans = JudgedSpans(np.array([0.0, 0.5, 0.5000001, 1.0]), np.ones(4, dtype=bool), 4)
    assert [b.count for b in equal_width_bins(spans, n_bins=2)] == [2, 2]


def test_without_entities_there_is_no_error():
    figures = calibration_figures(EMPTY)
    names = ("ece", "ece_equal_mass", "ece_by_chance", "ece_by_chance_95", "loss", "errors_caught")
    assert [figures[name] for name in names] == [0.0] * 6
    assert figures["bins_equal_mass"] == [] and len(figures["bins"]) == 10


@given(pairs=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_bins_hold_every_entity_once(pairs):
    scores, right = (np.array(column) for column in zip(*pairs))
    spans = JudgedSpans(scores, right, len(pairs))
    for bins in (equal_width_bins(spans), equal_mass_bins(spans)):
        assert sum(b.count for b in bins) == len(pairs)
        assert sum(b.count * b.precision for b in bins) == pytest.approx(right.sum())
        assert sum(b.count * b.score for b in bins) == pytest.approx(scores.sum())
        # Finer than one bin of all: the error cannot be below that of the means.
        assert expected_calibration_error(bins) >= abs(scores.mean() - right.mean()) - 1e-9
    sizes = [b.count for b in equal_mass_bins(spans)]
    assert max(sizes) - min(sizes) <= 1


def test_error_by_chance_is_that_of_fair_coins():
    def coins(n):
        return JudgedSpans(np.full(n, 0.5), np.zeros(n, dtype=bool), n)

    assert chance_error(EMPTY) == (0.0, 0.0)
    assert chance_error(coins(1)) == (0.5, 0.5)
    mean, high = chance_error(coins(400))  # |x - 200| / 400 of a binomial, nearly normal
    assert_allclose((mean, high), (math.sqrt(2 / math.pi) * 0.025, 1.96 * 0.025), rtol=0.05)
    assert chance_error(coins(400)) == (mean, high)  # the same draws again
    sure = JudgedSpans(np.array([0.0, 1.0]), np.array([True, False]), 1)
    assert chance_error(sure) == (0.0, 0.0)


def test_loss_by_hand_and_a_sure_mistake_is_finite():
    expected = -(3 * math.log(0.5) + math.log(0.8)) / 4
    spans = JudgedSpans(np.array([0.5, 0.5, 0.5, 0.2]), np.array([True, False, True, False]), 2)
    assert correctness_loss(spans) == pytest.approx(expected)
    assert correctness_loss(JudgedSpans(np.ones(1), np.zeros(1, dtype=bool), 0)) == pytest.approx(
        -math.log(1e-7), rel=1e-6
    )


def test_errors_caught_by_review():
    assert errors_caught(SIX, share=0.5) == pytest.approx(2 / 3)  # 0.2, 0.4, 0.5: two of three wrong ones
    assert errors_caught(SIX) == pytest.approx(1 / 3)  # one entity, rounded up from 0.6
    assert errors_caught(SIX, share=1.0) == 1.0


def test_scores_at_thresholds():
    found = scores_at(SIX, (0.0, 0.5, 0.9))
    assert found == {0.0: PRF(3, 3, 2), 0.5: PRF(2, 2, 3), 0.9: PRF(0, 1, 5)}


@pytest.mark.parametrize("minimum", [-1.9, 0.3, 1.0])
def test_golden_section_finds_the_minimum(minimum):
    asked = []

    def f(x):
        asked.append(x)
        return abs(x - minimum) ** 1.5

    assert golden_section(f, -2.0, 1.5, precision=1e-4) == pytest.approx(minimum, abs=1e-4)
    assert len(asked) < 30 and len(set(asked)) == len(asked)


def sampled_paths(make_scores, *, n_windows, seed):
    """Emissions, transitions, and a tag path for each window drawn from the CRF: (N, 3) tags."""
    emissions, transitions = make_scores(n_windows, 3, len(LABELS), seed=seed, scale=1.5, dtype=torch.float64)
    n_tags = emissions.shape[2]
    steps = torch.arange(n_tags)
    paths = torch.cartesian_prod(steps, steps, steps)
    scores = sum(emissions[:, t, paths[:, t]] for t in range(3))
    scores = scores + transitions[n_tags][paths[:, 0]] + transitions[n_tags + 1][paths[:, 2]]
    scores = scores + sum(transitions[paths[:, t], paths[:, t + 1]] for t in range(2))
    rng = torch.Generator().manual_seed(seed)
    drawn = torch.multinomial(scores.softmax(1), 1, generator=rng)[:, 0]
    return emissions, transitions, paths[drawn].numpy()


def is_right(span, path):
    tag = 1 + 2 * LABELS.index(span.label)
    body = [tag] + [tag + 1] * (span.end - span.start - 1)
    ends = span.end == len(path) or path[span.end] != tag + 1
    return list(path[span.start : span.end]) == body and ends


@pytest.mark.parametrize("sharpened", [0.6, 1.0, 2.5])
def test_the_temperature_by_which_a_model_was_sharpened_is_found_again(sharpened, make_scores):
    n = 3000
    emissions, transitions, gold = sampled_paths(make_scores, n_windows=n, seed=1)
    windows = Windows(np.arange(3 * n), np.full(n, 3), np.ones(3 * n, dtype=bool), 3 * n)
    sharp = torch.where(transitions == OFF, OFF, sharpened * transitions).float().numpy()
    scores = TagScores((sharpened * emissions).float().reshape(3 * n, -1).numpy(), sharp, windows)

    def judged_at(temperature):
        found = decode(scores, LABELS, [3] * n, temperature=temperature)
        right = [is_right(span, path) for spans, path in zip(found, gold) for span in spans]
        return JudgedSpans(np.array([s.score for spans in found for s in spans]), np.array(right), n)

    fitted = fit_temperature(judged_at)
    assert fitted == pytest.approx(sharpened, rel=0.08)  # sampling error of 3,000 windows
    after = expected_calibration_error(equal_mass_bins(judged_at(fitted)))
    assert after < 0.03
    if sharpened == 2.5:
        assert expected_calibration_error(equal_mass_bins(judged_at(1.0))) > 5 * after


@pytest.mark.parametrize("right", [[], [True, True], [False]])
def test_nothing_to_fit(right):
    spans = JudgedSpans(np.full(len(right), 0.5), np.array(right, dtype=bool), 2)
    with pytest.raises(ValueError, match="S307"):
        fit_temperature(lambda temperature: spans)


def test_a_loss_that_falls_to_the_edge_is_no_fit():
    right = np.array([True, False])
    with pytest.raises(ValueError, match="S309"):
        fit_temperature(lambda t: JudgedSpans(np.array([0.5 + t / 100, 0.5]), right, 2))
