"""The words of a batch of word pieces, as arrays. Pure arithmetic, numpy only.

Letters: B rows, T columns of a batch; P maskable pieces; W words; S stretches; K longest length.
"""

from dataclasses import dataclass
from typing import Tuple

import numpy as np

from ..errors import Errors


@dataclass(frozen=True)
class Words:
    """The maskable words of a batch in reading order, and the stretches they form.

    A stretch is a run of words of one row without a special token or padding in between; a segment lies
    inside one stretch.

    pieces (np.ndarray): (P,) int64, ascending. The place of each maskable piece in the flattened batch.
    word_of_piece (np.ndarray): (P,) int64. The word of each of them.
    n_pieces (np.ndarray): (W,) int64, each >= 1; their sum is P.
    n_left (np.ndarray): (W,) int64, each >= 1. Words from this one to the end of its stretch, itself included.
    stretch (np.ndarray): (W,) int64, 0 <= stretch < S, ascending. The stretch of each word.
    """

    pieces: np.ndarray
    word_of_piece: np.ndarray
    n_pieces: np.ndarray
    n_left: np.ndarray
    stretch: np.ndarray


def find_words(word_ids: np.ndarray) -> Words:
    """Find the words of a batch and their pieces.

    word_ids (np.ndarray): (B, T) ints. The number of each piece's word, ascending within a row; -1 for
        special tokens and padding.
    RAISES (ValueError): S243 if word numbers fall within a row, so that a word's pieces may not be adjacent.
    """
    before = np.full_like(word_ids, -1)
    before[:, 1:] = word_ids[:, :-1]
    flat, before = word_ids.ravel(), before.ravel()
    pieces = np.flatnonzero(flat >= 0)
    numbers, starts = flat[pieces], flat[pieces] != before[pieces]
    row = pieces // max(word_ids.shape[1], 1)
    falls = (numbers[1:] < numbers[:-1]) | (starts[1:] & (numbers[1:] == numbers[:-1]))
    if (falls & (row[1:] == row[:-1])).any():
        expected = "word numbers that rise along a row, the pieces of a word side by side"
        raise ValueError(Errors.S243.format(expected=expected, got="a word number that comes back or falls"))
    opens = before[pieces[starts]] < 0
    stretch = np.cumsum(opens) - 1
    ends = np.append(np.flatnonzero(opens)[1:], len(opens))
    word_of_piece = np.cumsum(starts) - 1
    n_left = ends[stretch] - np.arange(len(opens)) if len(opens) else np.zeros(0, dtype=np.int64)
    return Words(pieces, word_of_piece, np.bincount(word_of_piece), n_left, stretch)


def expected_pieces(words: Words, max_length: int) -> np.ndarray:
    """Mean number of pieces of a segment of 1, ..., max_length words, over all places it fits into.

    max_length (int): From 1 to the longest stretch, in words.
    RETURNS (np.ndarray): (max_length,) float64, each >= 1.
    """
    # With c the running sum of pieces, a segment [s, s + k) has c[s + k] - c[s]; the sum over all s of a
    # stretch [a, e) is a difference of running sums of c.
    sums = np.concatenate([[0], np.cumsum(words.n_pieces)])
    sums_of_sums = np.concatenate([[0], np.cumsum(sums)])
    start = np.flatnonzero(np.diff(words.stretch, prepend=-1))  # (S,)
    end = start + words.n_left[start]
    length = np.arange(1, max_length + 1)[:, None]
    n_places = np.maximum(end - start - length + 1, 0)  # (K, S)
    last = start + n_places  # behind the last place; with none, both differences are taken as 0
    first_end = np.where(n_places > 0, start + length, end + 1)
    total = sums_of_sums[end + 1] - sums_of_sums[first_end] - (sums_of_sums[last] - sums_of_sums[start])
    return total.sum(axis=1) / n_places.sum(axis=1)


def ranges(starts: np.ndarray, sizes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Integers of several ranges, one behind the other: starts (4, 9), sizes (2, 3) -> 4 5 9 10 11.

    RETURNS (Tuple[np.ndarray, np.ndarray]): The integers (sum of sizes,), and where each range begins (N,).
    """
    offsets = np.cumsum(sizes) - sizes
    return np.repeat(starts - offsets, sizes) + np.arange(int(sizes.sum())), offsets
