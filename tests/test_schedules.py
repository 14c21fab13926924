"""Learning rates of a training whose head learns first."""

from itertools import islice

import pytest
from numpy.testing import assert_allclose
from thinc.api import registry, warmup_linear

from spacy_ssner.schedules import make_head_first


def rates(n, **settings):
    return list(islice(make_head_first(**settings), n))


def test_two_slopes_each_as_thincs():
    found = rates(12, initial_rate=0.5, warmup_steps=2, total_steps=10, head_steps=4)
    first = list(islice(warmup_linear(0.5, 2, 4), 4))
    second = list(islice(warmup_linear(0.5, 2, 6), 8))
    assert_allclose(found, first + second)
    assert found[2] == found[6] == 0.5 and found[10:] == [0.0, 0.0]


def test_without_head_steps_it_is_thincs():
    found = rates(9, initial_rate=0.1, warmup_steps=3, total_steps=8)
    assert_allclose(found, list(islice(warmup_linear(0.1, 3, 8), 9)))


@pytest.mark.parametrize("head_steps", [-1, 8, 9])
def test_steps_that_leave_none_for_the_encoder_are_refused(head_steps):
    with pytest.raises(ValueError, match="S104.*head_steps.*between 0 and total_steps - 1 = 7"):
        make_head_first(0.1, 2, 8, head_steps)


@pytest.mark.parametrize(
    "settings,name",
    [
        ((-0.1, 2, 8), "initial_rate"),
        ((float("nan"), 2, 8), "initial_rate"),
        ((float("inf"), 2, 8), "initial_rate"),
        ((0.1, -1, 8), "warmup_steps"),
        ((0.1, 0, 0), "total_steps"),
        ((0.1, 0, -8, 2), "total_steps"),
    ],
)
def test_values_out_of_range(settings, name):
    with pytest.raises(ValueError, match=f"S101.*'{name}' must be at least"):
        make_head_first(*settings)


def test_it_can_stand_in_a_config():
    assert registry.schedules.get("spacy-ssner.head_first.v1") is make_head_first
