"""How many segments, how long, where: expectations by hand, uniform places, no overlap."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.pretraining.placement import choose_pieces, draw_segments, place_segments
from spacy_ssner.pretraining.segments import LengthLaw, fixed_law, geometric_law, token_law
from spacy_ssner.pretraining.words import expected_pieces, find_words

LIKELY = 1e-3  # a smaller probability of the counts is taken as a fault


def make_words(*rows):
    """Word ids from the numbers of pieces of each row's words."""
    ids = [np.repeat(np.arange(len(row)), row) for row in rows]
    batch = np.full((len(rows), max(map(len, ids))), -1, dtype=np.int32)
    for row, values in zip(batch, ids):
        row[: len(values)] = values
    return batch


@pytest.mark.parametrize("rows", [[[1, 1, 2]], [[1] * 12, [3, 1, 1, 1]], [[2, 1] * 9] * 8], ids=len)
@pytest.mark.parametrize("law", [fixed_law(1), fixed_law(2), geometric_law(0.5, 3)], ids=lambda law: law.name)
def test_number_of_segments_fits_the_budget(rows, law):
    words = find_words(make_words(*rows))
    sizes = expected_pieces(words, len(law.probabilities))
    target = 0.15 * words.n_pieces.sum()
    rng = np.random.default_rng(0)
    totals = np.array(
        [sizes[draw_segments(law, words, budget=0.15, rng=rng)[0] - 1].sum() for _ in range(1500)]
    )
    assert abs(totals.mean() - target) < 4 * totals.std() / np.sqrt(len(totals)) + 1e-9
    # Over the target by less than one segment, as only those that begin before it are taken.
    assert totals.max() < target + sizes.max()


@pytest.mark.parametrize("n_rows", [1, 30])
def test_drawn_lengths_follow_the_law_in_batches_of_any_size(n_rows, chi_square):
    law = LengthLaw("entity", (0.55, 0.25, 0.0, 0.15, 0.05))
    words = find_words(make_words(*[[1, 2, 1, 1, 3, 1, 1]] * n_rows))
    rng = np.random.default_rng(1)
    draws = [draw_segments(law, words, budget=0.15, rng=rng)[0] for _ in range(5000 // n_rows)]
    counts = np.bincount(np.concatenate(draws), minlength=6)[1:]
    assert chi_square(counts, law.probabilities) > LIKELY


def test_length_beyond_every_row_is_cut_and_counted():
    words = find_words(make_words([1] * 4, [1] * 3))
    rng = np.random.default_rng(0)
    draws = [draw_segments(fixed_law(20), words, budget=0.3, rng=rng) for _ in range(400)]
    assert {length for lengths, _ in draws for length in lengths} == {4}
    assert all(n_cut == len(lengths) for lengths, n_cut in draws)
    assert 0.25 < np.mean([len(lengths) for lengths, _ in draws]) * 4 / 7 < 0.35


@pytest.mark.parametrize("gap", [0, 1])
def test_places_of_two_segments_are_uniform(gap, chi_square):
    """The longer one anywhere it fits, then the shorter one anywhere that is left: enumerated."""
    words = find_words(make_words([1] * 4, [1, 2, 1]))
    starts = {2: [0, 1, 2, 4, 5], 1: range(7)}
    shares = {}
    for first, second in itertools.product(starts[2], starts[1]):
        same_row = (first < 4) == (second < 4)
        if not same_row or second < first - gap or second >= first + 2 + gap:
            shares[first, second] = 1.0
    for first in starts[2]:
        n_left = sum(pair[0] == first for pair in shares)
        shares.update({pair: 0.2 / n_left for pair in shares if pair[0] == first})
    rng = np.random.default_rng(2)
    found = Counter()
    for _ in range(4000):
        places, lengths, n_shortened = place_segments(np.array([1, 2]), words, gap=gap, rng=rng)
        assert lengths.tolist() == [2, 1] and n_shortened == 0
        found[tuple(places.tolist())] += 1
    assert set(found) <= set(shares)
    assert chi_square([found[pair] for pair in shares], list(shares.values())) > LIKELY


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.data(), st.sampled_from([0, 1]))
def test_segments_lie_in_one_row_and_apart(sizes, data, gap):
    words = find_words(make_words(*[[1] * size for size in sizes]))
    lengths = data.draw(st.lists(st.integers(1, max(sizes)), max_size=8))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    places, found, n_shortened = place_segments(np.array(lengths, dtype=np.int64), words, gap=gap, rng=rng)
    assert len(places) == len(found) <= len(lengths)
    changed = Counter(lengths) - Counter(found.tolist())
    assert n_shortened >= len(lengths) - len(places) and (n_shortened > 0) == (sum(changed.values()) > 0)
    row = np.repeat(np.arange(len(sizes)), sizes)
    taken = np.zeros(len(row), dtype=bool)
    for start, length in zip(places, found):
        assert len(set(row[start : start + length].tolist())) == 1 and start + length <= len(row)
        assert not taken[start : start + length].any()
        taken[start : start + length] = True
    for a, b in itertools.combinations(zip(places, found), 2):
        (first, length), (second, _) = sorted([a, b])
        assert row[first] != row[second] or second >= first + length + gap


def test_a_full_row_shortens_and_leaves_out():
    words = find_words(make_words([1] * 5))
    rng = np.random.default_rng(0)
    for _ in range(50):
        places, lengths, n_shortened = place_segments(np.array([3, 3, 1]), words, gap=1, rng=rng)
        # The first takes three words and leaves room for one more at most, which the 1 may have got.
        assert lengths.tolist() in ([3], [3, 1]) and len(places) == len(lengths)
        assert 3 - len(lengths) <= n_shortened <= 2


def test_words_without_any_row():
    for batch in (np.full((2, 3), -1, dtype=np.int32), np.zeros((0, 0), dtype=np.int32)):
        found = choose_pieces(batch, law=fixed_law(2), budget=0.15, rng=np.random.default_rng(0))
        assert len(found.pieces) == len(found.lengths) == found.n_shortened == 0


def test_single_pieces_may_touch_and_cut_words():
    word_ids = make_words(*[[3, 3, 3]] * 4)
    rng = np.random.default_rng(0)
    draws = [choose_pieces(word_ids, law=token_law(), budget=0.3, rng=rng) for _ in range(50)]
    assert {length for found in draws for length in found.lengths} == {1}
    assert any((np.diff(found.pieces) == 1).any() for found in draws)
    assert any(set(Counter((found.pieces // 3).tolist()).values()) & {1, 2} for found in draws)
    assert all(len(set(found.pieces.tolist())) == len(found.pieces) for found in draws)
