"""APTNER: token and IOBES tag with a space between, 21 types. Its own faults and their rules:

- fused-tags: several tags on a line (`OilRig S-APT/APT34 S-APT`, `unzIP S-TOOL S-TOOL`, `optimiza S-IDTYtion
  I-TOOL`, `：O`). With fused="join" the line's label is its last tag and glued text is one token
  (`OilRig/APT34` S-APT), as in the published counts; words before the last one keep no label: they are
  missing, or O if the tag is O. With fused="split" every word keeps its own tag, and punctuation glued to a
  tag is a token of its own, O (`OilRig` S-APT, `/` O, `APT34` S-APT). Of two tags after one word the last
  counts; a tag in front of the first word is dropped.
- several-tokens: several words with one tag (`by Scarlet B-APT`, the space a no-break one): the tag belongs
  to the last word; the others are O if it is O, else missing.
- bare-type: a type where the tag should be (`DNS PROT`): an entity of one token.
- misspelt-tag: a doubled prefix (`S-S-SECTEAM`), or a type with one letter too many or too few where only one
  of the types fits (`B-IDTYL`).

A line without a tag, or with words after its last tag, has missing labels (token-without-tag).

SOURCE: github.com/wangxuren/APTNER.
"""

import re
from functools import partial
from typing import List, Optional, Tuple

from .conll import Layout, LineParser, ParsedLine, parse_line

LABELS = tuple(
    "APT MAL TOOL IDTY LOC TIME ACT FILE SECTEAM VULNAME VULID DOM PROT OS SHA2 IP ENCR MD5 URL EMAIL SHA1".split()
)
FUSED = ("join", "split")
_SINGLE = {"bio": "B", "iobes": "S", "biluo": "U"}

_TYPES = "|".join(sorted(LABELS, key=len, reverse=True))
_TAG = re.compile(rf"O|[BIESLU]-(?:{_TYPES})")
_TAG_IN_LINE = re.compile(rf"\s+([BIESLU]-(?:{_TYPES})(?![A-Z])|O(?!\S))")
_DOUBLED = re.compile(r"([BIESLU]-)[BIESLU]-(\S+)")
_TAG_LIKE = re.compile(r"([BIESLU]-)([A-Z][A-Z0-9]+)")
_GLUED_OUTSIDE = re.compile(r"\s*([^\w\s]+)O\s*")

Word = Tuple[str, Optional[str]]  # a word and its own tag, None without one


def make_parser(fused: str) -> LineParser:
    """The line parser of APTNER for one of FUSED."""
    return partial(parse_aptner_line, fused=fused)


def correct_tag(tag: str) -> str:
    """The tag with a doubled prefix or a misspelt type put right; anything else as it is."""
    tag = _DOUBLED.sub(r"\1\2", tag)
    parts = _TAG_LIKE.fullmatch(tag)
    if parts is None or parts[2] in LABELS:
        return tag
    near = [label for label in LABELS if differ_by_one(label, parts[2])]
    return parts[1] + near[0] if len(near) == 1 else tag


def differ_by_one(a: str, b: str) -> bool:
    """Whether one string is the other with one character taken out."""
    short, long = sorted((a, b), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def parse_aptner_line(text: str, layout: Layout, *, fused: str = "join") -> ParsedLine:
    """Tokens and tags of a line that is not blank, by the rules above."""
    columns = text.split()
    if len(columns) == 2 and _TAG.fullmatch(columns[1]) and not text[0].isspace():
        return ParsedLine([(columns[0], columns[1])], [])
    if len(columns) == 1:
        outside = _GLUED_OUTSIDE.fullmatch(text)
        return ParsedLine([(outside[1], "O")], ["fused-tags"]) if outside else parse_line(text, layout)
    if len(columns) == 2 and columns[1] in LABELS:
        return ParsedLine([(columns[0], f"{_SINGLE[layout.scheme]}-{columns[1]}")], ["bare-type"])
    corrected = " ".join([columns[0], *map(correct_tag, columns[1:])])
    faults = [] if corrected == " ".join(columns) else ["misspelt-tag"]
    if faults or text[0].isspace():  # white space within the line matters only where nothing was corrected
        text = (" " if text[0].isspace() else "") + corrected
    words, n_tags, is_glued = split_words(text, split_glued=fused == "split")
    if not words:
        return ParsedLine([], [*faults, "tag-without-token"])
    pairs = label_words(words, keep_own=fused == "split")
    if words[-1][1] is None:
        faults.append("token-without-tag")
    elif n_tags > 1 or is_glued:
        faults.append("fused-tags")
    elif len(words) > 1:
        faults.append("several-tokens")
    return ParsedLine(pairs, faults)


def split_words(text: str, *, split_glued: bool) -> Tuple[List[Word], int, bool]:
    """The words of a line with the tags that follow them.

    text (str): The line. A tag counts only after white space.
    split_glued (bool): Whether punctuation between a tag and the next word is a token, O; else both are glued
        on.
    RETURNS (Tuple[List[Word], int, bool]): The words, the number of tags, and whether text was glued to a
        tag.
    """
    first, *rest = _TAG_IN_LINE.split(text)
    words: List[Word] = [(word, None) for word in first.split()]
    any_glued = False
    for tag, after in zip(rest[::2], rest[1::2]):
        if words:
            words[-1] = (words[-1][0], tag)
        pieces = after.split()
        if pieces and not after[0].isspace():
            any_glued = True
            words, pieces = _glue(words, pieces[0], split_glued), pieces[1:]
        words += [(word, None) for word in pieces]
    return words, len(rest) // 2, any_glued


def _glue(words: List[Word], piece: str, split_glued: bool) -> List[Word]:
    """The words after text that directly follows the tag of the last one."""
    bare = piece.lstrip("/:,;|")
    if not words:
        return [(piece, None)]
    if split_glued and bare != piece:
        mark: List[Word] = [(piece[: len(piece) - len(bare)], "O")]
        return words + mark + ([(bare, None)] if bare else [])
    return [*words[:-1], (words[-1][0] + piece, None)]


def label_words(words: List[Word], *, keep_own: bool) -> List[Word]:
    """Give the words of a line their labels: the last word's tag is the line's, see the rules above."""
    last_tag = words[-1][1]
    pairs: List[Word] = []
    for word, tag in words[:-1]:
        if tag is None and last_tag == "O":
            tag = "O"
        pairs.append((word, tag if keep_own or tag == last_tag == "O" else None))
    return [*pairs, (words[-1][0], last_tag)]
