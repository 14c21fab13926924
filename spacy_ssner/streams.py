"""Docs of a stream in batches: many short ones, few long ones."""

from typing import Iterable, Iterator, List

from spacy.tokens import Doc

WORDS_AT_ONCE = 16_384  # sentences of like length meet in a batch of so many words; more only takes memory


def batches_by_words(
    stream: Iterable[Doc], *, n_docs: int, n_words: int = WORDS_AT_ONCE
) -> Iterator[List[Doc]]:
    """Batches of at most `n_docs` docs and `n_words` tokens, in order; a doc with more tokens is alone in its batch.

    >>> nlp = spacy.blank("en")
    >>> [len(batch) for batch in batches_by_words(nlp.pipe(["a b", "c d", "e", "f g h i"]), n_docs=9, n_words=3)]
    [1, 2, 1]
    """
    batch: List[Doc] = []
    total = 0
    for doc in stream:
        if batch and (len(batch) >= n_docs or total + len(doc) > n_words):
            yield batch
            batch, total = [], 0
        batch.append(doc)
        total += len(doc)
    if batch:
        yield batch
