"""Batches keep every doc, in order, within their bounds."""

import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_ssner.streams import batches_by_words

VOCAB = spacy.blank("en").vocab


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 6), st.integers(1, 20))
def test_batches(lengths, n_docs, n_words):
    docs = [Doc(VOCAB, words=["x"] * n) for n in lengths]
    batches = list(batches_by_words(iter(docs), n_docs=n_docs, n_words=n_words))
    assert [id(doc) for batch in batches for doc in batch] == [id(doc) for doc in docs]
    for batch, following in zip(batches, [*batches[1:], None]):
        total = sum(map(len, batch))
        assert 1 <= len(batch) <= n_docs and (total <= n_words or len(batch) == 1)
        if following is not None:  # nothing else would have fitted
            assert len(batch) == n_docs or total + len(following[0]) > n_words
