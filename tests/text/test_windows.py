"""Sentence starts on hand-made lists; windows that hold every token once and never weigh too much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.text.windows import boundary_kinds, cut_window, make_windows, sentence_starts


def starts_of(words, *, blanks=True):
    """With a blank behind each word, as where white space is not known, or none but the white space tokens."""
    return np.flatnonzero(sentence_starts(boundary_kinds(words), np.full(len(words), blanks))).tolist()


@pytest.mark.parametrize(
    "words,expected",
    [
        ([], []),
        (["One"], [0]),
        (["A", "b", "c"], [0]),
        (["A", "b", ".", "C", "d", "!", "E", "?", "F"], [0, 3, 6, 8]),
        (["A", ".", '"', "B"], [0, 3]),
        (["“", "A", ".", "”", "B"], [0, 4]),
        (["(", "A", ".", ")", "B"], [0, 4]),
        (["(", "“", "A", "!", "”", ")", "B"], [0, 6]),
        (["A", ".", ")", ")", ")", "B"], [0]),  # more than two closing marks are left alone
        (["A", "(", "b", ")", "c"], [0]),
        (["A", "…", "B"], [0, 2]),
        (["A", "...", "B"], [0, 2]),
        (["A", "?", "!", "B"], [0, 3]),
        (["A", ".", ".", ".", "B"], [0, 4]),
        (["A", "\n\n", "B"], [0, 2]),
        (["A", "\r\n\r\n", "B"], [0, 2]),
        (["A", " \n \n ", "B"], [0, 2]),
        (["A", "\n", "b"], [0]),
        (["A", "\r\n", "b"], [0]),
        (["A", "\n", "-", "b", "\n", "•", "c"], [0, 2, 5]),
        (["A", "-", "b", "*", "c"], [0]),
        (["A", "\n\n", "-", "b"], [0, 2]),
        (["v1.2", "e.g.", "x"], [0]),
        ([".", "A"], [0, 1]),
        ([")", "A"], [0]),
        (["。", "A"], [0, 1]),
        (["A", ".", " ", "B"], [0, 3]),  # white space goes with the sentence before it
        (["A", ".", "\n\n", "B"], [0, 3]),
        (["A", ".", " ", ")", "B"], [0, 4]),
        (["A", "\n", " ", "-", "b"], [0, 3]),
        (["A", ".", "\n\n"], [0]),
        (["\n\n", "A", "b"], [0]),
        ([" ", "\n"], [0]),
    ],
)
def test_sentence_starts(words, expected):
    assert starts_of(words) == expected


WORDS = ["a", ".", "!", '"', ")", "\n", "\n\n", "-", "•", " "]


@given(st.lists(st.sampled_from(WORDS), max_size=15), st.lists(st.sampled_from(WORDS), max_size=5))
def test_a_sentence_start_depends_on_what_comes_before_only(words, more):
    starts = starts_of(words)
    assert [i for i in starts_of(words + more) if i < len(words)] == starts
    assert not words or starts[0] == 0


@given(st.lists(st.sampled_from(WORDS), max_size=15))
def test_no_sentence_begins_with_white_space_but_the_first(words):
    assert not any(words[start].isspace() for start in starts_of(words) if start > 0)


@st.composite
def weighed_texts(draw):
    """starts, weights, max_weight, context; weights of single tokens up to the limit."""
    max_weight = draw(st.integers(4, 30))
    context = draw(st.integers(0, (max_weight - 1) // 4))
    n_tokens = draw(st.integers(0, 80))
    heavy = st.integers(0, draw(st.sampled_from([0, 1, 3, max_weight])))
    weights = draw(st.lists(heavy, min_size=n_tokens, max_size=n_tokens))
    starts = draw(st.lists(st.sampled_from([False] * 9 + [True]), min_size=n_tokens, max_size=n_tokens))
    starts[:1] = [True] * len(starts[:1])
    return np.array(starts, dtype=bool), np.array(weights, dtype=np.int64), max_weight, context


def parts(windows):
    """Tokens and core tokens of each window."""
    for start, length in zip(windows.starts, windows.lengths):
        places = slice(start, start + length)
        yield windows.index[places], windows.index[places][windows.core[places]]


@given(weighed_texts())
def test_windows_keep_their_laws(case):
    starts, weights, max_weight, context = case
    windows = make_windows(starts, weights, max_weight=max_weight, context=context)
    assert windows.n_tokens == len(starts) and windows.lengths.sum() == len(windows.index)
    assert windows.index[windows.core].tolist() == list(range(len(starts)))  # once each, in order
    sentence = np.cumsum(starts)
    for tokens, core in parts(windows):
        assert len(core) >= 1
        assert weights[tokens].sum() <= max_weight
        assert (np.diff(tokens) == 1).all() and (np.diff(core) == 1).all()
        assert len(set(sentence[tokens].tolist())) == 1
        assert weights[tokens[tokens < core[0]]].sum() <= context
        assert weights[tokens[tokens > core[-1]]].sum() <= context
    assert (windows.index.dtype, windows.lengths.dtype, windows.core.dtype) == (np.int64, np.int64, np.bool_)


@given(weighed_texts())
def test_a_sentence_within_the_limit_is_a_window_of_its_own(case):
    starts, weights, max_weight, context = case
    windows = make_windows(starts, weights, max_weight=max_weight, context=context)
    whole = {tuple(tokens) for tokens, core in parts(windows) if len(tokens) == len(core)}
    for sentence in np.split(np.arange(len(starts)), np.flatnonzero(starts)[1:]):
        if len(sentence) and weights[sentence].sum() <= max_weight:
            assert tuple(sentence) in whole


def test_a_long_sentence_is_cut_with_context_on_both_sides():
    assert cut_window(np.ones(10, dtype=int), max_weight=6, context=1) == [
        (0, 0, 4, 5),
        (3, 4, 8, 9),
        (7, 8, 10, 10),
    ]


def test_a_token_as_heavy_as_the_window_stands_alone():
    cuts = cut_window(np.array([1, 12, 1, 1]), max_weight=12, context=2)
    assert [cut[1:3] for cut in cuts] == [(0, 1), (1, 2), (2, 4)]
    assert cuts[1] == (1, 1, 2, 2)


def test_the_cuts_of_one_sentence_do_not_depend_on_the_others():
    starts = np.zeros(30, dtype=bool)
    starts[[0, 5, 25]] = True
    weights = np.ones(30, dtype=np.int64)
    together = make_windows(starts, weights, max_weight=8, context=1)
    alone = make_windows(starts[5:25], weights[5:25], max_weight=8, context=1)
    inner = [tokens.tolist() for tokens, _ in parts(together)][1:-1]
    assert inner == [(tokens + 5).tolist() for tokens, _ in parts(alone)]


def test_no_tokens():
    windows = make_windows(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64), max_weight=8, context=1)
    assert len(windows.index) == len(windows.lengths) == len(windows.core) == windows.n_tokens == 0
    assert len(windows.starts) == 0
