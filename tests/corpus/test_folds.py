"""Folds for cross-validation."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.corpus.folds import assign_folds


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=8).filter(lambda keys: len(set(keys)) >= 4),
    st.integers(2, 4),
)
def test_equal_texts_are_in_one_fold_and_no_fold_is_empty(keys, n_folds):
    folds = assign_folds(keys, n_folds)
    assert len(folds) == len(keys) and set(folds) == set(range(n_folds))
    assert len(set(zip(keys, folds))) == len(set(keys))
    largest = max(Counter(keys).values())
    sizes = Counter(folds).values()
    assert max(sizes) - min(sizes) <= largest


def test_the_seed_decides_and_nothing_else():
    keys = [f"text {i}" for i in range(20)]
    assert assign_folds(keys, 5, seed=1) == assign_folds(keys, 5, seed=1)
    assert assign_folds(keys, 5, seed=1) != assign_folds(keys, 5, seed=2)
    backwards = assign_folds(keys[::-1], 5, seed=1)[::-1]
    assert backwards == assign_folds(keys, 5, seed=1)
    assert Counter(backwards) == {fold: 4 for fold in range(5)}


@pytest.mark.parametrize("n_folds", [0, 1, 4])
def test_too_few_or_too_many_folds(n_folds):
    with pytest.raises(ValueError, match=r"\[S151\].*different texts \(3\), but got"):
        assign_folds(["a", "b", "c", "c"], n_folds)
