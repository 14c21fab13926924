"""Where masked segments lie in a batch: how many, how long, and a place for each. Pure arithmetic, numpy only.

Letters: B rows, T columns of a batch; P maskable pieces; W words; S stretches; K longest length of a law;
N segments.
"""

from dataclasses import dataclass
from typing import Tuple

import numpy as np

from ..errors import Errors
from .segments import LengthLaw, sample_lengths

N_ROUNDS = 4  # of placing all segments at once; after them about one in a hundred is left


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


def draw_segments(
    law: LengthLaw, words: Words, *, budget: float, rng: np.random.Generator
) -> Tuple[np.ndarray, int]:
    """Draw how many segments a batch gets and how long they are.

    budget (float): Share of the pieces to choose, in expectation exact for any size of batch.
    RETURNS (Tuple[np.ndarray, int]): (N,) int64 lengths in words, independent draws from the law; and how
        many of them were longer than the longest stretch and are cut to it.

    UNSTATED: how the number follows from the budget. Drawing until the budget is reached overshoots, and
    leaving out a segment that would overshoot, or does not fit its sentence, favours short ones. Here the
    segments lie one behind the other on a line of pieces, each as long as a segment of that many words is
    on average, and those that begin before `budget` are taken. The line begins inside a segment that is
    not counted (a renewal process in equilibrium), so the expected number of taken ones is exactly
    budget / mean. Whether one is taken depends on those before it only, not on itself, so the law holds
    (Wald's identity). A budget below one segment gives one sometimes.
    """
    if not len(words.n_left):
        return np.zeros(0, dtype=np.int64), 0
    longest = min(int(words.n_left.max()), len(law.probabilities))
    sizes = expected_pieces(words, longest)
    sizes = np.pad(sizes, (0, len(law.probabilities) - longest), mode="edge")  # (K,)
    target = budget * words.n_pieces.sum()
    chances = np.asarray(law.probabilities) * sizes
    # A point of the line falls into a segment in proportion to its size, and uniformly inside it.
    under_start = rng.choice(len(sizes), p=chances / chances.sum())
    begin = rng.random() * sizes[under_start]
    n_enough = int(target / sizes.min()) + 1
    drawn = sample_lengths(law, rng.random(n_enough))
    begins = begin + np.cumsum(sizes[drawn - 1]) - sizes[drawn - 1]
    drawn = drawn[: np.searchsorted(begins, target)]
    return np.minimum(drawn, longest), int((drawn > longest).sum())


@dataclass(frozen=True)
class Line:
    """The words of a batch as cells of a line, `gap` more cells behind each stretch; a segment of k words
    takes k + gap cells.

    cell (np.ndarray): (W,) int64. The cell of each word.
    n_cells (int): Of the whole line.
    gap (int): Words that stay free between two segments of a stretch, >= 0.
    by_room (np.ndarray): (W,) int64. All words, those with the most words left in their stretch first.
    n_places (np.ndarray): Entry k is the number of words with k words left: the first n_places[k] of
        `by_room` are the places of a segment of k words.
    """

    cell: np.ndarray
    n_cells: int
    gap: int
    by_room: np.ndarray
    n_places: np.ndarray


def lay_out(words: Words, gap: int) -> Line:
    """Make the line of some words, at least one."""
    cell = np.arange(len(words.stretch)) + gap * words.stretch
    by_room = np.argsort(-words.n_left, kind="stable")
    n_places = np.cumsum(np.bincount(words.n_left)[::-1])[::-1]
    return Line(cell, int(cell[-1]) + 1 + gap, gap, by_room, n_places)


def place_segments(
    lengths: np.ndarray, words: Words, *, gap: int, rng: np.random.Generator
) -> Tuple[np.ndarray, np.ndarray, int]:
    """Give each segment a place, uniformly among all places of the batch where it fits.

    lengths (np.ndarray): (N,) int64 in words, each between 1 and the longest stretch.
    gap (int): Words that stay free between two segments of a stretch, >= 0.
    RETURNS (Tuple[np.ndarray, np.ndarray, int]): First word of each segment (N,), its length (N,); and how
        many had to be shortened, or left out, because nothing of their length was free any more.

    UNSTATED: the order. The longest come first, as they have the fewest places. Where two collide, the
    later one is drawn again with the same length: leaving it out would favour short segments.
    """
    lengths = np.sort(lengths)[::-1]
    starts = np.full(len(lengths), -1)
    if not len(lengths):
        return starts, lengths, 0
    line = lay_out(words, gap)
    owner = np.full(line.n_cells, -1)
    waiting = np.arange(len(lengths))
    for _ in range(N_ROUNDS):
        size = lengths[waiting]
        places = line.by_room[(rng.random(len(waiting)) * line.n_places[size]).astype(np.int64)]
        won = _claim(owner, line.cell[places], size + gap, waiting)
        starts[waiting[won]] = places[won]
        waiting = waiting[~won]
        if not len(waiting):
            return starts, lengths, 0
    return _place_rest(starts, lengths, owner >= 0, line, rng)


def _claim(owner: np.ndarray, cells: np.ndarray, sizes: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Let each of some segments take its cells if all are free and no earlier one wants them: (N,) bool."""
    wanted, offsets = ranges(cells, sizes)
    each = np.repeat(who, sizes)
    free = np.flatnonzero(owner[wanted] < 0)[::-1]
    owner[wanted[free]] = each[free]  # of several writes the last one stays, which is the first segment's
    mine = owner[wanted] == each
    won = np.logical_and.reduceat(mine, offsets)
    owner[wanted[mine & ~np.repeat(won, sizes)]] = -1
    return won


def _place_rest(
    starts: np.ndarray, lengths: np.ndarray, taken: np.ndarray, line: Line, rng: np.random.Generator
) -> Tuple[np.ndarray, np.ndarray, int]:
    """Place the segments whose start is still -1 one by one, looking at all places; shorten if there is none."""
    lengths = lengths.copy()
    n_shortened = 0
    for i in np.flatnonzero(starts < 0):
        drawn = lengths[i]
        while lengths[i]:
            size = int(lengths[i]) + line.gap
            n_taken = np.concatenate([[0], np.cumsum(taken)])
            places = line.by_room[: line.n_places[lengths[i]]]
            places = places[n_taken[line.cell[places] + size] == n_taken[line.cell[places]]]
            if len(places):
                starts[i] = places[rng.integers(len(places))]
                taken[line.cell[starts[i]] :][:size] = True
                break
            lengths[i] -= 1
        n_shortened += int(lengths[i] < drawn)
    placed = starts >= 0
    return starts[placed], lengths[placed], n_shortened


def ranges(starts: np.ndarray, sizes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Integers of several ranges, one behind the other: starts (4, 9), sizes (2, 3) -> 4 5 9 10 11.

    RETURNS (Tuple[np.ndarray, np.ndarray]): The integers (sum of sizes,), and where each range begins (N,).
    """
    offsets = np.cumsum(sizes) - sizes
    return np.repeat(starts - offsets, sizes) + np.arange(int(sizes.sum())), offsets
