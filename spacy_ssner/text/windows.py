"""Where a sentence begins, and how over-long ones are cut. Pure arithmetic on arrays, linear in the tokens."""

import re
from functools import lru_cache
from typing import List, Sequence, Tuple

import numpy as np

from ..types import Windows

# What a token means for sentence boundaries.
ORDINARY, CAPITAL, NUMBER, SHORTENED, WIDE_FINAL, FINAL, CLOSING, BULLET, SPACE, NEW_LINE, BLANK_LINE = range(
    11
)
_FINAL = frozenset([".", "!", "?", "…", "!!", "??", "?!", "..", "..."])
_WIDE_FINAL = frozenset(["。", "！", "？"])  # scripts that put no blank behind them
_CLOSING = frozenset(["'", '"', ")", "]", "}", "”", "’", "»", "''"])
_BULLET = frozenset("-*•–—+▪◦·●○■□◆‣➢✓→#$")
# Words that lose their full stop in spaCy's English; the others (Mr., vs., Inc.) keep theirs and end nothing.
_SHORTENED = frozenset(
    "al approx app appx cf ch est eq etc excl ext fig figs incl max min misc no nos pp ref refs resp sec tab tel "
    "var ver vol".split()
)
_CITED = re.compile(r"[.!?](\[\d+\]?)+$")  # `servers.[12` is one token before `]`
_LINE_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028]")


def boundary_kinds(words: Sequence[str]) -> np.ndarray:
    """The role of each word at a sentence boundary: (n_words,) int8."""
    return np.fromiter((_kind(shorten(word)) for word in words), dtype=np.int8, count=len(words))


def shorten(word: str) -> str:
    """The beginning and the end of a word, at most 64 characters: a blob of megabytes is looked at no closer."""
    return word if len(word) <= 64 else word[:32] + word[-32:]


@lru_cache(maxsize=1 << 16)
def _kind(word: str) -> int:
    if word.isalpha():
        if word.lower() in _SHORTENED:
            return SHORTENED
        return ORDINARY if word[0].islower() else CAPITAL
    if word in _FINAL:
        return FINAL
    if word in _CLOSING:
        return CLOSING
    if word in _BULLET or (word[:1] in _BULLET and word[1:2].isalpha()):
        return BULLET
    if word.isspace():
        breaks = 2 if "\u2029" in word else len(_LINE_BREAK.findall(word))
        return BLANK_LINE if breaks > 1 else NEW_LINE if breaks == 1 else SPACE
    if len(word) <= 3 and word.isdigit():
        return NUMBER
    if word in _WIDE_FINAL:
        return WIDE_FINAL
    return FINAL if word[-1:] not in ".!?" and _CITED.search(word) else ORDINARY


def white_space(words: Sequence[str]) -> np.ndarray:
    """Which words are white space: (n_words,) bool."""
    return np.fromiter((word.isspace() for word in words), dtype=bool, count=len(words))


def wide_gaps(words: Sequence[str]) -> np.ndarray:
    """Which words are the gap between two columns, see `is_wide`: (n_words,) bool."""
    return np.fromiter((word.isspace() and is_wide(word) for word in words), dtype=bool, count=len(words))


def is_wide(space: str) -> bool:
    """Whether white space within a line parts columns: a tab or three blanks, of which spaCy keeps the first with the
    word before."""
    return ("\t" in space or len(space) > 1) and not _LINE_BREAK.search(space)


def sentence_starts(kinds: np.ndarray, blanks: np.ndarray) -> np.ndarray:
    """Which tokens begin a sentence by punctuation and layout alone: (N,) bool.

    kinds (np.ndarray): (N,) values of `boundary_kinds`.
    blanks (np.ndarray): (N,) bool, whether a blank follows the token.

    A sentence ends behind . ! ? and up to two closing quotes or brackets, if white space follows (`Trojan.Agent.B`
    has none), at an empty line, and at a line break before a bullet. Neither `Fig. 3` nor `1. Update` at the
    beginning of a line is an end. White space goes with the sentence before it. See `layout` for other line
    breaks. Used only for docs without sentence boundaries of their own.
    """
    starts = np.zeros(len(kinds), dtype=bool)
    starts[:1] = True
    places = np.flatnonzero(kinds < SPACE)
    words = kinds[places]
    gap = widest_gap(kinds, places)
    spaced = (gap >= SPACE) | _before(blanks[places], 1)
    numbered = (words == NUMBER) & (gap >= NEW_LINE)
    numbered[:1] = words[:1] == NUMBER
    final = words == FINAL
    # ended[i]: word i - 1 ends a sentence, unless a closing mark goes with it
    ended = _before(final, 1) & ~_before(numbered, 2)
    ended &= ~_before(words == SHORTENED, 2) | (words == CAPITAL)
    closing = words == CLOSING
    ended |= _before(final, 2) & _before(closing, 1)
    ended |= _before(final, 3) & _before(closing, 2) & _before(closing, 1)
    begins = ended & spaced & ~closing & ~final
    begins |= _before(words == WIDE_FINAL, 1) & ~closing & (words != WIDE_FINAL)
    begins |= (gap == BLANK_LINE) | ((gap == NEW_LINE) & (words == BULLET))
    begins[:1] = False  # the first word goes with white space before it, if there is any
    starts[places[begins]] = True
    return starts


def _before(values: np.ndarray, n: int) -> np.ndarray:
    """The values shifted by n places to the right, False where nothing came before."""
    return np.concatenate([np.zeros(min(n, len(values)), dtype=bool), values[:-n]])


def widest_gap(kinds: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The strongest white space between each word and the one before it, ORDINARY if there is none.

    kinds (np.ndarray): (N,). places (np.ndarray): (n_words,) of those that are not white space.
    RETURNS (np.ndarray): (n_words,) SPACE, NEW_LINE or BLANK_LINE for white space tokens, else ORDINARY.
    """
    gap = np.zeros(len(places), dtype=kinds.dtype)
    if len(places):
        spaces = np.where(kinds >= SPACE, kinds, ORDINARY)
        gap[1:] = np.maximum.reduceat(spaces, places)[:-1]
    return gap


def make_windows(starts: np.ndarray, weights: np.ndarray, *, max_weight: int, context: int) -> Windows:
    """Sentences as windows; one heavier than `max_weight` is cut, with context on both sides of a cut.

    starts (np.ndarray): (N,) bool, first tokens of sentences; the first token is always one.
    weights (np.ndarray): (N,) int, e.g. 1 for each token or its number of word pieces, each <= max_weight.
    max_weight (int): Largest weight of a window.
    context (int): Weight of the neighbouring tokens repeated on each side of a cut, < max_weight / 4.
    RETURNS (Windows): Each token lies in the core of exactly one window.
    """
    n_tokens = len(starts)
    first = np.flatnonzero(starts)
    lengths = np.diff(np.append(first, n_tokens))
    totals = np.add.reduceat(weights, first) if n_tokens else np.zeros(0, dtype=np.int64)
    if not (totals > max_weight).any():
        return Windows(np.arange(n_tokens), lengths, np.ones(n_tokens, dtype=bool), n_tokens)
    index: List[np.ndarray] = []
    core: List[np.ndarray] = []
    window_lengths: List[int] = []
    for start, length, total in zip(first, lengths, totals):
        cuts = [(0, 0, length, length)]
        if total > max_weight:
            cuts = cut_window(weights[start : start + length], max_weight=max_weight, context=context)
        for left, core_start, core_end, right in cuts:
            places = np.arange(left, right)
            index.append(start + places)
            core.append((places >= core_start) & (places < core_end))
            window_lengths.append(right - left)
    return Windows(np.concatenate(index), np.array(window_lengths), np.concatenate(core), n_tokens)


def cut_window(weights: np.ndarray, *, max_weight: int, context: int) -> List[Tuple[int, int, int, int]]:
    """Cut one stretch of tokens: a list of (first, core first, core end, end), all in tokens.

    >>> cut_window(np.ones(10, dtype=int), max_weight=6, context=1)
    [(0, 0, 4, 5), (3, 4, 8, 9), (7, 8, 10, 10)]
    """
    total = np.concatenate([[0], np.cumsum(weights)])
    cuts = []
    start, n = 0, len(weights)
    while start < n:
        end = int(np.searchsorted(total, total[start] + max_weight - 2 * context, side="right")) - 1
        end = min(max(end, start + 1), n)
        spare = max(0, max_weight - int(total[end] - total[start])) // 2
        room = min(context, spare)
        left = int(np.searchsorted(total, total[start] - room, side="left"))
        right = int(np.searchsorted(total, total[end] + room, side="right")) - 1
        cuts.append((left, start, end, right))
        start = end
    return cuts
