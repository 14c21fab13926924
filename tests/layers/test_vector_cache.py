"""A frozen encoder: what it gives, what it leaves alone, how often it reads, what it remembers."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from spacy.training import Example

from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.hf_encoder import build_hf_encoder
from spacy_ssner.layers.vector_cache import VectorCache

VOCAB = spacy.blank("en").vocab
TEXTS = [["the", "group", "attacked", "."], [], ["the", "group", "used", "9f86", "again", "."]]


def make_encoder(folder, **options):
    model = build_hf_encoder(str(folder), max_pieces=64, **options)
    model.initialize()
    return model


def make_docs(*texts):
    return [Doc(VOCAB, words=list(words)) for words in texts]


@pytest.fixture
def reads(monkeypatch):
    """Words of the docs that encoders are asked for, call by call."""
    from spacy_ssner.layers import hf_encoder

    calls, read = [], hf_encoder._read

    def note(model, docs, is_train):
        calls.append([[token.text for token in doc] for doc in docs])
        return read(model, docs, is_train)

    monkeypatch.setattr(hf_encoder, "_read", note)
    return calls


def test_vectors_are_those_of_a_prediction(tiny_bert, reads):
    expected = make_encoder(tiny_bert).predict(make_docs(*TEXTS))
    frozen = make_encoder(tiny_bert, frozen=True)
    for is_train in (False, True, True, False):
        vectors, backprop = frozen(make_docs(*TEXTS), is_train)
        assert backprop(vectors) == []
        for found, wanted in zip(vectors, expected):
            assert_allclose(found, wanted, atol=1e-6)
    assert reads[1:] == [TEXTS, TEXTS]  # the first of a training reads all once more, then nothing is read
    again = [TEXTS[2], TEXTS[0][:2], TEXTS[0][:2], TEXTS[0]]
    vectors, _ = frozen(make_docs(*again), True)
    assert reads[3:] == [[TEXTS[0][:2]]]
    for found, words in zip(vectors, again):
        assert_allclose(found, frozen.predict(make_docs(words))[0], atol=1e-6)
        assert_allclose(found, make_encoder(tiny_bert).predict(make_docs(words))[0], atol=1e-6)


def test_predictions_alone_remember_nothing(tiny_bert, reads):
    frozen = make_encoder(tiny_bert, frozen=True)
    for _ in range(3):
        frozen.predict(make_docs(*TEXTS))
    assert reads == [TEXTS] * 3 and frozen.shims[0].cache is None


def test_sentence_boundaries_and_blanks_are_part_of_a_doc():
    words = ["the", "group", "the", "group"]
    docs = [
        Doc(VOCAB, words=words),
        Doc(VOCAB, words=words, sent_starts=[True, False, True, False]),
        Doc(VOCAB, words=words, spaces=[True, False, True, True]),
    ]
    cache = VectorCache()
    sizes = {id(doc): i for i, doc in enumerate(docs)}

    def read(new):
        return [np.full((len(doc), 2), sizes[id(doc)], dtype="f") for doc in new]

    assert [v[0, 0] for v in cache.vectors(docs, read)] == [0, 1, 2]
    assert len(cache) == 3 and cache.n_bytes == 3 * 4 * 2 * 4
    assert [v[0, 0] for v in cache.vectors(docs[::-1], lambda new: 1 / 0)] == [2, 1, 0]


def test_a_full_cache_keeps_what_it_has(tiny_bert, reads):
    frozen = make_encoder(tiny_bert, frozen=True)
    frozen.shims[0].cache = VectorCache(max_bytes=4 * 16 * 4)  # the first of the texts fits
    first, second, _ = frozen.predict(make_docs(*TEXTS))
    # Alone a text may be rounded otherwise than beside others.
    (alone,) = make_encoder(tiny_bert).predict(make_docs(TEXTS[2]))
    reads.pop()
    for found, wanted in zip(frozen.predict(make_docs(*TEXTS)), (first, second, alone), strict=True):
        assert_allclose(found, wanted)
    assert reads == [TEXTS, [TEXTS[2]]]


def test_copies_begin_empty(tiny_bert):
    frozen = make_encoder(tiny_bert, frozen=True)
    frozen(make_docs(*TEXTS), True)
    cache = frozen.shims[0].cache
    assert len(cache) == 3
    for other in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert len(other) == other.n_bytes == 0 and other.max_bytes == cache.max_bytes


@pytest.mark.parametrize("change", ["load", "quantise"])
def test_other_weights_are_read_anew(tiny_bert, change):
    frozen = make_encoder(tiny_bert, frozen=True)
    before = frozen(make_docs(*TEXTS), True)[0]
    if change == "load":
        other = make_encoder(tiny_bert)
        for weight in other.shims[0].module.parameters():
            weight.data += 0.1
        frozen.from_bytes(other.to_bytes())
    else:
        frozen.shims[0].quantise()
    after = frozen.predict(make_docs(*TEXTS))
    assert any((x != y).any() for x, y in zip(before, after))


def test_a_training_changes_the_head_alone_and_reads_each_doc_once(make_nlp, tiny_bert, reads):
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 32}
    tok2vec.update(max_word_pieces=4, frozen=True)
    nlp = make_nlp(tok2vec=tok2vec)
    (layer,) = encoder_layers(nlp)
    before = {name: w.clone() for name, w in layer.shims[0].module.state_dict().items()}
    head = nlp.get_pipe("ssner").model.to_bytes()
    doc = nlp.make_doc("APT29 used Mimikatz against Acme Corp in Kyiv.")
    example = Example.from_dict(doc, {"entities": [(0, 5, "HackOrg"), (11, 19, "Tool")]})
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    reads.clear()
    losses = [nlp.update([example], sgd=optimizer)["ssner"] for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]
    assert len(reads) == 1
    after = layer.shims[0].module.state_dict()
    assert set(after) == set(before) and all((after[name] == before[name]).all() for name in before)
    assert nlp.get_pipe("ssner").model.to_bytes() != head


def weights_of(layer):
    return [weight.clone() for weight in layer.shims[0].module.parameters()]


def same(one, other):
    return all(bool((x == y).all()) for x, y in zip(one, other, strict=True))


@pytest.fixture
def head_first(make_nlp, tiny_bert):
    """A pipeline whose encoder learns from the fourth update on, its encoder layer, and an example."""
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 32}
    tok2vec.update(max_word_pieces=4, frozen_steps=3)
    nlp = make_nlp(tok2vec=tok2vec)
    doc = nlp.make_doc("APT29 used Mimikatz against Acme Corp in Kyiv.")
    example = Example.from_dict(doc, {"entities": [(0, 5, "HackOrg"), (11, 19, "Tool")]})
    return nlp, encoder_layers(nlp)[0], example


def test_the_encoder_learns_after_its_frozen_steps(head_first, reads):
    nlp, layer, example = head_first
    before, optimizer = weights_of(layer), nlp.resume_training()
    reads.clear()
    for _ in range(3):
        nlp.update([example], sgd=optimizer)
        nlp.evaluate([example])
    assert same(before, weights_of(layer))
    assert len(reads) == 2  # the evaluation after the third reads for itself
    nlp.update([example], sgd=optimizer)
    assert not same(before, weights_of(layer)) and layer.shims[0].cache is None
    nlp.update([example], sgd=optimizer)
    assert len(reads) == 4


def test_gradients_of_several_batches_make_one_step(head_first):
    nlp, layer, example = head_first
    before, optimizer = weights_of(layer), nlp.resume_training()
    for _ in range(3):
        for _ in range(2):
            nlp.update([example], sgd=False)
        nlp.get_pipe("ssner").finish_update(optimizer)
    assert same(before, weights_of(layer))
    nlp.update([example], sgd=optimizer)
    assert not same(before, weights_of(layer))


def test_a_loaded_pipeline_has_had_its_frozen_steps(head_first, tmp_path):
    nlp, _, example = head_first
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    (layer,) = encoder_layers(loaded)
    before = weights_of(layer)
    loaded.update([example], sgd=loaded.resume_training())
    assert not same(before, weights_of(layer))
    optimizer = loaded.initialize(lambda: [example])  # a head from random weights again
    before = weights_of(layer)
    loaded.update([example], sgd=optimizer)
    assert same(before, weights_of(layer))


def test_frozen_steps_below_zero_are_refused(tiny_bert):
    with pytest.raises(ValueError, match="S104.*frozen_steps"):
        build_hf_encoder(str(tiny_bert), frozen_steps=-1)


@pytest.mark.parametrize(
    "training,warns",
    [
        ({"max_steps": 3}, True),
        ({"max_steps": 4}, False),
        ({"max_steps": 0, "optimizer": {"learn_rate": {"total_steps": 2}}}, True),
        ({"max_steps": 0, "optimizer": {"learn_rate": {"total_steps": "${training.dev}"}}, "dev": 2}, True),
        ({"optimizer": {"learn_rate": 0.001}}, False),
        ({}, False),
    ],
)
def test_an_encoder_that_would_never_learn_is_told(head_first, training, warns):
    nlp, _, example = head_first
    nlp.config["training"].update({"max_steps": 0, **training})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        nlp.initialize(lambda: [example])
    assert any("SW106" in str(w.message) for w in told) == warns


def warned(action):
    """Codes of the warnings that something gives."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        action()
    return [str(w.message)[1:6] for w in told]


@pytest.mark.parametrize(
    "head_steps,expected",
    [
        (3, []),
        (2, ["SW107"]),
        (5, ["SW107"]),
        (0, []),  # one slope for head and encoder
    ],
)
def test_a_rate_whose_second_slope_begins_elsewhere_than_the_encoder_is_told(
    head_steps, expected, head_first
):
    nlp, _, example = head_first
    rate = {"@schedules": "spacy-ssner.head_first.v1", "initial_rate": 0.001, "warmup_steps": 1}
    rate.update(head_steps=head_steps, total_steps=9)
    nlp.config["training"].update({"max_steps": 9, "optimizer": {"learn_rate": rate}})
    assert warned(lambda: nlp.initialize(lambda: [example])) == expected


@pytest.mark.parametrize(
    "max_steps,head_steps,expected",
    [(3, 3, []), (2, 3, ["SW106"]), (3, 2, ["SW106"]), (3, 0, ["SW106"])],
)
def test_a_training_of_the_head_alone_says_so_by_head_steps(max_steps, head_steps, expected, head_first):
    nlp, _, example = head_first
    rate = {"@schedules": "spacy-ssner.head_first.v1", "initial_rate": 0.001, "warmup_steps": 1}
    rate.update(head_steps=head_steps, total_steps=9)
    nlp.config["training"].update({"max_steps": max_steps, "optimizer": {"learn_rate": rate}})
    assert warned(lambda: nlp.initialize(lambda: [example])) == expected


def test_a_loaded_encoder_is_not_told_to_wait(head_first, make_nlp, tmp_path):
    nlp, _, example = head_first
    nlp.to_disk(tmp_path)
    nlp.add_pipe("ssner", source=spacy.load(tmp_path), name="loaded")
    nlp.remove_pipe("ssner")
    nlp.add_pipe("ssner", name="new")
    nlp.config["training"]["max_steps"] = 2
    assert warned(lambda: nlp.get_pipe("new").initialize(lambda: [example], nlp=nlp)) == []
