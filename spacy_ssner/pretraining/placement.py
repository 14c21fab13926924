"""Where masked segments lie in a batch: how many, how long, and a place for each. Pure arithmetic, numpy only.

Letters: W words of a batch; K longest length of a law; N segments.
"""

from dataclasses import dataclass
from typing import Tuple

import numpy as np

from .batch_words import Words, expected_pieces, find_words, ranges
from .segments import LengthLaw, sample_lengths

N_ROUNDS = 4  # of placing all segments at once; after them about one in a hundred is left


@dataclass(frozen=True)
class ChosenPieces:
    """The pieces of a batch to predict.

    pieces (np.ndarray): (n_chosen,) int64, ascending. The place of each in the flattened batch.
    segments (np.ndarray): (n_chosen,) int64, 0 <= segment < N. The segment of each.
    lengths (np.ndarray): (N,) int64, each >= 1, in units of the law.
    n_shortened (int): Segments drawn longer than what fitted.
    """

    pieces: np.ndarray
    segments: np.ndarray
    lengths: np.ndarray
    n_shortened: int


def choose_pieces(
    word_ids: np.ndarray, *, law: LengthLaw, budget: float, rng: np.random.Generator
) -> ChosenPieces:
    """Choose the segments of a batch. The arguments are those of `mask_batch`.

    UNSTATED: candidate segments are windows of whole words inside one row. They neither overlap nor touch:
    one word at least stays between two of them (none with unit "token"), else two segments of two words
    could not be told from one of four, and the encoder would not see lengths that follow the law. A segment
    longer than every row is cut to the longest; any other lies in a row that holds it.
    RAISES (ValueError): S243 if word numbers fall within a row.
    """
    is_token = law.unit == "token"
    if is_token:
        word_ids = np.where(word_ids >= 0, np.arange(word_ids.shape[1], dtype=word_ids.dtype), -1)
    words = find_words(word_ids)
    drawn, n_cut = draw_segments(law, words, budget=budget, rng=rng)
    starts, lengths, n_squeezed = place_segments(drawn, words, gap=0 if is_token else 1, rng=rng)
    segment_of_word = np.full(len(words.n_pieces), -1)
    segment_of_word[ranges(starts, lengths)[0]] = np.repeat(np.arange(len(starts)), lengths)
    segment_of_piece = segment_of_word[words.word_of_piece]
    hit = np.flatnonzero(segment_of_piece >= 0)
    return ChosenPieces(words.pieces[hit], segment_of_piece[hit], lengths, n_cut + n_squeezed)


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
