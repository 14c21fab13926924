"""Characters that take no room on a page: web pages put them into long indicators so that these can wrap."""

import re
from typing import Iterator, Tuple

from .name_lists import EXTENSIONS, TOP_LEVEL

# Zero-width space, joiner and non-joiner, word joiner, byte order mark, soft hyphen. Beside letters of other scripts
# and in emoji they matter, so they are looked at only between ASCII, white space and quotes. None is tried from the
# middle of its run, which would take quadratic time.
_HIDDEN = "[\u00ad\u200b-\u200d\u2060\ufeff]"
HIDDEN = re.compile(f"(?<!{_HIDDEN}){_HIDDEN}+(?![^\\s!-~\u2018\u2019\u201c\u201d])")
SIDE = re.compile("[\\s!-~\u2018\u2019\u201c\u201d]")
PARTING = frozenset("\u200b\ufeff")  # the others forbid a break, or hyphenate
ENDINGS = TOP_LEVEL | EXTENSIONS
DOT = r"[\[({]?\.[\])}]?"
IPV4 = rf"\d{{1,3}}(?:{DOT}\d{{1,3}}){{3}}"
WHOLE_BEFORE = re.compile(rf"{DOT}([A-Za-z]{{2,24}})\Z|(?<![\w.]){IPV4}\Z|[.!?,;]\Z")
WHOLE_AFTER = re.compile(
    rf"(?:[A-Za-z0-9-]{{1,63}}{DOT}){{1,10}}([A-Za-z]{{2,24}})(?![\w\[({{]|\.\w)|{IPV4}(?!\w)"
    r"|[A-Z][a-z]|[A-Za-z]{3,6}\[?:(?:\]|//)"
)
MAX_LAST = 32  # characters: the last label of a name with brackets around its dot


def hidden_runs(text: str) -> Iterator[Tuple[int, int]]:
    """Runs of such characters that do not belong to the text, in order; those that part two names are left out."""
    if text.isascii():
        return
    for run in HIDDEN.finditer(text):
        start, end = run.span()
        if (start == 0 or SIDE.match(text, start - 1)) and not _parts_names(text, start, end):
            yield start, end


def _parts_names(text: str, start: int, end: int) -> bool:
    """Does a whole name, address or clause end at `start` and another one, or a sentence, begin at `end`?"""
    parting = not PARTING.isdisjoint(text[start:end])
    before = WHOLE_BEFORE.search(text[max(0, start - MAX_LAST) : start]) if parting else None
    after = WHOLE_AFTER.match(text, end) if before else None
    if before is None or after is None:
        return False
    if before[0] in ".!?,;":
        return text[end].isupper() and text[end + 1 : end + 2].islower()
    return all(ending is None or ending.lower() in ENDINGS for ending in (before[1], after[1]))
