"""One form for the many spellings of a name: APT28, APT-28, Apt 28 and APT_28 are the pieces `apt 28`."""

import re
import unicodedata
from typing import Tuple

# Letters, digits, or one symbol: also a border between letters and digits parts two pieces.
PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
# Marks that names are joined by: hyphens, underscore, soft hyphen, zero-width space. Not the dashes of a clause.
JOINERS = frozenset("-_\u2010\u2011\u2012\u2212\u00ad\u200b")
QUOTES = str.maketrans("\u2018\u2019\u02bc\u201c\u201d", "'''\"\"")
ORDINARY_SPACE = re.compile(r"[^\S\n]*\n?[^\S\n]*")  # a line may break inside a name, a paragraph may not


def name_pieces(text: str) -> Tuple[str, ...]:
    """Pieces of a name or word as they are compared: NFKC, case folded, joiners and white space dropped.

    >>> name_pieces("APT-28"), name_pieces("Apt 28"), name_pieces("Agent.BTZ")
    (('apt', '28'), ('apt', '28'), ('agent', '.', 'btz'))
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _split(folded)


def surface(text: str) -> str:
    """The same pieces with their own case, as one text: what "spelled as listed" compares.

    >>> surface("APT-28"), surface("Apt 28")
    ('APT 28', 'Apt 28')
    """
    return " ".join(_split(unicodedata.normalize("NFKC", text)))


def is_joiner(word: str) -> bool:
    """Whether a word of no pieces may stand inside a name: a hyphen, a space, one line break."""
    return not word.isspace() or ORDINARY_SPACE.fullmatch(word) is not None


def _split(text: str) -> Tuple[str, ...]:
    return tuple(piece for piece in PIECE.findall(text.translate(QUOTES)) if piece not in JOINERS)
