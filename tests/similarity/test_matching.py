"""Whole-vocabulary matching against slow loops, gensim and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from rapidfuzz import fuzz

from spacy_ssner.similarity import matching
from spacy_ssner.similarity.matching import filter_by_spelling, largest_columns, nearest_by_cosine

WORDS = st.lists(st.text("abcxyz2-", min_size=1, max_size=9), min_size=1, max_size=25, unique=True)


def random_vectors(n_words, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n_words, width)).astype(np.float32)


def slow_nearest(vectors, m):
    rows = np.full((len(vectors), m), -1)
    cosine = np.zeros((len(vectors), m))
    for i, one in enumerate(vectors.astype(np.float64)):
        pairs = []
        for j, other in enumerate(vectors.astype(np.float64)):
            length = np.linalg.norm(one) * np.linalg.norm(other)
            if i != j:
                pairs.append((-(one @ other) / length if length else 0.0, j))
        for place, (negative, j) in enumerate(sorted(pairs)[:m]):
            rows[i, place], cosine[i, place] = j, -negative
    return rows, cosine


def slow_filter(words, rows, cosine, k):
    result = []
    for i, word in enumerate(words):
        near = [(-fuzz.ratio(word, words[j]), -c, j) for j, c in zip(rows[i], cosine[i]) if j >= 0]
        result.append([j for _, _, j in sorted(near)[:k]] + [-1] * max(0, k - len(near)))
    return np.array(result)


@pytest.mark.parametrize("n_words,m,block", [(1, 3, 4), (2, 1, 1), (40, 5, 7), (400, 10, 64), (33, 50, 512)])
def test_nearest_equals_slow_loop(n_words, m, block):
    vectors = random_vectors(n_words, 12)
    rows, cosine = nearest_by_cosine(vectors, m, block=block)
    expected_rows, expected_cosine = slow_nearest(vectors, m)
    assert_array_equal(rows, expected_rows)
    assert_allclose(cosine, expected_cosine, atol=1e-5)
    assert rows.dtype == np.int32 and cosine.dtype == np.float32


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 70), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_nearest_laws(n_words, m, block, seed):
    vectors = random_vectors(n_words, 4, seed)
    rows, cosine = nearest_by_cosine(vectors, m, block=block)
    n_near = min(m, n_words - 1)
    assert (rows != np.arange(n_words)[:, None]).all()
    assert (rows[:, :n_near] >= 0).all() and (rows[:, n_near:] == -1).all()
    assert all(len(set(row[:n_near])) == n_near for row in rows.tolist())
    assert (np.diff(cosine[:, :n_near], axis=1) <= 0).all()
    assert np.abs(cosine).max() <= 1
    assert_array_equal(rows, nearest_by_cosine(vectors * 7, m, block=1000)[0])  # length does not matter


def test_equal_and_zero_vectors():
    vectors = np.array([[1, 0], [0, 0], [2, 0], [3, 0], [0, 0]], dtype=np.float32)
    rows, cosine = nearest_by_cosine(vectors, 4)
    assert rows[0].tolist() == [2, 3, 1, 4]  # ties go to the lower row
    assert cosine[0].tolist() == [1, 1, 0, 0]
    assert rows[1].tolist() == [0, 2, 3, 4] and not cosine[1].any()


@pytest.mark.parametrize("n_words,m", [(12, 3), (12, 10), (400, 7), (400, 60)])
def test_ties_at_the_border_go_to_the_lower_row(n_words, m):
    vectors = np.eye(4, 3, dtype=np.float32)[
        np.random.default_rng(0).integers(0, 4, n_words)
    ]  # zero ones too
    rows, cosine = nearest_by_cosine(vectors, m, block=100)
    expected_rows, expected_cosine = slow_nearest(vectors, m)
    assert_array_equal(rows, expected_rows)
    assert_array_equal(cosine, expected_cosine)


def test_progress_counts_every_word():
    done = []
    nearest_by_cosine(random_vectors(100, 4), 3, block=30, on_words=done.append)
    assert done == [30, 30, 30, 10]


@pytest.mark.parametrize("n", [1, 3, 12, 25])
def test_largest_columns_by_groups(n):
    scores = np.random.default_rng(1).normal(size=(20, 20 * matching.GROUP))
    expected = np.argsort(-scores, axis=1)[:, :n]
    assert_array_equal(np.sort(largest_columns(scores, n)), np.sort(expected))


@pytest.mark.parametrize("n", [1, 3, 12, 25])
@pytest.mark.parametrize("n_values", [1, 3, 40, 400])
def test_of_equal_columns_the_lower_ones(n, n_values):
    scores = np.random.default_rng(1).integers(0, n_values, (50, 20 * matching.GROUP)).astype(np.float32)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    assert_array_equal(np.sort(largest_columns(scores, n)), np.sort(expected))


def test_nearest_agrees_with_gensim():
    gensim = pytest.importorskip("gensim.models")
    vectors = random_vectors(300, 16)
    words = [f"w{i}" for i in range(300)]
    keyed = gensim.KeyedVectors(16)
    keyed.add_vectors(words, vectors)
    rows, cosine = nearest_by_cosine(vectors, 8)
    for i, word in enumerate(words):
        near = keyed.most_similar(word, topn=8)
        assert [words[j] for j in rows[i]] == [name for name, _ in near]
        assert_allclose(cosine[i], [value for _, value in near], atol=1e-5)


@given(WORDS, st.integers(1, 8), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_filter_equals_slow_loop(words, k, seed):
    rows, cosine = nearest_by_cosine(random_vectors(len(words), 3, seed), 8)
    found = filter_by_spelling(words, rows, cosine, k)
    expected = slow_filter(words, rows, cosine, k)
    assert_array_equal(found.rows, expected)
    for i, row in enumerate(expected):
        for place, j in enumerate(row):
            ratio = fuzz.ratio(words[i], words[j]) if j >= 0 else 0
            assert found.ratio[i, place] == pytest.approx(ratio, abs=1e-4)
            assert found.cosine[i, place] == (cosine[i, list(rows[i]).index(j)] if j >= 0 else 0)


def test_filter_in_chunks_is_the_same(monkeypatch):
    words = [f"name{i * 7919 % 1000}" for i in range(50)]
    rows, cosine = nearest_by_cosine(random_vectors(50, 4), 9)
    whole = filter_by_spelling(words, rows, cosine, 4)
    monkeypatch.setattr(matching, "CHUNK", 20)
    parts = filter_by_spelling(words, rows, cosine, 4)
    assert_array_equal(whole.rows, parts.rows)
    assert_array_equal(whole.ratio, parts.ratio)


def test_example_of_three_words():
    words = ["apt28", "apt29", "bear"]
    rows = np.array([[2, 1], [2, 0], [0, 1]], dtype=np.int32)
    found = filter_by_spelling(words, rows, np.array([[0.9, 0.5]] * 3, dtype=np.float32), 1)
    assert found.rows.tolist() == [[1], [0], [0]]  # bear: apt28 and apt29 tie, cosine decides
    assert found.cosine.tolist() == [[0.5], [0.5], pytest.approx([0.9])]
    assert found.ratio[0, 0] == pytest.approx(80)


def test_scorer_changes_something():
    words = ["trick", "trickbot", "brick"]
    rows = np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int32)
    cosine = np.zeros((3, 2), dtype=np.float32)
    assert filter_by_spelling(words, rows, cosine, 1).rows[0, 0] == 2
    assert filter_by_spelling(words, rows, cosine, 1, scorer="partial_ratio").rows[0, 0] == 1


@pytest.mark.parametrize("scorer", matching.SCORERS)
def test_every_scorer_works(scorer):
    assert 0 < matching.spelling_ratio(np.array(["abc"]), np.array(["abd"]), scorer)[0] <= 100


@pytest.mark.parametrize("k", [0, 3])
def test_k_out_of_range(k):
    with pytest.raises(ValueError, match="S255"):
        filter_by_spelling(["a", "b"], np.zeros((2, 2), int), np.zeros((2, 2)), k)


def test_unknown_scorer():
    with pytest.raises(ValueError, match="S256"):
        filter_by_spelling(["a", "b"], np.zeros((2, 2), int), np.zeros((2, 2)), 1, scorer="__class__")
