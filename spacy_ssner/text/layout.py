"""Which line breaks of a report are meant, and which only wrap a paragraph. Pure arithmetic, linear in the tokens.

A line break is meant, and begins a sentence, if one of the lines beside it is a row of a table, code or a rule; if
both are single words, or one is a single name (an address, a hash); if both begin with a name (a log) or a key and a
colon; if the next line begins with a number of a list; or if its first word would still have fitted on the line
before. A line that ends in a comma, an open bracket or a word like `the` goes on.

Letters: N tokens, W words (other tokens than white space), C chunks (words without white space between them), L lines.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Sequence, Tuple

import numpy as np

from .windows import BLANK_LINE, BULLET, CLOSING, FINAL, NEW_LINE, NUMBER, SPACE, is_wide, shorten, widest_gap

NARROWEST = 40  # columns; nobody wraps a paragraph at fewer
NARROWEST_LIST = 60  # the same where few lines begin in lower case
SLACK = 0.8  # of the width; lines of a proportional font differ that much in characters
PROSE = 1 / 3  # of the lines of a wrapped paragraph begin in lower case, at least
LOOSE = 1 / 2  # of the breaks leave room for the next word: no paragraph
LONG_LIST = 8  # lines of which none begins in lower case: no paragraph
CODE_SHARE = 1 / 4  # of the chunks of a line of code look like code

# What a word shows of its line, as bits.
TEXT, LOWER, NAME, DIGIT, JOINT, CODE, BRACE, KEY, HANGING, CELL, GAP, PROMPT, OPEN, SHUT, SHORT = (
    1 << i for i in range(15)
)
_NAME = re.compile(r"[\w)\]}][\[({]*[./\\@_][\])}]*[\w(\[{/\\]|\d.*[:-].*\d|^[0-9A-Fa-f]{32,}$")
_CODE = re.compile(r"[={}`;]|::|\(\)|^--?[A-Za-z]|^/[A-Za-z]{1,3}$|^[<>|&]{1,2}$|^</?\w")
_MARKS = {
    **dict.fromkeys("-/", JOINT),
    **dict.fromkeys("{}", BRACE | CODE),
    **dict.fromkeys("([", OPEN),
    **dict.fromkeys(")]", SHUT),
    **dict.fromkeys("#$", PROMPT),
    "|": GAP,
    ",": HANGING,
    ":": KEY,
}
_HANGING = frozenset(
    "a an the of to and or in on at by for from with as via into its their that which is was are were".split()
)


@dataclass(frozen=True)
class Lines:
    """What the lines of some text show; all arrays (L,), bool unless said otherwise.

    tokens: int64, the first of each. paragraph: int64, lines without an empty one between them have the same.
    width: int64, characters. head: int64, characters of the first chunk. n_chunks: int64.
    lower, named, numbered: begins with a word in lower case, a name (address, hash, path, date), a number of a list.
    bullet: that or a bullet. keyed: a colon behind one of the first three chunks, and more.
    hanging: ends in the middle of a sentence, by its last word or an open bracket. ended, inner: a full stop at its
    end, before it. row: a row of a table, code, or nothing but punctuation.
    """

    tokens: np.ndarray
    paragraph: np.ndarray
    width: np.ndarray
    head: np.ndarray
    n_chunks: np.ndarray
    lower: np.ndarray
    named: np.ndarray
    numbered: np.ndarray
    bullet: np.ndarray
    keyed: np.ndarray
    hanging: np.ndarray
    ended: np.ndarray
    inner: np.ndarray
    row: np.ndarray


def word_looks(words: Sequence[str]) -> np.ndarray:
    """What each word shows of its line, as bits: (n_words,) uint16."""
    return np.fromiter((_looks(shorten(word)) for word in words), dtype=np.uint16, count=len(words))


@lru_cache(maxsize=1 << 16)
def _looks(word: str) -> int:
    if word.isalpha():
        return TEXT | LOWER * word[0].islower() | SHORT * (len(word) == 1) | HANGING * (word in _HANGING)
    if word in _MARKS:
        return _MARKS[word]
    if word.isspace():  # a blank of the word before stands in front of it
        return CELL if is_wide(word) else GAP
    looks = NAME * bool(_NAME.search(word)) | CODE * bool(_CODE.search(word)) | KEY * word.endswith(":")
    if any(c.isalnum() for c in word):
        looks |= TEXT | DIGIT * any(c.isdigit() for c in word)
        looks |= LOWER * (word[0].islower() and word.replace("-", "").replace("'", "").isalpha())
    return looks


def line_starts(kinds: np.ndarray, looks: np.ndarray, lengths: np.ndarray, blanks: np.ndarray) -> np.ndarray:
    """Which tokens begin a sentence because the line break before them is meant: (N,) bool.

    kinds (np.ndarray): (N,) values of `windows.boundary_kinds`. looks (np.ndarray): (N,) of `word_looks`.
    lengths (np.ndarray): (N,) characters. blanks (np.ndarray): (N,) bool, whether a blank follows the token.

    To be joined with `windows.sentence_starts`, which knows full stops, empty lines and bullets.
    """
    starts = np.zeros(len(kinds), dtype=bool)
    if (kinds < SPACE).any():
        lines = group_lines(kinds, looks, lengths, blanks)
        starts[lines.tokens[meant_breaks(lines)]] = True
    return starts


def group_lines(kinds: np.ndarray, looks: np.ndarray, lengths: np.ndarray, blanks: np.ndarray) -> Lines:
    """Bring the words together to lines. Arguments as for `line_starts`; at least one word."""
    places = np.flatnonzero(kinds < SPACE)  # (W,), and so are the following
    gap = widest_gap(kinds, places)
    word_kinds, word_looks = kinds[places], looks[places]
    ends = np.cumsum(lengths + blanks)[places] - blanks[places]
    begins = ends - lengths[places]
    first = np.flatnonzero(np.append(True, gap[1:] >= NEW_LINE))  # (L,)
    last = np.append(first[1:], len(places)) - 1
    in_line = np.arange(len(places)) - np.repeat(first, last - first + 1)
    after_blank = np.append(True, blanks[places][:-1] | (gap[1:] > 0))
    chunk = np.cumsum(after_blank) - 1  # (W,)
    chunk_first = np.flatnonzero(after_blank)  # (C,)
    chunk_looks = np.bitwise_or.reduceat(word_looks, chunk_first)
    chunk_ends = ends[np.append(chunk_first[1:], len(places)) - 1]
    begin, n_chunks = chunk_looks[chunk[first]], chunk[last] - chunk[first] + 1
    named = (begin & NAME > 0) | ((begin & DIGIT > 0) & (begin & JOINT > 0))
    keyed = _keyed(word_looks, chunk, first, last)
    code = np.add.reduceat(chunk_looks & CODE > 0, chunk[first], dtype=np.int64)
    row = (code > 1) & (code >= CODE_SHARE * n_chunks)
    row |= _is_row(word_kinds, word_looks, _gap_looks(kinds, looks, places), in_line, first)
    numbered = _numbered(word_kinds, word_looks, first)
    hanging, ended, inner = _stops(word_kinds, word_looks, in_line, first, last)
    return Lines(
        tokens=places[first],
        paragraph=np.cumsum(gap[first] == BLANK_LINE),
        width=ends[last] - begins[first],
        head=chunk_ends[chunk[first]] - begins[first],
        n_chunks=n_chunks,
        lower=(word_looks[first] & LOWER > 0) & ~named & ~keyed,
        named=named,
        numbered=numbered,
        bullet=numbered | (word_kinds[first] == BULLET),
        keyed=keyed,
        hanging=hanging,
        ended=ended,
        inner=inner,
        row=row,
    )


def _keyed(word_looks: np.ndarray, chunk: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Which lines have a colon behind one of their first three chunks, and more behind it: (L,) bool."""
    keys = (word_looks & KEY > 0) & (chunk - np.repeat(chunk[first], last - first + 1) < 3)
    keys[last] = False
    return np.logical_or.reduceat(keys, first)


def _gap_looks(kinds: np.ndarray, looks: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Bits of the white space tokens before each word: (W,)."""
    result = np.zeros(len(places), dtype=looks.dtype)
    spaces = np.where(kinds >= SPACE, looks, 0)
    result[1:] = np.bitwise_or.reduceat(spaces, places)[:-1]
    return result


def _is_row(
    word_kinds: np.ndarray, word_looks: np.ndarray, gaps: np.ndarray, in_line: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """Which lines have columns (a tab, three blanks; two blanks or `|` twice; not behind the end of a sentence or a
    bullet), no letter and no digit, a curly bracket at the end or a prompt at the beginning: (L,) bool."""
    last = np.append(first[1:], len(word_kinds)) - 1
    before = np.append(BULLET, word_kinds[:-1])
    between = (in_line > 0) & (before != FINAL) & (before != CLOSING) & (before != BULLET)
    signs = np.where(between & (gaps & CELL > 0), 2, np.where(between & (gaps & GAP > 0), 1, 0))
    row = np.add.reduceat(signs + (word_looks & GAP > 0), first) > 1
    row |= np.bitwise_or.reduceat(word_looks, first) & TEXT == 0
    return row | (word_looks[last] & BRACE > 0) | (word_looks[first] & PROMPT > 0)


def _stops(
    word_kinds: np.ndarray, word_looks: np.ndarray, in_line: np.ndarray, first: np.ndarray, last: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which lines end in the middle of a sentence, with a full stop, have one before their end: (L,) bool each."""
    brackets = (word_looks & OPEN > 0).astype(np.int64) - (word_looks & SHUT > 0)
    hanging = (word_looks[last] & HANGING > 0) | (np.add.reduceat(brackets, first) > 0)
    closed = (word_kinds[last] == CLOSING) & (word_kinds[np.maximum(last - 1, first)] == FINAL)
    stops = (word_kinds == FINAL) & (in_line > 1)
    stops[last] = False
    return hanging, (word_kinds[last] == FINAL) | closed, np.logical_or.reduceat(stops, first)


def _numbered(word_kinds: np.ndarray, word_looks: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Which lines begin with `1.`, `2)`, `(a)` or `[3]`: (L,) bool."""
    n_words = len(word_kinds)
    second, third = np.minimum(first + 1, n_words - 1), np.minimum(first + 2, n_words - 1)
    short = (word_kinds == NUMBER) | (word_looks & SHORT > 0)
    stops = (word_kinds == CLOSING) | (word_kinds == FINAL)
    plain = short[first] & stops[second]
    return plain | ((word_looks[first] & OPEN > 0) & short[second] & (word_kinds[third] == CLOSING))


def meant_breaks(lines: Lines) -> np.ndarray:
    """Whether the line break before each line is meant, by the two lines beside it and their paragraph: (L,) bool."""
    wrapped = np.append(False, lines.paragraph[1:] == lines.paragraph[:-1])
    names = ("row", "named", "keyed", "hanging", "inner", "n_chunks")
    before = {name: _shift(getattr(lines, name)) for name in names}
    # a name alone on its line, unless the sentence goes on behind it
    single, single_before = lines.n_chunks == 1, before["n_chunks"] == 1
    goes_on = np.append(lines.lower[1:] & wrapped[1:], False) | lines.ended
    alone = single & lines.named & ~goes_on & ~before["hanging"]
    alone |= single_before & before["named"] & ~lines.lower
    pair = single & single_before & (before["named"] | ~lines.named | alone)
    n_lower = np.bincount(lines.paragraph, weights=lines.lower & wrapped)
    is_prose = n_lower >= PROSE * np.maximum(np.bincount(lines.paragraph) - 1, 1)
    alike = (lines.named & before["named"] & ~before["inner"]) | (lines.keyed & before["keyed"])
    alike = (alike & ~is_prose[lines.paragraph]) | _leaves_room(lines, wrapped, is_prose)
    numbered = lines.numbered & (np.bincount(lines.paragraph, weights=lines.numbered)[lines.paragraph] > 1)
    return wrapped & ((alike & ~before["hanging"]) | numbered | lines.row | before["row"] | alone | pair)


def _leaves_room(lines: Lines, wrapped: np.ndarray, is_prose: np.ndarray) -> np.ndarray:
    """Would the first word of each line still have fitted on the line before? Or is their paragraph a list? (L,) bool.

    wrapped (np.ndarray): (L,) bool. is_prose (np.ndarray): (P,) bool, of each paragraph.
    """
    n_lines = np.bincount(lines.paragraph)
    widths = np.where(lines.n_chunks > 1, lines.width, 0)
    columns = np.maximum.reduceat(widths, np.cumsum(n_lines) - n_lines)  # (P,)
    needed = _shift(lines.width) + 1 + lines.head
    room = needed <= np.maximum(columns, NARROWEST)[lines.paragraph]
    is_list = np.bincount(lines.paragraph, weights=room & wrapped) >= LOOSE * np.maximum(n_lines - 1, 1)
    is_list |= (n_lines >= LONG_LIST) & (np.bincount(lines.paragraph, weights=lines.lower & wrapped) == 0)
    # with bullets the items show where they begin
    is_list &= ~is_prose & (np.bincount(lines.paragraph, weights=lines.bullet) == 0)
    limit = np.where(is_prose, SLACK * np.maximum(columns, NARROWEST), np.maximum(columns, NARROWEST_LIST))
    fits = (needed <= limit[lines.paragraph]) & (~lines.lower | (columns < NARROWEST)[lines.paragraph])
    return fits | (is_list[lines.paragraph] & ~lines.lower)


def _shift(values: np.ndarray) -> np.ndarray:
    """The values of the line before; nothing before the first."""
    return np.append(np.zeros(1, dtype=values.dtype), values[:-1])
