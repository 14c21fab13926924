"""Settings of stage B."""

import pytest

from spacy_ssner.pretraining.supervised import SupervisedSettings

BAD = [
    ("n_epochs", 0), ("n_steps", -1), ("learn_rate", 0.0), ("learn_rate", float("nan")), ("head_factor", -1.0),
    ("warmup", 1.5), ("max_padded", 0), ("buffer", 0), ("gamma", -0.5), ("gamma", float("inf")),
    ("class_weights", "balanced"), ("dropout", 1.0), ("max_word_pieces", 65), ("max_word_pieces", 0),
]  # fmt: skip


@pytest.mark.parametrize("name,value", BAD)
def test_values_out_of_range(name, value):
    with pytest.raises(ValueError, match=rf"\[S127\].*'{name}'.*{value}"):
        SupervisedSettings(**{name: value})


def test_values_at_the_edge():
    SupervisedSettings(n_epochs=1, warmup=0, gamma=0, dropout=0, max_word_pieces=64, class_weights="inverse")
