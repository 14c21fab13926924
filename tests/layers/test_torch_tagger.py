"""The network as a Thinc layer: gradients by finite differences, dropout, growth, bytes."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from thinc.api import Adam, set_dropout_rate

from spacy_ssner.layers.torch_tagger import TaggerInputs, TorchTagger, grow_network, network_of, set_network
from spacy_ssner.types import (
    BiLSTMSettings,
    CharCNNSettings,
    FusionSettings,
    NetworkSettings,
    SimilarWordsSettings,
    TagScores,
    Windows,
    WordFeatures,
)

FULL = NetworkSettings(
    token_width=4,
    n_labels=2,
    decoder="crf",
    char_cnn=CharCNNSettings(3, 3, 3, 8),
    bilstm=BiLSTMSettings(6, 1),
    similar_words=SimilarWordsSettings(5, "context"),
    fusion=FusionSettings(2, "gate"),
    vector_width=3,
)
PLAIN = NetworkSettings(token_width=4, n_labels=2, decoder="softmax")
BOTH = pytest.mark.parametrize("settings", [FULL, PLAIN], ids=["full", "plain"])


def make_tagger(settings, *, dtype=torch.float32, factor=1.0):
    torch.manual_seed(0)
    tagger = TorchTagger(learn_rate_factor=factor)
    network = set_network(tagger, settings)
    if network.similar is not None:
        network.similar.set_vectors(torch.randn(7, 3))
    network.to(dtype)
    return tagger


def make_inputs(*, n_tokens=6, dtype=np.float32):
    """Two windows; the first token of the second is context there."""
    rng = np.random.default_rng(0)
    if n_tokens == 0:
        index, core, lengths = (
            np.zeros(0, dtype=np.int64),
            np.zeros(0, dtype=bool),
            np.zeros(0, dtype=np.int64),
        )
    else:
        index = np.array([0, 1, 2, 2, 3, 4, 5])
        core, lengths = np.array([True] * 3 + [False] + [True] * 3), np.array([3, 4])
    word_index = np.arange(n_tokens) % 4
    n_words = len(set(word_index.tolist()))
    features = WordFeatures(
        word_index,
        rng.integers(1, 100, (n_words, 4 if n_words else 0)),
        rng.integers(-1, 7, n_words),
        rng.integers(-1, 7, (n_words, 3)),
    )
    X = rng.normal(size=(n_tokens, 4)).astype(dtype)
    return TaggerInputs(X, features, Windows(index, lengths, core, n_tokens))


@BOTH
def test_gradient_for_the_token_vectors_equals_finite_differences(settings):
    tagger, inputs = make_tagger(settings, dtype=torch.float64), make_inputs(dtype=np.float64)
    rng = np.random.default_rng(1)
    scores, backprop = tagger.begin_update(inputs)
    assert scores.emissions.shape == (7, 5) and scores.transitions.shape == (7, 5)
    assert scores.windows is inputs.windows
    dY = rng.normal(size=(7, 5))
    dX = backprop(TagScores(dY, rng.normal(size=(7, 5)), inputs.windows))
    expected = np.zeros_like(dX)
    for place in np.ndindex(expected.shape):
        sides = []
        for eps in (1e-5, -1e-5):
            X = inputs.token_vectors.copy()
            X[place] += eps
            sides.append((tagger.predict(inputs._replace(token_vectors=X)).emissions * dY).sum())
        expected[place] = (sides[0] - sides[1]) / 2e-5
    assert_allclose(dX, expected, atol=1e-7)
    assert (np.abs(expected) > 1e-4).any()


@pytest.mark.parametrize(
    "name", ["output.weight", "bilstm.lstm.weight_hh_l0", "char_cnn.conv.bias", "crf.transitions"]
)
def test_gradient_for_weights_equals_finite_differences(name):
    tagger, inputs = make_tagger(FULL, dtype=torch.float64), make_inputs(dtype=np.float64)
    rng = np.random.default_rng(1)
    gradient = TagScores(rng.normal(size=(7, 5)), rng.normal(size=(7, 5)), inputs.windows)
    _, backprop = tagger.begin_update(inputs)
    backprop(gradient)
    weight = dict(network_of(tagger).named_parameters())[name]
    flat, found = weight.data.view(-1), weight.grad.view(-1)
    for i in range(0, len(flat), 1 + len(flat) // 12):
        sides, start = [], float(flat[i])
        for eps in (1e-5, -1e-5):
            flat[i] = start + eps
            scores = tagger.predict(inputs)
            sides.append(
                (scores.emissions * gradient.emissions).sum()
                + (scores.transitions * gradient.transitions).sum()
            )
        flat[i] = start
        assert_allclose(float(found[i]), (sides[0] - sides[1]) / 2e-5, atol=1e-6)


@BOTH
def test_gradients_add_up_over_calls_until_the_update(settings):
    tagger, inputs = make_tagger(settings), make_inputs()
    ones = TagScores(np.ones((7, 5), "f"), np.ones((7, 5), "f"), inputs.windows)
    results = []
    for _ in range(2):
        _, backprop = tagger.begin_update(inputs)
        results.append(backprop(ones))
    assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)  # the input's own gradient starts anew
    twice = network_of(tagger).output.weight.grad.clone()
    tagger.finish_update(Adam(0.001))
    assert network_of(tagger).output.weight.grad is None
    tagger = make_tagger(settings)
    _, backprop = tagger.begin_update(inputs)
    backprop(ones)
    assert torch.allclose(2 * network_of(tagger).output.weight.grad, twice, atol=1e-5)


@BOTH
def test_predict_equals_training_without_dropout(settings):
    tagger, inputs = make_tagger(settings), make_inputs()
    scores, _ = tagger.begin_update(inputs)
    assert_allclose(tagger.predict(inputs).emissions, scores.emissions, atol=1e-6)
    assert scores.emissions.dtype == scores.transitions.dtype == np.float32


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "place,got", [("token", "2 of 7"), ("crf.transitions", "7 of 7"), ("output.bias", "7 of 7")]
)
def test_scores_that_are_no_numbers_are_refused(place, got, value):
    tagger, inputs = make_tagger(PLAIN if place == "token" else FULL), make_inputs()
    if place == "token":  # the context of the second window too
        inputs.token_vectors[2, 1] = value
    else:
        dict(network_of(tagger).named_parameters())[place].data.view(-1)[0] = value
    with pytest.raises(ValueError, match=rf"S305.*{got} tokens"):
        tagger.predict(inputs)
    tagger.begin_update(inputs)  # what a training may recover from


def test_dropout_of_the_pipeline_reaches_training_only():
    tagger, inputs = make_tagger(FULL), make_inputs()
    expected = tagger.predict(inputs).emissions
    set_dropout_rate(tagger, 0.5)
    torch.manual_seed(0)
    assert np.abs(tagger.begin_update(inputs)[0].emissions - expected).max() > 1e-3
    assert network_of(tagger).dropout.p == network_of(tagger).char_cnn.dropout.p == 0.5
    assert (tagger.predict(inputs).emissions == expected).all()
    set_dropout_rate(tagger, 0.0)
    assert_allclose(tagger.begin_update(inputs)[0].emissions, expected, atol=1e-6)


@BOTH
def test_no_tokens(settings):
    tagger, inputs = make_tagger(settings), make_inputs(n_tokens=0)
    assert tagger.predict(inputs).emissions.shape == (0, 5)
    scores, backprop = tagger.begin_update(inputs)
    zeros = TagScores(np.zeros((0, 5), "f"), np.zeros((7, 5), "f"), inputs.windows)
    assert backprop(zeros).shape == (0, 4)


def test_bytes_lead_back_to_the_scores_without_initialization():
    tagger, inputs = make_tagger(PLAIN), make_inputs()
    fresh = TorchTagger()
    assert network_of(fresh) is None
    fresh.from_bytes(tagger.to_bytes())
    assert network_of(fresh).settings == PLAIN
    assert (fresh.predict(inputs).emissions == tagger.predict(inputs).emissions).all()
    assert network_of(TorchTagger().from_bytes(TorchTagger().to_bytes())) is None


def test_growing_keeps_scores_and_training_goes_on_with_the_same_optimizer():
    tagger, inputs, optimizer = make_tagger(FULL), make_inputs(), Adam(0.01)

    def update(n_tags):
        shapes = (7, n_tags), (n_tags + 2, n_tags)
        _, backprop = tagger.begin_update(inputs)
        backprop(TagScores(np.ones(shapes[0], "f"), np.ones(shapes[1], "f"), inputs.windows))
        tagger.finish_update(optimizer)

    update(5)
    before = tagger.predict(inputs)
    grow_network(tagger, 4)
    after = tagger.predict(inputs)
    assert after.emissions.shape == (7, 9)
    assert_allclose(after.emissions[:, :5], before.emissions, atol=1e-6)
    update(9)
    grow_network(tagger, 4)  # nothing to do
    grow_network(tagger, 3)
    assert network_of(tagger).settings.n_labels == 4


def test_growing_an_empty_tagger_leaves_it_empty():
    tagger = TorchTagger()
    grow_network(tagger, 3)
    assert network_of(tagger) is None
