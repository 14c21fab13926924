"""The text that a writer would have typed, from tokens between which a corpus has put blanks.

Pure functions of the tokens: annotations play no part, so that the text gives none of them away.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import AbstractSet, FrozenSet, Iterable, List, Sequence, Tuple

from ..text.name_lists import EXTENSIONS
from .markup import markup_gaps
from .quotes import APOSTROPHE, CLITIC, CLOSE, OPEN, quote_roles
from .split_indicators import joined_gaps

SIGNS = "-/_\\="  # a corpus keeps these inside words, or cuts every word at them
DIGIT_HYPHEN = "-9"  # some cut at hyphens beside digits only: `CVE - 2017 - 0144`
_NO_SPACE_BEFORE = frozenset(
    [",", ".", ";", ":", "!", "?", ")", "]", "}", "…", "..", "...", "™", "®", "、", "。"]
)
_NO_SPACE_AFTER = frozenset(["(", "[", "{", "$", "£", "€", "¿", "¡"])
_CAPITALS = re.compile(r"[A-Z]{1,3}")
_CAPITALS_FIRST = re.compile(r"[A-Z]{1,2}(?![A-Z])[a-z]?(?!\w)")
# Nothing between these; `can not` is what treebanks make of `cannot`
_PAIRS = frozenset([("-", ">"), ("=", ">"), ("<", "-"), ("can", "not"), ("C", "#"), ("F", "#")])
_PLURAL = re.compile(r"e?s")
_INNER = re.compile(r"(?<=\w)[-/_\\=](?=\w)")
_INNER_DIGIT = re.compile(r"(?<=\d)-(?=\w)|(?<=[^\W\d])-(?=\d)")
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"\w")
_PLATFORM = re.compile(r"(?:W|Win)(?:32|64)")  # of names of malware: `Win32 . Name`


def find_split_signs(sentences: Iterable[Sequence[str]]) -> FrozenSet[str]:
    """Those of SIGNS (and DIGIT_HYPHEN) at which a corpus cuts words.

    These are more frequent as tokens than inside of words.
    """
    alone: Counter = Counter()
    inside: Counter = Counter()
    for words in sentences:
        for i, word in enumerate(words):
            if word in SIGNS:
                alone[word] += words[i - 1] != word if i else 1  # `= = =` is a line, no cut word
                alone[DIGIT_HYPHEN] += word == "-" and _is_beside_digit(words, i)
            else:
                inside.update(_INNER.findall(word))
                inside[DIGIT_HYPHEN] += len(_INNER_DIGIT.findall(word))
    return frozenset(sign for sign in (*SIGNS, DIGIT_HYPHEN) if alone[sign] > inside[sign])


def _is_beside_digit(words: Sequence[str], i: int) -> bool:
    """Whether token i stands between words of which one has a digit towards it."""
    if not 0 < i < len(words) - 1:
        return False
    before, after = words[i - 1][-1], words[i + 1][0]
    return before.isalnum() and after.isalnum() and (before.isdigit() or after.isdigit())


@dataclass(frozen=True)
class NaturalText:
    """A text and where its tokens stand in it: (start, end) in characters, the end not included."""

    text: str
    offsets: Tuple[Tuple[int, int], ...]


def join_words(words: Sequence[str], spaces: Sequence[str]) -> NaturalText:
    """Put tokens together.

    words (Sequence[str]): n tokens. spaces (Sequence[str]): White space behind each, also the last.
    """
    offsets, parts, at = [], [], 0
    for word, space in zip(words, spaces):
        offsets.append((at, at + len(word)))
        parts += [word, space]
        at += len(word) + len(space)
    return NaturalText("".join(parts), tuple(offsets))


def space_after(words: Sequence[str], split_signs: AbstractSet[str] = frozenset()) -> List[bool]:
    """Whether a blank stood behind each token of a sentence; False for the last.

    split_signs (AbstractSet[str]): The signs at which this corpus cuts words, see find_split_signs.
    """
    words = list(words)  # the rules compare slices with lists
    roles = quote_roles(words)
    joined = joined_gaps(words) | markup_gaps(words)
    last = len(words) - 1
    return [
        i < last and i not in joined and _has_space(words, i, roles, split_signs) for i in range(len(words))
    ]


def clings_to_left(words: Sequence[str]) -> bool:
    """Whether a sentence begins with punctuation that belongs to the sentence before it, as splitters leave it."""
    return words[0] in _NO_SPACE_BEFORE or quote_roles(words).get(0) == CLOSE


def _has_space(words: Sequence[str], i: int, roles: dict, split_signs: AbstractSet[str]) -> bool:
    """Whether a blank stood between tokens i and i + 1, indicators apart."""
    left, right = words[i], words[i + 1]
    if roles.get(i) in (OPEN, APOSTROPHE) or roles.get(i + 1) in (CLOSE, APOSTROPHE):
        return False
    if roles.get(i) == CLOSE:
        return right not in _NO_SPACE_BEFORE
    if roles.get(i + 1) == OPEN:
        return left not in _NO_SPACE_AFTER
    if right == "." and words[i + 2 : i + 3] == ["NET"]:
        return left not in _NO_SPACE_AFTER
    if right in _NO_SPACE_BEFORE or CLITIC.fullmatch(right):
        return False
    if left in _NO_SPACE_AFTER or (left == "@" and _WORD.match(right)):
        return False
    return not (
        _is_call(words, i)
        or _is_amount(left, right)
        or _is_thousand(words, i)
        or _is_number_sign(words, i)
        or _is_file_end(words, i)
        or _is_short_and(words, i)
        or _is_split_sign(words, i, split_signs)
        or (left, right) in _PAIRS
        or (left == ":" and right.startswith("//"))
        or (_EAST_ASIAN.match(left[-1]) is not None and _EAST_ASIAN.match(right[0]) is not None)
    )


def _is_split_sign(words: Sequence[str], i: int, split_signs: AbstractSet[str]) -> bool:
    """Whether one side of the gap is a sign at which this corpus cuts words."""
    for at in (i, i + 1):
        if words[at] in SIGNS and words[at] in split_signs:
            return True
        if words[at] == "-" and DIGIT_HYPHEN in split_signs and _is_beside_digit(words, at):
            return True
    return False


def _is_call(words: Sequence[str], i: int) -> bool:
    """`forName ( )`, `file ( s )`"""
    if words[i + 1] != "(" or not words[i][-1].isalnum():
        return False
    if words[i + 2 : i + 3] == [")"]:
        return True
    return words[i + 3 : i + 4] == [")"] and _PLURAL.fullmatch(words[i + 2]) is not None


def _is_amount(left: str, right: str) -> bool:
    """`50 %`, `US $`"""
    return (right == "%" and left[-1].isdigit()) or (right in ("$", "€", "£") and left in ("US", "AU", "CA"))


def _is_thousand(words: Sequence[str], i: int) -> bool:
    """`20 , 000`"""
    return words[i] == "," and words[i + 1] == "000" and i > 0 and words[i - 1].isdigit()


def _is_number_sign(words: Sequence[str], i: int) -> bool:
    """`# 4`, but not `# Title` and `# # Title`."""
    if words[i] != "#" or not _WORD.match(words[i + 1]) or (i and (words[i - 1], "#") in _PAIRS):
        return False
    return words[i + 1][0].isdigit() or (i > 0 and words[i - 1] != "#")


def _is_file_end(words: Sequence[str], i: int) -> bool:
    """`driver2 . sys`, `Win32 . Name`, `. NET`"""
    if words[i] != "." or i == 0:
        return False
    before, after = words[i - 1], words[i + 1]
    is_file = before[-1].isdigit() and after in EXTENSIONS and not after.isdigit() and len(after) > 1
    return is_file or after == "NET" or _PLATFORM.fullmatch(before) is not None


def _is_short_and(words: Sequence[str], i: int) -> bool:
    """`C & C`, `AT & T`"""
    at = i if words[i] == "&" else i + 1
    if words[at] != "&" or not 0 < at < len(words) - 1:
        return False
    return _CAPITALS.fullmatch(words[at - 1]) is not None and _CAPITALS_FIRST.match(words[at + 1]) is not None
