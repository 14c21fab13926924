"""Words of a batch against loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from spacy_ssner.pretraining.words import expected_pieces, find_words, ranges


@st.composite
def word_id_batches(draw):
    """(B, T): rows of words of 1-3 pieces, with -1 between some of them and as padding."""
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        sizes = draw(st.lists(st.integers(1, 3), max_size=6))
        row = [-1] * draw(st.integers(0, 1))
        for number, size in enumerate(sizes):
            row += [number] * size + [-1] * draw(st.sampled_from([0, 0, 0, 1, 2]))
        rows.append(row)
    width = max(map(len, rows)) + draw(st.integers(0, 2))
    return np.array([row + [-1] * (width - len(row)) for row in rows], dtype=np.int32).reshape(
        len(rows), width
    )


def stretches_by_loop(word_ids):
    """Row by row, the words of each stretch as lists of flat piece places."""
    stretches = []
    for b, row in enumerate(word_ids.tolist()):
        before = -1
        for t, number in enumerate(row):
            if number >= 0:
                if before < 0:
                    stretches.append([])
                if number != before:
                    stretches[-1].append([])
                stretches[-1][-1].append(b * len(row) + t)
            before = number
    return stretches


@given(word_id_batches())
def test_find_words_equals_a_loop(word_ids):
    words = find_words(word_ids)
    stretches = stretches_by_loop(word_ids)
    of_loop = [word for stretch in stretches for word in stretch]
    assert words.n_pieces.tolist() == [len(word) for word in of_loop]
    assert words.pieces.tolist() == [piece for word in of_loop for piece in word]
    assert words.word_of_piece.tolist() == [i for i, word in enumerate(of_loop) for _ in word]
    assert words.n_left.tolist() == [n for stretch in stretches for n in range(len(stretch), 0, -1)]
    assert words.stretch.tolist() == [i for i, stretch in enumerate(stretches) for _ in stretch]


@given(word_id_batches())
def test_expected_pieces_equals_enumeration(word_ids):
    words = find_words(word_ids)
    sizes = [[len(word) for word in stretch] for stretch in stretches_by_loop(word_ids)]
    longest = max(map(len, sizes), default=0)
    expected = []
    for k in range(1, longest + 1):
        sums = [sum(stretch[s : s + k]) for stretch in sizes for s in range(len(stretch) - k + 1)]
        expected.append(np.mean(sums))
    assert_allclose(expected_pieces(words, longest), expected)


@pytest.mark.parametrize("row", [[0, 1, 0], [2, 1, 1], [0, -1, 0], [3, 3, 3, -1, 2]])
def test_word_numbers_that_fall_or_come_back(row):
    with pytest.raises(ValueError, match="S243"):
        find_words(np.array([row, row], dtype=np.int32))


def test_numbers_begin_anew_in_each_row_and_may_leave_some_out():
    words = find_words(np.array([[5, 5, 9], [0, 2, 2]], dtype=np.int32))
    assert words.n_pieces.tolist() == [2, 1, 1, 2]
    assert words.n_left.tolist() == [2, 1, 2, 1]


def test_ranges():
    integers, offsets = ranges(np.array([4, 9, 2]), np.array([2, 3, 1]))
    assert integers.tolist() == [4, 5, 9, 10, 11, 2]
    assert offsets.tolist() == [0, 2, 5]
