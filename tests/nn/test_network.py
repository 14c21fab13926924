"""The network: every combination of its parts, independence of windows, growing, settings."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn import network as network_module
from spacy_ssner.nn.crf import OFF
from spacy_ssner.nn.network import NetworkInputs, SSNERNetwork, grow_labels
from spacy_ssner.types import (
    BiLSTMSettings,
    CharCNNSettings,
    FusionSettings,
    LexiconSettings,
    NetworkSettings,
    SimilarWordsSettings,
)

CHARS = [None, CharCNNSettings(4, 3, 3, 8)]
LSTMS = [None, BiLSTMSettings(6, 1)]
SIMILAR = [
    (None, None),
    *product(
        [SimilarWordsSettings(5, "word"), SimilarWordsSettings(5, "context")],
        [None, FusionSettings(2, "gate"), FusionSettings(2, "residual")],
    ),
]
FULL = NetworkSettings(
    token_width=4,
    n_labels=2,
    decoder="crf",
    char_cnn=CHARS[1],
    bilstm=LSTMS[1],
    similar_words=SimilarWordsSettings(5, "context"),
    fusion=FusionSettings(2, "gate"),
    vector_width=3,
)


def all_settings():
    decoders = [("crf", None), ("softmax", None), ("crf", LexiconSettings(2, 0.0))]
    for chars, lstm, (similar, fusion), (decoder, lexicon) in product(CHARS, LSTMS, SIMILAR, decoders):
        parts = dict(char_cnn=chars, bilstm=lstm, similar_words=similar, fusion=fusion, lexicon=lexicon)
        name = "-".join([decoder, *(key for key, value in parts.items() if value is not None)])
        if similar is not None:
            name += f"-{similar.query}" + (f"-{fusion.combine}" if fusion is not None else "")
        skip = lexicon is not None  # the two meet in the projection
        yield pytest.param(replace(FULL, decoder=decoder, skip=skip, n_categories=2, **parts), id=name)


ALL_SETTINGS = list(all_settings())


def make_network(settings, seed=0):
    torch.manual_seed(seed)
    network = SSNERNetwork(settings)
    torch.nn.init.normal_(network.output.bias)
    if network.similar is not None:
        network.similar.set_vectors(torch.randn(7, settings.vector_width))
    return network


def make_inputs(settings, lengths=(3, 1, 5), seed=0):
    """Windows over a batch of twice as many tokens, overlapping and out of order; one word without similar ones."""
    rng = torch.Generator().manual_seed(seed)
    n_tokens, n_words, n_places = 2 * sum(lengths), 6, sum(lengths)
    chars = torch.randint(1, 256, (n_words, 5), generator=rng)
    chars[torch.arange(5)[None] >= torch.tensor([5, 1, 2, 3, 5, 4])[:, None]] = 0
    rows = torch.randint(-1, 7, (n_words, 4), generator=rng)
    rows[0] = -1
    own = torch.tensor([-1, 0, 1, 2, 3, -1])
    words = torch.arange(n_tokens) % n_words
    places = torch.randint(n_tokens, (n_places,), generator=rng)
    places[0] = 0  # a word without similar words
    vectors = torch.randn(n_tokens, settings.token_width, generator=rng, requires_grad=True)
    names = torch.rand(n_tokens, 4, generator=rng) < 0.5 if settings.lexicon is not None else None
    return NetworkInputs(vectors, words, chars, own, rows, places, np.array(lengths), names)


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_every_combination_runs_and_learns_everywhere(settings):
    network, inputs = make_network(settings), make_inputs(settings)
    emissions, transitions = network(inputs)
    assert emissions.shape == (9, 5) and transitions.shape == (7, 5)
    assert emissions.isfinite().all() and transitions.isfinite().all()
    noise = torch.randn_like(emissions), torch.randn_like(transitions)
    ((emissions * noise[0]).sum() + (transitions * noise[1]).sum()).backward()
    for name, weight in network.named_parameters():
        if settings.decoder == "softmax" and name.startswith("crf."):
            assert not weight.requires_grad and (weight == 0).all()
        else:
            assert weight.grad is not None and (weight.grad != 0).any(), name
            assert weight.grad.isfinite().all(), name
    used = torch.zeros(len(inputs.token_vectors), dtype=torch.bool)
    used[inputs.places] = True
    assert (inputs.token_vectors.grad != 0).any(dim=1).tolist() == used.tolist()


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_a_window_does_not_see_the_others(settings):
    network, inputs = make_network(settings).eval(), make_inputs(settings)
    together, _ = network(inputs)
    start = 0
    for length in inputs.lengths:
        places = inputs.places[start : start + length]
        words, word_index = inputs.word_index[places].unique(return_inverse=True)
        chars = inputs.char_ids[words]
        chars = chars[:, : (chars != 0).sum(dim=1).max()]
        alone = NetworkInputs(
            inputs.token_vectors[places],
            word_index,
            chars,
            inputs.own_row[words],
            inputs.similar_rows[words],
            torch.arange(length),
            np.array([length]),
            None if inputs.lexicon is None else inputs.lexicon[places],
        )
        assert_close(network(alone)[0], together[start : start + length], atol=1e-5, rtol=0.0)
        start += length


@pytest.mark.parametrize("max_padded", [1, 6, 10])
def test_the_size_of_a_pass_does_not_matter(max_padded, monkeypatch):
    network, inputs = make_network(FULL).eval(), make_inputs(FULL, lengths=(3, 1, 5, 2, 2))
    expected, _ = network(inputs)
    monkeypatch.setattr(network_module, "MAX_PADDED", max_padded)
    assert_close(network(inputs)[0], expected, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_no_tokens(settings):
    nothing = torch.zeros(0, dtype=torch.long)
    inputs = NetworkInputs(
        torch.zeros(0, settings.token_width),
        nothing,
        nothing.view(0, 0),
        nothing,
        nothing.view(0, 4),
        nothing,
        np.zeros(0, dtype=np.int64),
        torch.zeros(0, 4, dtype=torch.bool),
    )
    emissions, transitions = make_network(settings)(inputs)
    assert emissions.shape == (0, 5) and transitions.shape == (7, 5)


def test_illegal_transitions_are_off_in_both_decoders():
    for decoder in ("crf", "softmax"):
        transitions = make_network(replace(FULL, decoder=decoder)).crf.packed()
        assert transitions[0, 2] == transitions[1, 4] == transitions[5, 2] == OFF
        assert transitions[1, 2] > OFF and transitions[2, 2] > OFF and (transitions[6] > OFF).all()


OPTIONS = [
    ("char_cnn", None),
    ("bilstm", None),
    ("fusion", None),
    ("char_cnn", CharCNNSettings(4, 3, 5, 8)),
    ("char_cnn", CharCNNSettings(6, 3, 3, 8)),
    ("char_cnn", CharCNNSettings(4, 2, 3, 8)),
    ("bilstm", BiLSTMSettings(8, 1)),
    ("bilstm", BiLSTMSettings(6, 2)),
    ("similar_words", SimilarWordsSettings(5, "word")),
    ("similar_words", SimilarWordsSettings(8, "context")),
    ("fusion", FusionSettings(3, "gate")),
    ("fusion", FusionSettings(2, "residual")),
]


@pytest.mark.parametrize("name,value", OPTIONS)
def test_each_option_changes_the_scores(name, value):
    """Weights of the same name and size are shared, so that the option alone makes the difference."""
    base, other = make_network(FULL), make_network(replace(FULL, **{name: value}), seed=1)
    state = base.state_dict()
    shared = {
        k: state[k] if k in state and state[k].shape == v.shape else v for k, v in other.state_dict().items()
    }
    other.load_state_dict(shared)
    other.similar.vectors = base.similar.vectors
    inputs = make_inputs(FULL)
    assert not torch.allclose(base(inputs)[0], other(inputs)[0], atol=1e-4)


def test_no_similar_words_changes_the_scores():
    base = make_network(FULL)
    other = make_network(replace(FULL, similar_words=None, fusion=None), seed=1)
    other.load_state_dict({k: v for k, v in base.state_dict().items() if k in other.state_dict()})
    inputs = make_inputs(FULL)
    assert not torch.allclose(base(inputs)[0], other(inputs)[0], atol=1e-4)


def change(inputs, field, row):
    """Inputs with another value in one row of a field."""
    values = getattr(inputs, field).detach().clone()
    values[row] = {"token_vectors": 9.0, "char_ids": 77, "own_row": 5, "similar_rows": 6}[field]
    return inputs._replace(**{field: values})


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_each_part_reads_what_it_should(settings):
    network, inputs = make_network(settings).eval(), make_inputs(settings, lengths=(4,))
    inputs = inputs._replace(places=torch.tensor([0, 1, 2, 3]))
    base, _ = network(inputs)

    def moved(field, row):
        return ((network(change(inputs, field, row))[0] - base).abs() > 1e-6).any(dim=1).tolist()

    similar = settings.similar_words
    in_sentence = settings.bilstm is not None
    assert moved("token_vectors", 1) == [True] * 4 if in_sentence else moved("token_vectors", 1)[1]
    assert moved("char_ids", 1)[1] == (settings.char_cnn is not None)
    assert moved("similar_rows", 1)[1] == (similar is not None)
    assert moved("own_row", 1)[1] == (similar is not None and similar.query == "word")
    mixes = in_sentence or (settings.fusion is not None and similar is not None)
    if not mixes:
        assert moved("token_vectors", 1) == [False, True, False, False]


@pytest.mark.parametrize("n_labels", [3, 13])
@pytest.mark.parametrize(
    "settings", [FULL, replace(FULL, decoder="softmax", similar_words=None, fusion=None)]
)
def test_growing_keeps_the_old_weights_and_scores_bit_for_bit(settings, n_labels):
    old = make_network(settings).eval()
    before = {name: weight.clone() for name, weight in old.state_dict().items()}
    torch.manual_seed(1)
    new = grow_labels(old, n_labels).eval()
    inputs = make_inputs(settings)
    (old_e, old_t), (new_e, new_t) = old(inputs), new(inputs)
    n_tags = 2 * n_labels + 1
    assert new_e.shape == (9, n_tags) and new_t.shape == (n_tags + 2, n_tags)
    assert_close(new_e[:, :5], old_e)  # the larger product may round its last bit otherwise
    assert torch.equal(new_t[:5, :5], old_t[:5])
    assert torch.equal(new_t[n_tags:, :5], old_t[5:])
    assert new.settings == replace(settings, n_labels=n_labels)
    for name, weight in new.state_dict().items():
        assert torch.equal(weight[tuple(slice(0, n) for n in before[name].shape)], before[name])
        assert torch.equal(old.state_dict()[name], before[name])
    (new_e.sum() + new_t.sum()).backward()
    assert new.output.weight.grad is not None and old.output.weight.grad is None
    grown = grow_labels(new, n_labels + 1)
    for name, weight in new.named_parameters():
        if weight.grad is None:
            assert dict(grown.named_parameters())[name].grad is None
        else:
            grad = dict(grown.named_parameters())[name].grad.clone()
            slices = tuple(slice(0, n) for n in weight.shape)
            assert torch.equal(grad[slices], weight.grad)
            grad[slices] = 0
            assert not grad.any()
    new.output.weight = torch.nn.Parameter(new.output.weight[:5].detach())
    new.output.bias = torch.nn.Parameter(new.output.bias[:5].detach())
    new.n_tags = 5
    assert torch.equal(new(inputs)[0], old_e)


def test_dropout_reaches_every_part_and_only_training():
    network, inputs = make_network(FULL), make_inputs(FULL)
    expected, _ = network(inputs)
    network.set_dropout(0.5)
    rates = [module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)]
    assert len(rates) == 2 and set(rates) == {0.5}  # of the network, and of the characters
    torch.manual_seed(0)
    assert not torch.allclose(network.train()(inputs)[0], expected)
    assert torch.equal(network.eval()(inputs)[0], expected)
    network.set_dropout(0.0)
    assert torch.equal(network.train()(inputs)[0], expected)


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_settings_come_back_through_json(settings):
    values = json.loads(json.dumps(settings.to_dict()))
    before = json.dumps(values)
    assert NetworkSettings.from_dict(values) == settings
    assert json.dumps(values) == before  # not written into
    assert SSNERNetwork(NetworkSettings.from_dict(values)).state_dict().keys() == (
        SSNERNetwork(settings).state_dict().keys()
    )


def test_skip_lets_the_token_vectors_reach_the_tags_directly():
    settings = replace(FULL, skip=True)
    network, inputs = make_network(settings).eval(), make_inputs(settings)
    with torch.no_grad():
        network.output.weight[:, : -settings.token_width] = 0.0  # only the skip connection is left
    direct = network.output.weight[:, -settings.token_width :]
    expected = inputs.token_vectors[inputs.places] @ direct.T + network.output.bias
    assert_close(network(inputs)[0], expected)


def test_skip_lets_the_lexicon_reach_the_tags_directly():
    settings = replace(FULL, skip=True, lexicon=LexiconSettings(2, 0.0), n_categories=2)
    network, inputs = make_network(settings).eval(), make_inputs(settings)
    with torch.no_grad():
        network.output.weight[:, :-2] = 0.0  # only the names are left
    expected = inputs.lexicon[inputs.places].float() @ network.lexicon.map.weight.T
    expected = expected @ network.output.weight[:, -2:].T + network.output.bias
    assert_close(network(inputs)[0], expected)


def test_names_of_another_token_change_nothing_without_a_sentence():
    settings = replace(FULL, bilstm=None, similar_words=None, fusion=None, n_categories=2)
    settings = replace(settings, lexicon=LexiconSettings(2, 0.0))
    network, inputs = make_network(settings).eval(), make_inputs(settings, lengths=(4,))
    inputs = inputs._replace(places=torch.arange(4))
    flags = inputs.lexicon.clone()
    flags[1] = ~flags[1]
    moved = (network(inputs)[0] - network(inputs._replace(lexicon=flags))[0]).abs() > 1e-6
    assert moved.any(dim=1).tolist() == [False, True, False, False]


def test_old_settings_without_a_lexicon():
    values = FULL.to_dict()
    del values["lexicon"], values["n_categories"]
    assert NetworkSettings.from_dict(values) == FULL


def test_skip_means_nothing_where_nothing_lies_between():
    settings = replace(FULL, skip=True, bilstm=None, similar_words=None, fusion=None)
    assert make_network(settings).output.in_features == settings.token_width + settings.char_cnn.width
