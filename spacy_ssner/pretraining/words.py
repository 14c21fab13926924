"""Words of a line for pre-training: cut as the labelled sets are, indicators in one piece, in linear time."""

import re
from functools import lru_cache
from itertools import chain
from typing import List, Tuple

REMEMBERED = 1 << 17  # chunks whose words are kept: a corpus repeats most of them
LONGEST_REMEMBERED = 40  # characters; longer chunks are rare and would fill the memory
OPENING = frozenset("([{<\"'`“‘«„‚¿¡—–…")
CLOSING = frozenset(")]}>\"'`”’“»,;:!?.—–…")
LONGEST_ABBREVIATION = 12
PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}
INITIALS = re.compile(r"(?:[^\W\d_]\.){2,}")  # U.S., e.g.
ABBREVIATIONS = frozenset(
    "al. approx. apr. aug. bros. cf. co. corp. dec. dept. dr. ed. est. etc. feb. fig. gen. gov. inc. jan. jr. "
    "jul. jun. ltd. mar. messrs. mr. mrs. ms. nov. oct. prof. rev. sen. sep. sept. sr. st. ver. vol. vs.".split()
)
CLITICS = ("'s", "’s", "'re", "’re", "'ve", "’ve", "'ll", "’ll", "'d", "’d", "'m", "’m", "'S", "’S")


def split_words(text: str) -> List[str]:
    """Cut a text at white space, and punctuation and `'s` off the chunks, as words of their own.

    Nothing is cut inside: `CVE-2017-0144`, `hxxp://evil[.]com`, `C:\\a\\b.exe`, `f(x)`, `U.S.`, `Inc.` and `50%` are
    one word each. A run of the same mark (`...`) is one word. The words joined are the text without white space.
    """
    return list(
        chain.from_iterable([peel(c) if len(c) <= LONGEST_REMEMBERED else _peel(c) for c in text.split()])
    )


def _peel(chunk: str) -> Tuple[str, ...]:
    """The words of a chunk without white space, in linear time."""
    if chunk.isalnum():
        return (chunk,)
    start, end = 0, len(chunk)
    before: List[str] = []
    while start < end and chunk[start] in OPENING:
        stop = start + 1
        while stop < end and chunk[stop] == chunk[start]:
            stop += 1
        before.append(chunk[start:stop])
        start = stop
    unopened = {
        close: chunk.count(close, start) - chunk.count(open_, start) for close, open_ in PAIRS.items()
    }
    after: List[str] = []
    while start < end and chunk[end - 1] in CLOSING:
        mark = chunk[end - 1]
        if mark == "." and _is_abbreviation(chunk, start, end):
            break
        most = unopened.get(mark, end - start)  # brackets that close one inside the word belong to it
        stop = end
        while stop > start and chunk[stop - 1] == mark and end - stop < most:
            stop -= 1
        if stop == end:
            break
        if mark in unopened:
            unopened[mark] -= end - stop
        after.append(chunk[stop:end])
        end = stop
    return (*before, *_cut_clitic(chunk[start:end]), *reversed(after))


def _is_abbreviation(chunk: str, start: int, end: int) -> bool:
    """Whether a dot at the end belongs to the word. Looks at short ones only, so that the time stays linear."""
    if end - start > LONGEST_ABBREVIATION:
        return False
    word = chunk[start:end]
    return word.lower() in ABBREVIATIONS or INITIALS.fullmatch(word) is not None


def _cut_clitic(word: str) -> Tuple[str, ...]:
    """`APT28's` is two words."""
    for clitic in CLITICS:
        if word.endswith(clitic) and len(word) > len(clitic):
            return (word[: -len(clitic)], clitic)
    return (word,) if word else ()


peel = lru_cache(maxsize=REMEMBERED)(_peel)
