"""Undo defanging (`evil[.]com`, `hxxp://`) and remember where every character came from.

SOURCE: the notations are those seen in public reports and the ones that iocextract and ioc-fanger list.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import itemgetter
from typing import List, Sequence, Tuple

from spacy.lang.en.stop_words import STOP_WORDS

from .escapes import line_ends
from .invisible import hidden_runs
from .scripts import LETTER

# What stands between the brackets: [.] (dot) {at} [:] [://]; blanks inside as in `[ . ]`. A bracket may
# also be left open or unopened around a dot (`evil[.com`, `203.0.113[.7`, `evil.]com`) and stand around a hyphen
# (`my[-]site.com`) or letters of a scheme (`h[tt]p`). Where HTML became Markdown, both brackets or the first one have a
# backslash before them (`evil\[.\]com`). One set of signs begins every marker and letters are spelt in both cases, as
# Python then skips fast to the next of these signs.
MARKER = re.compile(
    r"[\[({.](?:(?<=[\[({]) ?(://|:/|//|[.@:/]|[dD][oO][tT]|[aA][tT]) ?\\?[\])}]"
    r"|(?<=\[)(\.)(?=[A-Za-z]{2,24}(?![\w\]]))|(?<=\d\[)(\.)(?=\d{1,3}(?![\w\]]))"
    r"|(?:(?<=[A-Za-z0-9]\[)|(?<=[A-Za-z0-9]\\\[))(-)\\?\](?=[A-Za-z0-9])"
    r"|(?:(?<=[hH]\[)|(?<=[hH]\\\[))([tTxX]{2})\\?\](?=[pP][sS]?\\?[:\[])"
    r"|(?<=(\.))\](?=[A-Za-z0-9]))"
)
# A backslash before the first bracket only is none of a path if what it stands in has no other kind.
ESCAPE = re.compile(r"(?:^|(?<=\s))(?:[^\s\\]|\\(?=[\[({]))*(?<![^\sA-Za-z0-9])\\\Z")
MAX_STRETCH = 256  # characters looked at before it
# Tags around a marker: `evil<span>[.]</span>com`.
TAG_BEFORE = re.compile(r"<(?:b|code|em|i|span|strong)(?: [^<>]{0,48})?>\Z", re.IGNORECASE)
TAG_AFTER = re.compile(r"</(?:b|code|em|i|span|strong)>", re.IGNORECASE)
MAX_TAG = 64  # characters
# Markers in parentheses. Most texts have none, nor other brackets, and are spared the search for markers.
IN_PARENTHESES = re.compile(r"\((?:[.@:/ ]|(?:[dD][oO][tT]|[aA][tT])\\?\))")
# The same without brackets, in capitals between small letters.
SPELT = re.compile(r"(?<=[a-z0-9]) (AT|DOT) (?=[a-z0-9])")
# A CVE id with a blank or a colon for its first hyphen.
CVE_ID = re.compile(r"(?<=\bCVE)(: ?| )(?=(?:19|20)\d\d[-\u2010\u2011]\d{4})", re.IGNORECASE)
# A URL with its slashes escaped, as JSON may write it: `http:\/\/evil.com\/a`.
ESCAPED_URL = re.compile(r"(?<=[A-Za-z]:)\\/\\/(?:[^\s\"'<>\\]|\\/)*")
# Marks of footnotes behind a word, as far as no name goes on behind them: `evil.com\u00b2`, not `a\u00b2.txt`.
RAISED = "[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u207d\u207e]"
FOOTNOTE = re.compile(
    rf"{RAISED}(?<=\S.){RAISED}{{0,4}}(?:[,;]{RAISED}{{1,4}}){{0,8}}(?!(?:{LETTER}|[./\\@%?&=#:~+-]){{0,4}}{LETTER})"
)
WORDS = {"dot": ".", "at": "@"}
FIRST_WORD = re.compile(r"[^\W_]*")
LAST_WORD = re.compile(r"[^\W_]+\Z")
MAX_WORD = 64  # characters; no label of a domain is longer
# What stands before a marker without belonging to it: `such as [.]xyz`, `ending [.]top`.
NO_NAMES = STOP_WORDS | {"domain", "domains", "ending", "ends", "including", "like", "tld", "tlds"}
SCHEMES = {"meow": "http", "meows": "https", "fxp": "ftp", "fxps": "ftps", "sxxh": "ssh"}
HTTP = re.compile(r"h[tx*]{2}p(s?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Refanged:
    """A text without defanging.

    text (str): The refanged text.
    new (Sequence[Tuple[int, int]]): Start and end of every replacement in `text`, in order.
    old (Sequence[Tuple[int, int]]): Start and end of what it replaced in the original text.
    """

    text: str
    new: Sequence[Tuple[int, int]] = ()
    old: Sequence[Tuple[int, int]] = ()

    def original(self, start: int, end: int) -> Tuple[int, int]:
        """Offsets in the original text of text[start:end], end > start. Half a replacement counts whole."""
        if not self.new:
            return start, end
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, i: int) -> Tuple[int, int]:
        at = bisect_right(self.new, i, key=itemgetter(0)) - 1
        if at < 0:
            return i, i + 1
        if i < self.new[at][1]:
            return self.old[at]
        moved = i - self.new[at][1] + self.old[at][1]
        return moved, moved + 1

    def within(self, start: int, end: int) -> Tuple[Tuple[int, int], ...]:
        """Replacements in text[start:end], as offsets in that; characters without width that were dropped are none."""
        if not self.new:
            return ()
        at = bisect_left(self.new, start, key=itemgetter(0))
        stop = bisect_left(self.new, end, lo=at, key=itemgetter(0))
        return tuple((lo - start, hi - start) for lo, hi in self.new[at:stop] if lo < hi)

    def defanged(self, start: int, end: int) -> bool:
        """Was anything in text[start:end] defanged by brackets?"""
        if not self.new:
            return False
        at = bisect_left(self.new, start, key=itemgetter(0))
        inside = takewhile(lambda place: place[0] < end, islice(self.new, at, None))
        return any(lo < hi for lo, hi in inside)


def refang(text: str) -> Refanged:
    r"""Replace bracketed dots, at signs, colons and slashes by plain ones, also `bob AT evil DOT com` and `http:\/\/`.

    Ends of lines that are written as `\n` become such, for what stands before and behind them is not one name.
    Blanks around a bracketed dot or at sign go with it where they stand within an address (`evil [.] com`).
    Characters without width are read as if they were absent, marks of footnotes as ends of lines.
    """
    hidden: List[Tuple[int, int, str]] = [(*run, "") for run in hidden_runs(text)]
    if not hidden:
        return _replaced(text, _markers(text))
    bare = _replaced(text, hidden)
    markers = [(*bare.original(start, end), plain) for start, end, plain in _markers(bare.text)]
    return _replaced(text, sorted([*hidden, *markers]))


def _replaced(text: str, places: Sequence[Tuple[int, int, str]]) -> Refanged:
    """Replace what stands in the given places, in order; what lies within the place before is left out."""
    parts, new, old = [], [], []
    done = length = 0
    for start, end, plain in places:
        if start < done:
            continue
        length += start - done
        new.append((length, length + len(plain)))
        old.append((start, end))
        parts += [text[done:start], plain]
        length += len(plain)
        done = end
    return Refanged("".join([*parts, text[done:]]), new, old) if new else Refanged(text)


def _markers(text: str) -> List[Tuple[int, int, str]]:
    """Start, end and meaning of all markers, in order; none overlaps another."""
    found = []
    if "[" in text or "]" in text or "{" in text or IN_PARENTHESES.search(text):
        for match in MARKER.finditer(text):
            inner = match[match.lastindex or 0]
            plain = WORDS.get(inner.lower(), inner)
            start, end = match.span()
            if text[end - 2] == "\\":
                if not start or text[start - 1] != "\\":
                    continue
                start -= 1
            elif text.startswith("\\", start - 1) and _is_escape(text, start):
                start -= 1
            start, end = _with_tags(text, start, end)
            bounds = _with_blanks(text, start, end) if match[1] and plain in ".@" else (start, end)
            found.append((*bounds, plain))
    if "\\" in text and ":\\/\\/" in text:
        for url in ESCAPED_URL.finditer(text):
            places = (place.span() for place in re.finditer(r"\\/", url[0]))
            found += [(url.start() + start, url.start() + end, "/") for start, end in places]
        found.sort()
    if " AT " in text or " DOT " in text:
        found += [(*match.span(), WORDS[match[1].lower()]) for match in SPELT.finditer(text)]
        found.sort()
    if "CVE" in text and ("CVE " in text or "CVE:" in text):
        found += [(*match.span(), "-") for match in CVE_ID.finditer(text)]
        found.sort()
    if "\\" in text and (ends := list(line_ends(text))):
        found += [(start, end, "\n") for start, end in ends]
        found.sort()
    if not text.isascii() and (notes := [(*match.span(), "\n") for match in FOOTNOTE.finditer(text)]):
        found += notes
        found.sort()
    return found


def _is_escape(text: str, bracket: int) -> bool:
    """Does the backslash before a bracket escape it, and is not that of a path such as `C:\\temp\\[.]x`?"""
    return ESCAPE.search(text[max(0, bracket - MAX_STRETCH) : bracket]) is not None


def _with_tags(text: str, start: int, end: int) -> Tuple[int, int]:
    """A marker with the tags of HTML right around it."""
    if not (text.startswith(">", start - 1) and text.startswith("</", end)):
        return start, end
    before, after = TAG_BEFORE.search(text, max(0, start - MAX_TAG), start), TAG_AFTER.match(text, end)
    return (before.start(), after.end()) if before and after else (start, end)


def _with_blanks(text: str, start: int, end: int) -> Tuple[int, int]:
    """A marker with the blanks around it if it stands within an address: not in `ends in [.]com`, `home[.] The`."""
    left = start - text.startswith(" ", start - 1) if start else 0
    right = end + text.startswith(" ", end)
    if (left, right) == (start, end):
        return start, end
    before, after = LAST_WORD.search(text, max(left - MAX_WORD, 0), left), text[right : right + 1]
    begins = after.isalnum() and (right == end or not after.isupper())
    if left < start and right > end:  # `a dot (.) and a slash`
        word = FIRST_WORD.match(text, right, right + MAX_WORD)
        begins = begins and word is not None and word[0].lower() not in STOP_WORDS
    if before is None or not begins or (left < start and before[0].lower() in NO_NAMES):
        return start, end
    return left, right


def refang_scheme(scheme: str) -> str:
    """`hxxps` -> `https`. A scheme that is not defanged stays as it is written."""
    match = HTTP.match(scheme)
    if match:
        return "http" + match[1].lower()
    return SCHEMES.get(scheme.lower(), scheme)
