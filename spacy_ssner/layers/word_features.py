"""Docs in, arrays of words, characters and similar-word rows out. Each different word is looked at once."""

from dataclasses import replace
from typing import List, Optional, Protocol, Sequence, Tuple

import numpy as np
from spacy.tokens import Doc

from ..text.sentences import text_sentence_starts
from ..text.windows import make_windows
from ..types import Windows, WordFeatures


class LooksUpSimilarWords(Protocol):
    """What is needed of a SimilarWordTable here."""

    def look_up(self, words: Sequence[str]) -> Tuple[np.ndarray, np.ndarray]:
        """Own row (n,) and rows of the similar words (n, k), -1 = none."""


class FindsNames(Protocol):
    """What is needed of a Lexicon here."""

    def features(self, words: Sequence[str], word_index: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        """(N, 2 * categories) bool: where names begin and go on."""


def distinct_words(docs: Sequence[Doc]) -> Tuple[List[str], np.ndarray]:
    """The different words of some docs, in any order, and for each of all N tokens which of them it is: (N,) int64."""
    if not any(len(doc) for doc in docs):
        return [], np.zeros(0, dtype=np.int64)
    orths = np.concatenate([doc.to_array("ORTH") for doc in docs if len(doc)])
    unique, index = np.unique(orths, return_inverse=True)
    stores = list({id(doc.vocab): doc.vocab.strings for doc in docs}.values())  # docs of several pipelines
    words = [next(strings[orth] for strings in stores if orth in strings) for orth in unique.tolist()]
    return words, index.astype(np.int64)


def doc_sentence_starts(docs: Sequence[Doc], words: Sequence[str], word_index: np.ndarray) -> np.ndarray:
    """First tokens of sentences over all tokens of some docs: (N,) bool.

    words, word_index: See `distinct_words`.

    A doc's own sentence boundaries are used where it has them (a start behind its first token, or a mark on every
    token), rules for punctuation and layout elsewhere, save where a token is marked as no start.
    """
    lengths = [len(doc) for doc in docs]
    marks = [doc.to_array("SENT_START").astype(np.int64) for doc in docs]  # 1 a start, -1 none, 0 unknown
    own = [bool((m[1:] == 1).any() or (len(m) > 1 and (m[1:] != 0).all())) for m in marks]
    if all(own):
        starts = np.zeros(sum(lengths), dtype=bool)
    else:
        blanks = np.concatenate([doc.to_array("SPACY") for doc in docs]).astype(bool)
        starts = text_sentence_starts(words, word_index, blanks, lengths)
    first = 0
    for mark, has_starts in zip(marks, own):
        here = starts[first : first + len(mark)]
        here[:] = mark == 1 if has_starts else here & (mark != -1)
        here[:1] = True
        first += len(mark)
    return starts


def head_windows(starts: np.ndarray, is_space: np.ndarray, *, max_tokens: int) -> Windows:
    """Sentences as windows of the head, which reads words and no white space: a line that is wrapped, or a doubled
    blank, changes nothing. One of more than `max_tokens` words is cut, with an eighth of that as context on both sides.

    starts (np.ndarray): (N,) bool, first tokens of sentences. is_space (np.ndarray): (N,) bool, white space tokens.
    """
    places = np.flatnonzero(~is_space)  # (n_words,)
    sentence = np.cumsum(starts)[places]
    begins = np.diff(sentence, prepend=0) > 0
    ones = np.ones(len(places), dtype=np.int64)
    windows = make_windows(begins, ones, max_weight=max_tokens, context=max_tokens // 8)
    return replace(windows, index=places[windows.index], n_tokens=len(starts))


def word_features(
    words: Sequence[str],
    word_index: np.ndarray,
    *,
    max_chars: int = 0,
    table: Optional[LooksUpSimilarWords] = None,
    lexicon: Optional[FindsNames] = None,
    lengths: Sequence[int] = (),
) -> WordFeatures:
    """Characters and similar words of each different word, and the listed names that its tokens are part of.

    words, word_index: See `distinct_words`.
    max_chars (int): Longest word in characters, 0 for none; see `char_ids`.
    table (Optional[LooksUpSimilarWords]): Where similar words come from.
    lexicon (Optional[FindsNames]): Where names come from; needs `lengths`, the tokens of each doc.
    """
    if table is None:
        own, rows = np.full(len(words), -1, dtype=np.int64), np.full((len(words), 1), -1, dtype=np.int64)
    else:
        own, rows = (np.asarray(x, dtype=np.int64) for x in table.look_up(words))
    names = None if lexicon is None else lexicon.features(words, word_index, lengths)
    return WordFeatures(word_index, char_ids(words, max_chars=max_chars), own, rows, names)


def char_ids(words: Sequence[str], *, max_chars: int) -> np.ndarray:
    """Characters as numbers 1..255, 0 = padding: (n_words, at most max_chars) int64.

    ASCII keeps its own place; other characters share 127 places by code point. A longer word keeps its
    beginning and its end, since names differ there (`Trojan.Win32....Agent`).

    UNSTATED: the paper does not say how long words are handled.
    """
    head, tail = max_chars - max_chars // 2, max_chars // 2
    kept = [word if len(word) <= max_chars else word[:head] + word[len(word) - tail :] for word in words]
    width = max((len(word) for word in kept), default=0)
    result = np.zeros((len(words), width), dtype=np.int64)
    if width == 0:
        return result
    lengths = np.fromiter((len(word) for word in kept), dtype=np.int64, count=len(kept))
    points = np.frombuffer("".join(kept).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ids = np.where(points < 128, points + 1, 129 + points % 127).astype(np.int64)
    result[np.arange(width)[None] < lengths[:, None]] = ids
    return result
