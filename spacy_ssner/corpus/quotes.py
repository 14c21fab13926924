"""Which quotes open and which close, where a corpus has cut them off as tokens of their own."""

import re
from typing import Dict, List, Sequence

OPEN, CLOSE, APOSTROPHE = "open", "close", "apostrophe"  # what stands there; an apostrophe joins both sides
STRAIGHT = ('"', "''")
OPENING = ("“", "„", "«", "``")
CLOSING = ("”", "»")
SINGLE_OPENING = ("‘", "`")
CLITIC = re.compile(r"['’](s|t|re|ve|ll|d|m)|n['’]t", re.IGNORECASE)
_ENDINGS = frozenset(["s", "t", "re", "ve", "ll", "d", "m"])  # behind an apostrophe that is a token
_ELISIONS = frozenset(
    ["l", "d", "j", "c", "n", "m", "t", "qu"]
)  # in front of one, in French and Italian: `l ’ app`
_BEFORE_VALUE = frozenset([":", ",", "{", "[", "(", "="])  # in JSON, a quote behind these opens
_PUNCTUATION = frozenset(".,;:!?)]}")
# End in s, but an apostrophe behind them is no genitive: `uses ' fileless ' malware`
_NO_GENITIVE = frozenset(
    ["as", "is", "was", "has", "this", "its", "uses", "includes", "means", "says", "calls", "contains"]
)


def quote_roles(words: Sequence[str]) -> Dict[int, str]:
    """The roles of the tokens of one sentence that are quotes or apostrophes: place -> OPEN, CLOSE, APOSTROPHE."""
    return {**double_roles(words), **single_roles(words)}


def double_roles(words: Sequence[str]) -> Dict[int, str]:
    """Roles of the double quotes.

    Straight ones take turns, unless both kinds of them occur: then `"` opens and `''` closes, as in CyNER. One
    without a partner is judged by its neighbours.
    """
    roles: Dict[int, str] = {}
    in_two_kinds = set(STRAIGHT) <= set(words)
    places = [i for i, word in enumerate(words) if word in (*STRAIGHT, *OPENING, *CLOSING)]
    is_open = False
    for n, i in enumerate(places):
        following = words[places[n + 1]] if n + 1 < len(places) else None
        before = places[n - 1] if n else -1
        is_open ^= sum(is_half_quoted(word) for word in words[before + 1 : i]) % 2 == 1
        if words[i] in OPENING:
            opens = True
        elif words[i] in CLOSING:
            opens = not is_open and following in CLOSING and i > 0 and words[i - 1] in _BEFORE_VALUE
        elif in_two_kinds:
            opens = words[i] == '"' and i + 1 < len(words)
        else:
            opens = not is_open and _may_open(words, i, following)
        roles[i] = OPEN if opens else CLOSE
        is_open = opens
    return roles


def is_half_quoted(word: str) -> bool:
    """Whether a longer token has a straight double quote at one of its ends only: `"Foo` or `Foo"`."""
    return len(word) > 1 and word not in STRAIGHT and word.startswith('"') != word.endswith('"')


def _may_open(words: Sequence[str], place: int, following: object) -> bool:
    """Whether a straight quote that closes nothing opens something."""
    if place + 1 == len(words):
        return False
    if (
        words[place] == "''"
    ):  # the Penn Treebank's closing quote; some corpora write it for the opening one too
        return following == "''"
    if following in STRAIGHT or place == 0:
        return True
    return words[place + 1] not in _PUNCTUATION


def single_roles(words: Sequence[str]) -> Dict[int, str]:
    """Roles of the single quotes and apostrophes."""
    roles: Dict[int, str] = {}
    straight = [i for i, word in enumerate(words) if word == "'"]
    is_open = False
    for i, word in enumerate(words):
        if word in SINGLE_OPENING:
            closes = word == "`" and is_open
            roles[i], is_open = (CLOSE, False) if closes else (OPEN, True)
        elif word in ("’", "'") and is_clitic_at(words, i):
            roles[i] = APOSTROPHE
        elif word == "’":
            roles[i], is_open = CLOSE, False
        elif word == "'":
            opens = not is_open and i < straight[-1] and not _ends_genitive(words, i)
            roles[i], is_open = (OPEN, True) if opens else (CLOSE, False)
        elif len(word) > 1 and word[0] == "'" and word[-1] != "'" and not CLITIC.fullmatch(word):
            is_open = True
    return roles


def is_clitic_at(words: Sequence[str], place: int) -> bool:
    """Whether an apostrophe stands inside a word: `hasn ’ t`, `vendor ’ s`, `l ’ app`."""
    if place == 0 or place + 1 == len(words):
        return False
    before, after = words[place - 1], words[place + 1]
    if before in _ELISIONS:
        return after[0].isalpha()
    return after.lower() in _ENDINGS and (before[-1].isalnum() or before[-1] in ")]™®")


def _ends_genitive(words: Sequence[str], place: int) -> bool:
    """Whether the word before an apostrophe is a genitive in s."""
    before = words[place - 1].lower() if place else ""
    return before.endswith(("s", "z", "x")) and before not in _NO_GENITIVE


def plain_quotes(words: Sequence[str]) -> List[str]:
    """The words with the Penn Treebank's quotes (two backquotes, two apostrophes) as the straight quote."""
    return ['"' if word in ("``", "''") else word for word in words]
