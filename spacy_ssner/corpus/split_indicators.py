"""Indicators that a corpus has cut into several tokens: between which of them nothing stood.

`hxxp : //a [ . ] b [ . ] com`, `https : / / a7 . com / b ? id=1`, `C : \\Windows`, `% APPDATA % \\x`,
`F4 : FE : 56`, `a @ b.org`.
"""

import re
from typing import Iterator, List, Optional, Sequence, Set

from ..text.name_lists import TOP_LEVEL

_BRACKETS = {"[": "]", "(": ")", "{": "}", "<": ">"}
_DEFANGED = frozenset([".", ":", "@", "dot", "at", "DOT", "AT", "://", "//"])
_SCHEME = re.compile(
    r"(?:h(?:tt|xx|\*\*|XX|tx|xt)ps?|[fs]?[ft][tx]ps?|meow|tcp|udp|wss?|file)", re.IGNORECASE
)
_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z_()0-9]*")
_QUERY = re.compile(r"[\w.\-\[\]%$]*=.*|\w+%.*")
_HOST = re.compile(r"[\w\-]+(?:\.[\w\-]+)+")
_ENDS_PART = re.compile(r"[\w*%$/=\-…]$")
_STARTS_PART = re.compile(r"[\w*%$./\-\[{<]")
_MASKED_LEFT = re.compile(r"(?:.*[\W_])?\w$")  # `a` of `a * * * d.com`
_MASKED_RIGHT = re.compile(r"\w(?!\w)")
_FORMAT = re.compile(r"[A-Za-z](?![A-Za-z0-9])")
_TITLE = re.compile(r"[A-Z][a-z]")
_ESCAPED = re.compile(r"[0-9A-F]{2}[A-Za-z_]")  # `20card` of `Credit % 20card`
_ESCAPE = re.compile(r"[0-9A-Fa-f]{2}")
_STOP = frozenset(",;!)”’\"'“‘»«")


def joined_gaps(words: Sequence[str]) -> Set[int]:
    """Gaps between neighbouring tokens of one indicator. Gap i is the one behind token i."""
    words = list(words)  # the rules compare slices with lists
    gaps: Set[int] = set()
    for i in range(len(words)):
        gaps.update(_defanged_at(words, i))
        gaps.update(_drive_at(words, i))
        gaps.update(_variable_at(words, i))
        gaps.update(_pairs_at(words, i))
        gaps.update(_mail_at(words, i))
        gaps.update(_masked_at(words, i))
        gaps.update(_placeholder_at(words, i))
    for i in range(len(words)):
        if (i == 0 or i - 1 not in gaps) and is_scheme_at(words, i):
            gaps.update(url_gaps(words, i, gaps))
    return gaps


def _is_part(words: Sequence[str], place: int, pattern: "re.Pattern[str]") -> bool:
    return 0 <= place < len(words) and pattern.search(words[place]) is not None


def _defanged_at(words: Sequence[str], i: int) -> Iterator[int]:
    """Gaps around a sign in brackets that begins at i, or around what a sentence splitter left of one."""
    word = words[i]
    if word in _BRACKETS and i + 1 < len(words):
        inner, closer = words[i + 1], _BRACKETS[word]
        is_whole = i + 2 < len(words) and words[i + 2] == closer
        if inner in _DEFANGED and is_whole:
            yield from (i, i + 1)
            if _is_part(words, i - 1, _ENDS_PART) or (i and words[i - 1] in ("]", ":")):
                yield i - 1
            if _is_part(words, i + 3, re.compile(r"^" + _STARTS_PART.pattern)):
                yield i + 2
        elif word == "[" and inner == "." and i + 2 == len(words):
            yield from (i - 1, i)
        elif word == "[" and re.fullmatch(r"\.\w+", inner):  # `admin [ .example`
            yield from (i - 1, i)
    elif word == "]" and i + 1 < len(words) and words[i + 1][:1].isalnum():
        is_rest = i == 0 and not _TITLE.match(words[1])
        if is_rest or (i and words[i - 1] == "." and (i < 2 or words[i - 2] not in _BRACKETS)):  # `. ] org`
            yield from (i - 2, i - 1, i) if i else (i,)


def _drive_at(words: Sequence[str], i: int) -> Iterator[int]:
    """`C : \\Windows`"""
    if len(words[i]) == 1 and words[i].isalpha() and words[i + 1 : i + 2] == [":"]:
        if i + 2 < len(words) and words[i + 2].startswith("\\"):
            yield from (i, i + 1)


def _variable_at(words: Sequence[str], i: int) -> Iterator[int]:
    """`% APPDATA % \\x`, `% Y % m`"""
    if words[i] != "%" or i + 1 >= len(words) or (i and words[i - 1][-1:].isdigit()):
        return
    name = words[i + 1]
    if _VARIABLE.fullmatch(name) and words[i + 2 : i + 3] == ["%"] and len(name) > 1:
        yield from (i, i + 1)
        if i + 3 < len(words) and words[i + 3][0] in "\\/":
            yield i + 2
    elif i and _ESCAPED.match(name):
        yield from (i - 1, i)
    elif _FORMAT.match(name):
        yield i
        if i and words[i - 1].endswith("/"):
            yield i - 1
        if words[i + 2 : i + 3] == ["%"]:
            yield i + 1


def _pairs_at(words: Sequence[str], i: int) -> Iterator[int]:
    """`F4 : FE:56`, `10 : 30`"""
    if words[i] == ":" and 0 < i < len(words) - 1:
        if _HEX_PAIRS.fullmatch(words[i - 1]) and _HEX_PAIRS.fullmatch(words[i + 1]):
            if any(c.isdigit() or c.isupper() for c in words[i + 1]):
                yield from (i - 1, i)


def _mail_at(words: Sequence[str], i: int) -> Iterator[int]:
    """`a @ b.org`"""
    if words[i] == "@" and 0 < i < len(words) - 1 and words[i - 1][-1:].isalnum():
        is_host = _HOST.fullmatch(words[i + 1]) is not None
        if is_host or tuple(words[i + 2 : i + 4]) in (("[", "."), ("(", "."), ("[", "dot")):
            yield from (i - 1, i)


def _masked_at(words: Sequence[str], i: int) -> Iterator[int]:
    """Asterisks in the place of letters: `a * * * d.com`, `ru/7 * * * 3`."""
    if words[i] != "*" or i == 0 or words[i - 1] == "*":
        return
    end = i
    while end < len(words) and words[end] == "*":
        end += 1
    if end < len(words) and _MASKED_LEFT.match(words[i - 1]) and _MASKED_RIGHT.match(words[end]):
        yield from range(i - 1, end)


def _placeholder_at(words: Sequence[str], i: int) -> Iterator[int]:
    """A name in brackets inside a path: `/proc/ [ pid ] /maps`, `avito_ [ number ] .apk`."""
    if words[i] in ("[", "{", "<") and i and words[i - 1][-1] in "/_" and len(words[i - 1]) > 1:
        yield i - 1
        if words[i + 2 : i + 3] == [_BRACKETS[words[i]]] and i + 3 < len(words):
            if len(words[i + 3]) > 1 and words[i + 3][0] in "_./":
                yield i + 2


def is_scheme_at(words: Sequence[str], i: int) -> bool:
    """Whether a URL begins at i: a scheme, a colon and slashes."""
    if not _SCHEME.fullmatch(words[i].lstrip("([\"'")) or i + 2 >= len(words):
        return False
    after = _colon_end(words, i + 1)
    return after is not None and words[after].startswith("/")


def _colon_end(words: Sequence[str], i: int) -> Optional[int]:
    """The place behind the colon of a scheme at i, which may be defanged or half so: `[ : ]`, `: ]`."""
    for colon in (("[", ":", "]"), (":", "]"), (":",)):
        end = i + len(colon)
        if tuple(words[i:end]) == colon and end < len(words):
            return end
    return None


def url_gaps(words: Sequence[str], start: int, known: Set[int]) -> List[int]:
    """Gaps inside the URL that begins at `start`.

    known (Set[int]): Gaps that are joined already; the URL goes on over these.
    """
    end = _colon_end(words, start + 1) or start
    gaps = list(range(start, end))
    if words[end] == "/" and words[end + 1 : end + 2] == ["/"]:
        gaps.append(end)
        end += 1
    while end + 1 < len(words) and (end in known or _goes_on(words, end)):
        gaps.append(end)
        end += 1
    return gaps


def _goes_on(words: Sequence[str], end: int) -> bool:
    """Whether the token behind `end` belongs to the same URL."""
    word, following = words[end], words[end + 1]
    after = words[end + 2] if end + 2 < len(words) else ""
    if word == "//" or word.endswith("://") or (word == "/" and words[end - 1] == "/"):
        return following not in _STOP and following not in (".", ":")
    if word in ("/", "?", "&", "=", "#", "%", "_"):
        return following[0].isalnum() or following in ("/", "%", "_", "?")
    if following in ("/", "_", "=") or (word == ":" and following.isdigit()):
        return True
    if following in ("?", "&"):
        return _QUERY.fullmatch(after) is not None or words[end + 3 : end + 4] == ["="]
    if "." in (word, following):
        return (following if word == "." else after) in TOP_LEVEL
    if following == "%":
        return _ESCAPE.match(after) is not None
    if following == ":":
        return after[:1].isdigit() and word[-1:].isalnum()
    return False
