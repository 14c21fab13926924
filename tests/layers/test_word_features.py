"""Words, characters, sentence starts and similar-word rows of docs."""

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from spacy.tokens import Doc

from spacy_ssner.layers.word_features import (
    char_ids,
    distinct_words,
    doc_sentence_starts,
    head_windows,
    word_features,
)

VOCAB = spacy.blank("en").vocab
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates too


class Table:
    """Knows two words; counts how often it is asked."""

    def __init__(self):
        self.asked = []

    def look_up(self, words):
        self.asked.append(list(words))
        own = [{"apt28": 0, "emotet": 1}.get(word, -1) for word in words]
        return np.array(own, dtype=np.int32), np.array([[row, -1, 2] for row in own], dtype=np.int32)


def make_docs(*texts):
    return [Doc(VOCAB, words=list(words)) for words in texts]


def starts_of(docs):
    words, index = distinct_words(docs)
    return np.flatnonzero(doc_sentence_starts(docs, words, index)).tolist()


@given(st.lists(st.lists(st.sampled_from(["a", "b", "APT28", "\n", ".", "é"]), max_size=6), max_size=5))
def test_distinct_words_lead_back_to_the_tokens(texts):
    words, index = distinct_words(make_docs(*texts))
    assert len(set(words)) == len(words)
    assert [words[i] for i in index] == [word for text in texts for word in text]
    assert index.dtype == np.int64


def test_docs_of_two_vocabs_in_one_batch():
    other = Doc(spacy.blank("en").vocab, words=["unseen", "a"])
    words, index = distinct_words([*make_docs(["a", "elsewhere"]), other])
    assert [words[i] for i in index] == ["a", "elsewhere", "unseen", "a"]


@pytest.mark.parametrize("docs", [[], make_docs([]), make_docs([], [])])
def test_no_words(docs):
    words, index = distinct_words(docs)
    assert words == [] and len(index) == 0
    assert doc_sentence_starts(docs, words, index).shape == (0,)
    features = word_features(words, index, max_chars=8, table=Table())
    assert features.char_ids.shape == (0, 0) and features.own_row.shape == (0,)
    nothing = np.zeros(0, dtype=bool)
    assert len(head_windows(nothing, nothing, max_tokens=8).lengths) == 0


def test_every_doc_begins_a_sentence_and_punctuation_does_not_reach_over_docs():
    assert starts_of(make_docs(["a", "."], ["b", "c"], [], [")", "d"], ["e"])) == [0, 2, 4, 6]
    assert starts_of(make_docs(["a", ".", "b"], ["\n"], ["-", "c"])) == [0, 2, 3, 4]


def test_a_docs_own_boundaries_win():
    own = Doc(VOCAB, words=["a", ".", "b", "c"], sent_starts=[True, False, False, True])
    rule = Doc(VOCAB, words=["a", ".", "b", "c"])
    assert starts_of([own, rule]) == [0, 3, 4, 6]


def test_a_doc_whose_first_token_is_not_marked_begins_a_sentence_all_the_same():
    doc = Doc(VOCAB, words=["a", "b", "c"], sent_starts=[False, False, True])
    assert starts_of([doc, doc]) == [0, 2, 3, 5]


def test_head_windows_hold_at_most_max_tokens():
    starts = np.zeros(50, dtype=bool)
    starts[[0, 10]] = True
    windows = head_windows(starts, ~starts & False, max_tokens=16)
    assert windows.lengths[0] == 10 and windows.lengths.max() <= 16
    assert windows.index[windows.core].tolist() == list(range(50))
    assert len(windows.index) > 50  # context on both sides of a cut


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_head_windows_hold_the_words_of_each_sentence_and_no_white_space(tokens):
    starts, is_space = (np.array([token[i] for token in tokens], dtype=bool) for i in (0, 1))
    starts[:1] = True
    windows = head_windows(starts, is_space, max_tokens=100)
    sentences = [s for s in np.split(np.arange(len(tokens)), np.flatnonzero(starts)[1:]) if len(s)]
    words = [s[~is_space[s]].tolist() for s in sentences]
    found = [window.tolist() for window in np.split(windows.index, windows.starts[1:]) if len(window)]
    assert found == [s for s in words if s]
    assert windows.n_tokens == len(tokens) and windows.core.all()


def test_each_different_word_is_looked_up_once():
    table = Table()
    words, index = distinct_words(make_docs(["emotet", "by", "apt28"], ["apt28", "by"]))
    features = word_features(words, index, table=table)
    assert table.asked == [words] and len(words) == 3
    assert [features.own_row[i] for i in features.word_index] == [1, -1, 0, 0, -1]
    assert features.similar_rows.dtype == features.own_row.dtype == np.int64
    assert_array_equal(features.similar_rows, [[row, -1, 2] for row in features.own_row])
    assert features.char_ids.shape == (3, 0)


def test_without_a_table_no_word_has_similar_ones():
    features = word_features(["a", "b"], np.array([0, 1]), max_chars=4)
    assert (features.own_row == -1).all() and (features.similar_rows == -1).all()
    assert features.similar_rows.shape == (2, 1) and features.char_ids.shape == (2, 1)


def test_ascii_characters_keep_apart():
    ids = char_ids([chr(i) for i in range(128)], max_chars=4)
    assert ids[:, 0].tolist() == list(range(1, 129))


def test_a_long_word_keeps_its_beginning_and_its_end():
    def same(one, other, max_chars):
        return (
            char_ids([one], max_chars=max_chars).tolist() == char_ids([other], max_chars=max_chars).tolist()
        )

    assert same("abcXXXXyz", "abcyz", 5) and not same("abcXXXXyz", "abcXXXXzz", 5)
    assert same("abXXXXyz", "abyz", 4)
    assert same("Trojan", "T", 1)
    assert char_ids(["abcde"], max_chars=5).shape == (1, 5)


@given(words=st.lists(ANY_TEXT, max_size=6), max_chars=st.integers(0, 12))
def test_ids_are_legal_for_any_text(words, max_chars):
    ids = char_ids(words, max_chars=max_chars)
    lengths = [min(len(word), max_chars) for word in words]
    assert ids.shape == (len(words), max(lengths, default=0)) and ids.dtype == np.int64
    for row, length in zip(ids, lengths):
        assert ((row[:length] >= 1) & (row[:length] <= 255)).all() and (row[length:] == 0).all()


@given(words=st.lists(ANY_TEXT, min_size=1, max_size=4), max_chars=st.integers(1, 8))
def test_ids_of_a_word_do_not_depend_on_its_neighbours(words, max_chars):
    together = char_ids(words, max_chars=max_chars)
    for word, row in zip(words, together):
        alone = char_ids([word], max_chars=max_chars)[0]
        assert row[: len(alone)].tolist() == alone.tolist()


def test_a_token_that_may_not_begin_a_sentence_leaves_the_rules_on_elsewhere():
    doc = Doc(VOCAB, words="a b . C d . E f .".split())
    words, index = distinct_words([doc])
    assert doc_sentence_starts([doc], words, index).nonzero()[0].tolist() == [0, 3, 6]
    doc[3].is_sent_start = False
    assert doc_sentence_starts([doc], words, index).nonzero()[0].tolist() == [0, 6]
    for token in doc[1:]:
        token.is_sent_start = False
    assert doc_sentence_starts([doc], words, index).nonzero()[0].tolist() == [0]
