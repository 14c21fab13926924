"""Windows of like length side by side: nothing lost, nothing twice, padding bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.nn.batching import length_groups, padded_places

CPU = torch.device("cpu")


@given(lengths=st.lists(st.integers(1, 40), max_size=30), max_padded=st.integers(1, 100))
def test_each_window_is_in_one_group_and_groups_stay_small(lengths, max_padded):
    array = np.array(lengths, dtype=np.int64)
    groups = list(length_groups(array, max_padded=max_padded))
    assert sorted(i for group in groups for i in group.tolist()) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * array[group].max() <= max_padded
    flat = [lengths[i] for group in groups for i in group]
    assert flat == sorted(lengths, reverse=True)


def test_windows_of_no_tokens_are_grouped_too():
    groups = [group.tolist() for group in length_groups(np.array([0, 3, 0]), max_padded=4)]
    assert groups == [[1], [0, 2]]


@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_padded_places_equal_a_slow_loop(lengths):
    array = np.array(lengths, dtype=np.int64)
    starts = np.cumsum(array) - array
    places, mask = padded_places(starts, array, CPU)
    assert places.shape == mask.shape == (len(lengths), max(lengths))
    assert (places.dtype, mask.dtype) == (torch.int64, torch.bool)
    for row, start, length in zip(range(len(lengths)), starts, lengths):
        assert mask[row].tolist() == [True] * length + [False] * (max(lengths) - length)
        assert places[row, :length].tolist() == list(range(start, start + length))
    assert (places[~mask] == 0).all()  # a legal index


@pytest.mark.parametrize("n_windows", [0, 2])
def test_padded_places_of_nothing(n_windows):
    nothing = np.zeros(n_windows, dtype=np.int64)
    places, mask = padded_places(nothing, nothing, CPU)
    assert places.shape == mask.shape == (n_windows, 0)
