"""Tag schemes BIO, IOBES and BILUO: which one a file uses, and how any of them becomes valid BIO.

The repair rule is conlleval's: an inside tag that continues nothing opens an entity. It continues nothing at
the start of a sentence, after O, after a missing label, after another type and, in IOBES and BILUO, after the
end of an entity (E- or S-, L- or U-). An entity without an end tag ends before the first token that does not
continue it. So IOB1 (B- only between neighbours) is read rightly too.

SOURCE: conlleval, CoNLL-2000 shared task (startOfChunk, endOfChunk).
"""

import re
from collections import Counter
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..labels import OUTSIDE

# the prefixes of each scheme, as those of IOBES
PREFIXES = {
    "bio": {"B": "B", "I": "I"},
    "iobes": {"B": "B", "I": "I", "E": "E", "S": "S"},
    "biluo": {"B": "B", "I": "I", "L": "E", "U": "S"},
}
SCHEMES = tuple(PREFIXES)
NOT_ANNOTATED = "-"
TAG_SHAPE = re.compile(r"O|-|[BIESLU]-\S(?:.*\S)?")  # in a file with tabs a type may hold blanks
_RARE = 0.01  # a scheme's own prefixes are at least this share of the entity tags


class ParsedTag(NamedTuple):
    """Prefix of IOBES (or O) and type ("" for O)."""

    prefix: str
    label: str


class SchemeFault(NamedTuple):
    """A token (its place in the sentence) and what is wrong with its tag (a key of report.RULES)."""

    place: int
    kind: str


def parse_tag(tag: str, scheme: str) -> Optional[ParsedTag]:
    """Take a tag apart; None if the scheme does not know it."""
    if tag == OUTSIDE:
        return ParsedTag(OUTSIDE, "")
    prefix, dash, label = tag.partition("-")
    if not dash or not label or prefix not in PREFIXES[scheme]:
        return None
    return ParsedTag(PREFIXES[scheme][prefix], label)


def detect_scheme(tags: Iterable[str]) -> str:
    """The scheme of some tags: BILUO with L- or U-, IOBES with E- or S-, else BIO. Rare ones do not count."""
    counts = Counter(tag[0] for tag in tags if TAG_SHAPE.fullmatch(tag) and len(tag) > 2)
    least = max(1.0, _RARE * sum(counts.values()))
    n_biluo, n_iobes = counts["L"] + counts["U"], counts["E"] + counts["S"]
    if n_biluo >= least and n_biluo > n_iobes:
        return "biluo"
    return "iobes" if n_iobes >= least else "bio"


def spread_tag(tag: str, n_tokens: int, scheme: str) -> List[str]:
    """Tags of several tokens that were given one: all O, or one entity that begins and ends as the tag says.

    >>> spread_tag("S-MAL", 3, "iobes")
    ['B-MAL', 'I-MAL', 'E-MAL']
    """
    parsed = parse_tag(tag, scheme)
    if n_tokens == 1 or parsed is None or parsed.prefix == OUTSIDE:
        return [tag] * n_tokens
    end = "L" if scheme == "biluo" else "E"
    first = "B" if parsed.prefix in "BS" else "I"
    last = end if parsed.prefix in "ES" else "I"
    prefixes = [first, *["I"] * (n_tokens - 2), last]
    return [f"{prefix}-{parsed.label}" for prefix in prefixes]


def to_bio(tags: Sequence[Optional[str]], *, scheme: str) -> Tuple[List[Optional[str]], List[SchemeFault]]:
    """Valid BIO tags of a sentence.

    tags (Sequence[Optional[str]]): Tags as found; None or "-" where the label is missing.
    scheme (str): One of SCHEMES.
    RETURNS (Tuple[List[Optional[str]], List[SchemeFault]]): As many tags, None where the label is missing or
        the tag is none of the scheme, and the faults in the order of the tokens.
    """
    result: List[Optional[str]] = []
    faults: List[SchemeFault] = []
    label, is_open = "", False  # the entity of the token before, and whether it may go on
    for i, tag in enumerate(tags):
        parsed = None if tag is None or tag == NOT_ANNOTATED else parse_tag(tag, scheme)
        goes_on = parsed is not None and parsed.prefix in "IE" and is_open and parsed.label == label
        if scheme != "bio" and is_open and not goes_on:
            faults.append(SchemeFault(i - 1, "unclosed"))
        if parsed is None and tag is not None and tag != NOT_ANNOTATED:
            faults.append(SchemeFault(i, "unknown-tag"))
        if parsed is not None and parsed.prefix in "IE" and not goes_on:
            faults.append(SchemeFault(i, _odd_inside(i, label, parsed.label)))
        if parsed is None or parsed.prefix == OUTSIDE:
            result.append(None if parsed is None else OUTSIDE)
            label, is_open = "", False
        else:
            result.append(f"{'I' if goes_on else 'B'}-{parsed.label}")
            label, is_open = parsed.label, parsed.prefix in "BI"
    if scheme != "bio" and is_open:
        faults.append(SchemeFault(len(tags) - 1, "unclosed"))
    return result, faults


def _odd_inside(index: int, label_before: str, label: str) -> str:
    """The name of the fault of an inside tag that continues nothing."""
    if index == 0:
        return "inside-at-start"
    if not label_before:
        return "inside-after-outside"
    return "inside-after-end" if label_before == label else "inside-after-other"
