"""Docs as labelled rows of pieces: against the tokenizer asked word by word, and there and back again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_ssner.evaluation.metrics import score_entities
from spacy_ssner.labels import tag_names, tags_to_spans
from spacy_ssner.nn.encoder_loading import load_encoder
from spacy_ssner.pretraining.labelled_rows import begin_anew, label_docs, read_labelled
from spacy_ssner.pretraining.masking import IGNORED

TAGS = tag_names(["Area", "HackOrg", "Malware", "Org", "Tool"])
TAG_IDS = {tag: i for i, tag in enumerate(TAGS)}


@pytest.fixture(scope="module", params=["tiny_bert", "tiny_roberta"])
def encoder(request):
    return load_encoder(str(request.getfixturevalue(request.param)), max_padded=1024)


@pytest.fixture(scope="module")
def label(encoder):
    def label(docs, *, max_pieces=64, max_word_pieces=8, tag_ids=TAG_IDS):
        return label_docs(docs, tag_ids, encoder, max_pieces=max_pieces, max_word_pieces=max_word_pieces)

    return label


def make_doc(words, *spans, missing=(), starts=None):
    doc = Doc(Vocab(), words=words, sent_starts=[i in (starts or [0]) for i in range(len(words))])
    blanks = [doc[i : i + 1] for i in missing]
    doc.set_ents([Span(doc, *span) for span in spans], missing=blanks, default="outside")
    return doc


def gold_tags(text):
    """Label of each word, from its row."""
    tags = np.full(len(text.tokens), -7)
    for row in text.rows:
        own = row["words"] >= 0
        tags[row["words"][own]] = row["labels"][own]
    return tags.tolist()


def test_a_row_equals_the_tokenizer_asked_word_by_word(label, encoder):
    words = ["the", "Lazarus", "group", "used", "malware", "."]
    (row,) = label([make_doc(words, (1, 3, "HackOrg"), (4, 5, "Malware"), missing=[5])]).rows
    ids, word_ids, labels, numbers = [encoder.settings["begin"]], [-1], [IGNORED], [-1]
    for i, (word, tag) in enumerate(zip(words, [0, TAG_IDS["B-HackOrg"], TAG_IDS["I-HackOrg"], 0,
                                                TAG_IDS["B-Malware"], IGNORED])):  # fmt: skip
        pieces = encoder.tokenizer.encode([word], is_pretokenized=True, add_special_tokens=False).ids[:8]
        rest = [IGNORED] * (len(pieces) - 1)
        ids += pieces
        word_ids += [i] * len(pieces)
        labels += [tag, *rest]
        numbers += [i, *([-1] * len(rest))]
    assert row["input_ids"].tolist() == [*ids, encoder.settings["end"]]
    assert row["word_ids"].tolist() == [*word_ids, -1]
    assert row["labels"].tolist() == [*labels, IGNORED]
    assert row["words"].tolist() == [*numbers, -1]


def test_long_words_keep_their_first_pieces_and_are_counted(label):
    words = ["the", "q" * 30, "the", "q" * 30]
    short, long = (label([make_doc(words)], max_word_pieces=n) for n in (4, 8))
    assert short.n_cut == long.n_cut == 2
    for text, n in ((short, 4), (long, 8)):
        (row,) = text.rows
        assert np.bincount(row["word_ids"][1:-1])[[1, 3]].tolist() == [n, n]
    (cut,), (whole,) = short.rows, long.rows
    assert (cut["input_ids"][cut["word_ids"] == 1] == whole["input_ids"][whole["word_ids"] == 1][:4]).all()


def test_sentences_are_rows_and_empty_docs_have_none(label):
    docs = [make_doc([]), make_doc(["the", "group", "used", "malware"], starts=[0, 2]), make_doc([])]
    text = label(docs)
    assert len(text.rows) == 2 and text.sentence_lengths.tolist() == [2, 2] and len(text.docs) == 3
    nothing = label([make_doc([]), make_doc(["  ", "\n"])])
    assert nothing.rows == () and len(nothing.tokens) == 0 and nothing.tag_counts.sum() == 0


def test_docs_without_boundaries_are_cut_by_punctuation(label):
    doc = Doc(Vocab(), words=["the", "group", ".", "used", "malware"])
    doc.set_ents([], default="outside")
    assert label([doc]).sentence_lengths.tolist() == [3, 2]


def test_white_space_is_no_word(label):
    doc = make_doc(["\n", "the", " ", "group", "  ", "used"], (1, 4, "HackOrg"), starts=[0, 4])
    text = label([doc])
    assert text.tokens.tolist() == [1, 3, 5]
    assert gold_tags(text) == [TAG_IDS["B-HackOrg"], TAG_IDS["I-HackOrg"], 0]
    (found,) = text.with_predictions(["B-HackOrg", "I-HackOrg", "B-Tool"])
    assert found.predicted == ((1, 4, "HackOrg"), (5, 6, "Tool"))


def test_types_that_are_not_known_count_as_not_annotated_but_stay_gold(label):
    text = label([make_doc(["the", "group", "used"], (0, 2, "Exp"))])
    assert gold_tags(text) == [IGNORED, IGNORED, 0] and text.docs[0].gold == ((0, 2, "Exp"),)
    assert score_entities(text.with_predictions(["O"] * 3)).micro.fn == 1


def test_tag_counts(label):
    text = label([make_doc(["the", "group", "used", "."], (0, 2, "Tool"), missing=[3]), make_doc(["the"])])
    expected = dict.fromkeys(TAGS, 0) | {"O": 2, "B-Tool": 1, "I-Tool": 1}
    assert dict(zip(TAGS, text.tag_counts.tolist())) == expected


def test_long_sentences_are_cut_with_context_and_each_word_is_labelled_once(label):
    words = ["the", "group", "used", "malware"] * 30
    text = label([make_doc(words, (40, 60, "Tool"))], max_pieces=40)
    assert len(text.rows) > 2 and text.sentence_lengths.tolist() == [120]
    assert all(len(row["input_ids"]) <= 40 for row in text.rows)
    numbers = np.concatenate([row["words"][row["words"] >= 0] for row in text.rows])
    assert sorted(numbers.tolist()) == list(range(120))
    assert gold_tags(text) == [0] * 40 + [TAG_IDS["B-Tool"]] + [TAG_IDS["I-Tool"]] * 19 + [0] * 60
    n_context = [len(set(row["word_ids"]) - {-1}) - (row["words"] >= 0).sum() for row in text.rows]
    assert sum(n_context) > 0


def test_an_entity_cut_by_a_sentence_begins_anew(label):
    text = label([make_doc(["the", "group", "used", "the"], (1, 4, "Tool"), starts=[0, 2])])
    assert gold_tags(text) == [0, TAG_IDS["B-Tool"], TAG_IDS["B-Tool"], TAG_IDS["I-Tool"]]


@given(st.lists(st.tuples(st.integers(-1, 4), st.booleans()), min_size=1, max_size=12))
def test_begin_anew_agrees_with_reading_the_spans(case):
    tags = np.array([IGNORED if tag < 0 else tag for tag, _ in case])
    starts = np.array([True, *(is_start for _, is_start in case[1:])])
    names = ["O" if tag == IGNORED else tag_names("XY")[tag] for tag in tags]
    expected = []
    for sentence in np.split(np.arange(len(tags)), np.flatnonzero(starts)[1:]):
        own = [names[i] for i in sentence]
        begins = {span.start for span in tags_to_spans(own)}
        expected += [int(tags[i]) - (name[0] == "I" and k in begins)
                     for k, (i, name) in enumerate(zip(sentence, own))]  # fmt: skip
    assert begin_anew(tags, starts).tolist() == expected


def test_gold_tags_become_the_gold_entities_again(label, annotated_docs):
    docs = [annotated_docs[0], Doc(Vocab()), *annotated_docs[1:]]
    text = label(docs)
    scored = text.with_predictions([TAGS[tag] for tag in gold_tags(text)])
    assert [doc.predicted for doc in scored] == [doc.gold for doc in scored]
    assert score_entities(scored).micro.f1 == 1.0
    assert text.docs[0].predicted == ()  # a copy was filled


def test_reading(annotated_docs, write_spacy, tmp_path):
    write_spacy(tmp_path / "a.spacy", annotated_docs[:1])
    write_spacy(tmp_path / "b.spacy", annotated_docs[1:])
    docs = read_labelled(tmp_path, Vocab())
    assert [len(doc.ents) for doc in docs] == [4, 2, 0, 3]


@pytest.mark.parametrize("kind,code", [
    ("nothing", "S273"), ("damaged", "S235"), ("empty", "S272"), ("unannotated", "S275"), ("no entity", "S239"),
])  # fmt: skip
def test_files_that_are_no_use(kind, code, annotated_docs, write_spacy, tmp_path):
    path = tmp_path / "train.spacy"
    if kind == "damaged":
        path.write_bytes(b"not a DocBin")
    elif kind == "empty":
        write_spacy(path, [Doc(Vocab())])
    elif kind == "unannotated":
        write_spacy(path, [Doc(Vocab(), words=["the", "group"])])
    elif kind == "no entity":
        write_spacy(path, annotated_docs[2:3])
    with pytest.raises(ValueError, match=rf"\[{code}\].*train\.spacy"):
        read_labelled(path, Vocab())
