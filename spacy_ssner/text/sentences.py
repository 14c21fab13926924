"""Where sentences begin in several texts at once: punctuation, empty lines, and line breaks that are meant."""

from typing import Sequence

import numpy as np

from .layout import line_starts, word_looks
from .windows import BLANK_LINE, NEW_LINE, ORDINARY, SPACE, boundary_kinds, sentence_starts

# Put between two texts, so that neither has a part in the other's sentences: an empty line, a word, an empty line.
SEPARATOR = np.array([BLANK_LINE, ORDINARY, BLANK_LINE], dtype=np.int8)


def text_sentence_starts(
    words: Sequence[str], word_index: np.ndarray, blanks: np.ndarray, text_lengths: Sequence[int]
) -> np.ndarray:
    """First tokens of sentences over all tokens of some texts: (N,) bool. What begins a text always is one.

    words (Sequence[str]): Different words. word_index (np.ndarray): (N,) which of them each token is.
    blanks (np.ndarray): (N,) bool, whether a blank follows the token. text_lengths: Tokens of each text.

    All texts go through the rules together, since many short calls of numpy take ten times as long.
    """
    word_kinds = boundary_kinds(words)
    kinds = word_kinds[word_index]
    ends = np.cumsum(text_lengths, dtype=np.int64)
    between = ends[:-1]
    where = np.repeat(between, len(SEPARATOR))
    all_kinds = np.insert(kinds, where, np.tile(SEPARATOR, len(between)))
    all_blanks = np.insert(blanks, where, False)
    starts = sentence_starts(all_kinds, all_blanks)
    if (word_kinds == NEW_LINE).any():
        looks = np.insert(word_looks(words)[word_index], where, 0)
        lengths = np.fromiter((len(word) for word in words), dtype=np.int64, count=len(words))
        starts |= line_starts(all_kinds, looks, np.insert(lengths[word_index], where, 0), all_blanks)
    own = np.ones(len(starts), dtype=bool)
    own[where + np.arange(len(where))] = False
    return _begin_texts(starts[own], kinds, ends, np.asarray(text_lengths))


def _begin_texts(starts: np.ndarray, kinds: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Let each text begin with its first token; white space there goes with the first word."""
    first = (ends - lengths)[lengths > 0]
    for begin, end in zip(first, ends[lengths > 0]):
        if kinds[begin] >= SPACE:
            words = np.flatnonzero(kinds[begin:end] < SPACE)
            starts[begin + words[:1]] = False
    starts[first] = True
    return starts
