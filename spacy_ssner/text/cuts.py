"""Where a tokenizer must cut besides what spaCy does: pure functions of a text and the indicators in it."""

import re
from typing import Container, Iterable, Iterator, List, Sequence, Tuple

from .indicators import Indicator

Place = Tuple[int, int]  # of one token, in characters

# spaCy takes punctuation off a stretch sign by sign, in quadratic time. Stretches without white space that are longer
# than LONG characters, and no indicator, are not words: PLAIN cuts them.
LONG = 256
STRETCH = re.compile(r"\S+")
PLAIN = re.compile(r"\w+|[^\w\s]")
# What joins an indicator to its neighbours and is not split off by spaCy: `CVE-2017-0144/EternalBlue`.
AROUND = re.compile(r"[^\w\s]+")
JOINER = re.compile(r"-+|[/\\|=+~@^%$&#<>\u2013\u2014]")
GLUE = frozenset("/\\|-=+~@^%$&#<>(_")
# The full stop behind a name of several parts, `Win64.Hush.Gen.`, which spaCy reads as the abbreviation `Gen.`
NAME_STOP = re.compile(r"\.([^\W\d_]{2,})(\.)(?!\w)")
# Bars that spaCy keeps with the words: of a row of a table in Markdown, `|APT28|Emotet|`, or before or behind a cell
TABLE_ROW = re.compile(r"^[^\S\n]*\|.*\|[^\S\n]*$", re.MULTILINE)
BAR = re.compile(r"(?<!\\)\|")
EDGE_BARS = re.compile(r"(?<!\S)\|+(?=[^\s|])|(?<=[^\s|\\])\|+(?!\S)")


def needs_cuts(text: str, found: Sequence[Indicator], abbreviations: Container[str]) -> bool:
    """Is spaCy's tokenizer likely to make a token across one of our cuts, or to take long over the text?

    abbreviations (Container[str]): Strings that spaCy keeps together, such as `Gen.`
    """
    if len(text) >= LONG // 2 and has_long_stretch(text):
        return True
    for hit in found:  # a loop, as any() with a generator takes twice the time of a short text
        if hit.end - hit.start > LONG or is_glued(text, hit):
            return True
    if "|" in text and any(is_glued_bar(text, start) for start, _ in bars(text)):
        return True
    return NAME_STOP.search(text) is not None and bool(list(name_stops(text, 0, len(text), abbreviations)))


def is_glued(text: str, hit: Indicator) -> bool:
    """Does an indicator touch a word, a slash or the like, from which spaCy would not part it?"""
    after = text[hit.end : hit.end + 1]
    if after.isalnum() or after in GLUE:
        return True
    before = text[hit.start - 1] if hit.start else " "
    if before.isspace():
        return False
    return before.isalnum() or before in GLUE or text[hit.start - 2 : hit.start - 1].isalnum()


def has_long_stretch(text: str) -> bool:
    """Is there a stretch without blanks of more than LONG characters?

    May say True for half of that, so that looking at one block in every LONG / 2 characters is enough.
    """
    half = LONG // 2
    return any(" " not in text[i : i + half] for i in range(0, len(text) - half + 1, half))


def forced_tokens(text: str, found: Sequence[Indicator], abbreviations: Container[str]) -> List[Place]:
    """Places that must be one token each: indicators, joiners beside them, bars of tables, full stops, parts of long
    stretches.

    RETURNS (List[Place]): In order, without overlap.
    """
    places: List[Place] = [(hit.start, hit.end) for hit in found]
    places += bars(text)
    lo = 0
    for hit in (*found, None):
        hi = hit.start if hit else len(text)
        places += name_stops(text, lo, hi, abbreviations)
        places += long_parts(text, lo, hi)
        if lo > 0:
            run = AROUND.match(text, lo, hi)
            places += joiners(text, lo, run.end() if run else lo)
        if hit:
            places += joiners(text, _run_before(text, lo, hi), hi)
            lo = hit.end
    return list(without_overlap(places))


def bars(text: str) -> Iterator[Place]:
    """Bars between the cells of tables: those of Markdown, and others that begin or end a stretch without white space.
    Some come twice."""
    for run in EDGE_BARS.finditer(text):
        yield from ((place, place + 1) for place in range(*run.span()))
    for row in TABLE_ROW.finditer(text):
        yield from (bar.span() for bar in BAR.finditer(text, *row.span()))


def is_glued_bar(text: str, at: int) -> bool:
    """Does a bar touch anything but white space?"""
    return bool((text[max(0, at - 1) : at] + text[at + 1 : at + 2]).strip())


def name_stops(text: str, lo: int, hi: int, abbreviations: Container[str]) -> Iterator[Place]:
    """Full stops behind names of several parts, where spaCy would keep the last part and the stop together."""
    for match in NAME_STOP.finditer(text, lo, hi):
        if match[1] + "." in abbreviations and match.start() > lo and text[match.start() - 1].isalnum():
            yield match.span(2)


def long_parts(text: str, lo: int, hi: int) -> Iterator[Place]:
    """Words and signs of the stretches in text[lo:hi] that have more than LONG characters."""
    if hi - lo > LONG:
        for stretch in STRETCH.finditer(text, lo, hi):
            if stretch.end() - stretch.start() > LONG:
                for part in PLAIN.finditer(text, *stretch.span()):
                    yield part.span()


def joiners(text: str, lo: int, hi: int) -> Iterator[Place]:
    """Slashes, hyphens and the like in text[lo:hi]."""
    for match in JOINER.finditer(text, lo, hi):
        yield match.span()


def _run_before(text: str, lo: int, hi: int) -> int:
    """Start of the punctuation that ends at `hi`."""
    while hi > lo and not (text[hi - 1].isalnum() or text[hi - 1].isspace()):
        hi -= 1
    return hi


def without_overlap(places: Iterable[Place]) -> Iterator[Place]:
    """Places in order; of two that overlap the earlier, of two that start together the longer."""
    done = 0
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if start >= done:
            yield start, end
            done = end
