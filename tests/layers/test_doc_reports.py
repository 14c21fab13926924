"""Reports of what was read, against slow counting, for an encoder, a CNN and no tokens at all."""

import hashlib

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_ssner.layers.doc_reports import doc_reports, encoder_layer
from spacy_ssner.layers.hf_encoder import window_pieces
from spacy_ssner.layers.pieces import _cached_pieces, piece_counts
from spacy_ssner.layers.word_features import distinct_words, doc_sentence_starts
from spacy_ssner.types import DocReport

HASH = hashlib.sha256(b"0").hexdigest()
TEXTS = [
    "",
    "APT29 used Mimikatz.  \n\n The end.",
    " ",
    f"{HASH}\n{HASH}\n\nAPT29 used {HASH} against Acme Corp, {HASH[:20]} and others.",
    "the group " * 30,
    "\n\n",
    "one two three " * 4 + ". " + f"{HASH} " * 5,
]


@pytest.fixture(scope="module")
def encoder_nlp(make_nlp, tiny_bert):
    encoder = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 40}
    return make_nlp(
        "char_cnn", "bilstm", "similar_words", tok2vec={**encoder, "max_word_pieces": 8}, max_window=16
    )


def reports_of(nlp, docs):
    model = nlp.get_pipe("ssner").model
    return doc_reports(model, model.predict(docs), [len(doc) for doc in docs])


def slow_report(nlp, doc):
    """Token by token and sentence by sentence, by the parts themselves."""
    model = nlp.get_pipe("ssner").model
    words, index = distinct_words([doc])
    starts = doc_sentence_starts([doc], words, index)
    sentences = [s.tolist() for s in np.split(np.arange(len(doc)), np.flatnonzero(starts)[1:]) if len(s)]
    with_words = [[i for i in s if not doc[i].is_space] for s in sentences]
    node = encoder_layer(model)
    module = node.shims[0].module
    n_pieces = [
        0 if t.is_space else max(1, len(module.tokenizer.encode(t.text, add_special_tokens=False)))
        for t in doc
    ]
    read = [min(n, 8) for n in n_pieces]
    long = [max(len(t) - 12, 0) for t in doc]  # max_chars of the small model
    pieces = _cached_pieces(module, words, max_pieces=8)
    windows = window_pieces(pieces, index, starts, max_pieces=38)[1] if len(doc) else []
    return DocReport(
        tokens=len(doc),
        white_space=sum(t.is_space for t in doc),
        sentences=sum(s != [] for s in with_words),
        windows=len(model.predict([doc]).windows.lengths) if len(doc) else 0,
        cut_sentences=sum(len(s) > 16 for s in with_words),
        no_vector=sum(n == 0 for n in n_pieces),
        no_vector_words=0,
        pieces=sum(read),
        encoder_windows=len(windows),
        cut_for_pieces=sum(sum(read[i] for i in s) > 38 for s in sentences),
        truncated_words=sum(n > 8 for n in n_pieces),
        lost_pieces=sum(n_pieces) - sum(read),
        long_words=sum(n > 0 for n in long),
        lost_characters=sum(long),
        no_similar_words=0,  # see a test of its own
    )


def test_reports_equal_slow_counting(encoder_nlp):
    docs = [encoder_nlp.make_doc(text) for text in TEXTS]
    found = reports_of(encoder_nlp, docs)
    for doc, report in zip(docs, found):
        expected = vars(slow_report(encoder_nlp, doc))
        assert {**vars(report), "no_similar_words": 0} == expected, doc.text
    assert found[3].truncated_words == 4 and found[3].lost_pieces > 3 * 40
    assert found[4].cut_sentences == 1 and found[4].windows > 3 and found[4].cut_for_pieces == 1
    assert found[0].losses == found[1].losses == {}
    assert set(found[3].losses) == {"truncated_words", "long_words", "cut_for_pieces"}


def test_docs_do_not_change_each_other(encoder_nlp):
    docs = [encoder_nlp.make_doc(text) for text in TEXTS]
    assert reports_of(encoder_nlp, docs) == [reports_of(encoder_nlp, [doc])[0] for doc in docs]


@given(st.lists(st.sampled_from(["the", HASH, " ", "\n", "\n\n", ".", "malware", "x" * 13]), max_size=60))
@settings(max_examples=30)
def test_windows_of_the_encoder_are_those_it_makes(encoder_nlp, words):
    doc = Doc(encoder_nlp.vocab, words=words)
    (report,) = reports_of(encoder_nlp, [doc])
    assert {**vars(report), "no_similar_words": 0} == vars(slow_report(encoder_nlp, doc))


def test_words_without_similar_words(encoder_nlp):
    doc = encoder_nlp.make_doc("APT29 used nonsense .\n\n")
    assert len(doc) == 5
    (report,) = reports_of(encoder_nlp, [doc])
    assert report.no_similar_words == 2  # nonsense and the full stop; white space needs none


def test_a_cnn_has_no_pieces(make_nlp):
    nlp = make_nlp("bilstm")
    (report,) = reports_of(nlp, [nlp.make_doc("APT29 used Mimikatz\n\n.")])
    assert encoder_layer(nlp.get_pipe("ssner").model) is None
    assert (report.tokens, report.white_space, report.sentences, report.no_vector) == (5, 1, 2, 0)
    for name in (
        "pieces",
        "encoder_windows",
        "truncated_words",
        "cut_for_pieces",
        "long_words",
        "no_similar_words",
    ):
        assert getattr(report, name) is None


def test_a_listener_has_no_pieces(tiny_model, make_examples):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": tiny_model()["tok2vec"]})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"}
    nlp.add_pipe("ssner", config={"model": tiny_model("char_cnn", tok2vec=listener)})
    nlp.initialize(lambda: make_examples(nlp))
    doc = nlp("APT29 used InternationalisationLayer.")
    report = doc._.ssner_report
    assert (report.tokens, report.pieces, report.long_words, report.lost_characters) == (4, None, 1, 13)


def test_no_tokens_at_all(encoder_nlp, make_nlp):
    (report,) = reports_of(encoder_nlp, [encoder_nlp.make_doc("")])
    assert set(vars(report).values()) == {0}
    plain = make_nlp("bilstm")
    (report,) = reports_of(plain, [plain.make_doc("")])
    assert report.tokens == 0 and report.pieces is None


def test_words_without_a_vector_are_found(make_nlp):
    """A token whose vector is zero, whatever made it: as spacy-transformers does with what falls out of its windows."""
    nlp = make_nlp("bilstm")
    model = nlp.get_pipe("ssner").model
    tok2vec, forward = model.get_ref("tok2vec"), model.get_ref("tok2vec")._func

    def lossy(layer, docs, is_train):
        vectors, backprop = forward(layer, docs, is_train)
        return [v * (np.arange(len(v)) != 1)[:, None] for v in vectors], backprop

    tok2vec._func = lossy
    found = reports_of(nlp, [nlp.make_doc("APT29 used Mimikatz"), nlp.make_doc("It \n x")])
    assert [(r.no_vector, r.no_vector_words) for r in found] == [(1, 1), (1, 0)]
    assert [r.losses for r in found] == [{"no_vector_words": 1}, {}]


def test_piece_counts(encoder_nlp):
    node = encoder_layer(encoder_nlp.get_pipe("ssner").model)
    read, full, limit = piece_counts(node, ["the", HASH, " ", "x" * 8, "x" * 9])
    assert limit == 38 and read.tolist() == [1, 8, 0, 8, 8]
    assert full.tolist() == [1, 64, 0, 8, 9]


def test_while_training_nothing_is_kept(encoder_nlp):
    model = encoder_nlp.get_pipe("ssner").model
    doc = spacy.blank("en").make_doc("APT29")
    scores, _ = model.begin_update([doc])
    assert scores.reading is None
