"""A lexicon from names of several sources: which count in any spelling, which only as listed, which not at all."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, Optional, Sequence, Tuple

from .lexicon import Lexicon, Name
from .pieces import name_pieces
from .sources import Record
from .trie import Trie
from .variants import derived_names, listed_names

Pieces = Tuple[str, ...]
PLACEHOLDERS = frozenset(["unknown", "other", "none", "unnamed", "test", "n/a"])
# Categories whose names are ordinary words and meant as such, and from how many pieces on.
DESCRIPTIVE = {"sector": 1, "technique": 2}
FREQUENT = 20e-6  # share of a text's words from which a word is no name in lower case: `tool`, not `netstat`


@dataclass(frozen=True)
class BuildSettings:
    """How names are filtered.

    min_length (int): Shortest name, in letters and digits.
    lower_share (float): A name is an ordinary word if it occurs in the common text in lower case, and with at
        least this share of its occurrences, 0 to 1.
    """

    min_length: int = 3
    lower_share: float = 0.05


@dataclass
class Counts:
    """Occurrences of names in a common text: those in lower case, and all; and the words of the text."""

    lower: "Counter[Pieces]" = field(default_factory=Counter)
    total: "Counter[Pieces]" = field(default_factory=Counter)
    n_words: int = 0


def count_cases(names: Iterable[str], sentences: Iterable[Sequence[str]]) -> Counts:
    """How often names occur in a text, and how often of these in lower case.

    names (Iterable[str]): As in a source. sentences (Iterable[Sequence[str]]): Words.
    """
    forms = list(dict.fromkeys(pieces for pieces, _ in _forms(names)))
    trie, counts = Trie(forms), Counts()
    for sentence in sentences:
        counts.n_words += len(sentence)
        words = [trie.word_ids(word) for word in sentence]
        for start, ids in enumerate(words):
            if not trie.can_begin(ids):
                continue
            for end, number in trie.names_from(words, start, len(words)):
                text = " ".join(sentence[start:end])
                counts.total[forms[number]] += 1
                counts.lower[forms[number]] += text == text.lower()
    return counts


def build_lexicon(
    records: Iterable[Record],
    *,
    counts: Optional[Counts] = None,
    settings: BuildSettings = BuildSettings(),
    source: str = "",
) -> Tuple[Lexicon, "Counter[str]"]:
    """Make a lexicon. RETURNS: it, and how many names were left out, by reason.

    counts (Optional[Counts]): Of `count_cases` on a text; without it every name of one word without
        digits is taken for an ordinary word.
    source (str): Where the names come from, for people to read.

    A name that is an ordinary word counts only as spelled in its source (see `spelling`). A form derived from
    a name counts only if it is none.
    """
    names: Dict[Name, None] = {}
    dropped: "Counter[str]" = Counter()
    for record in records:
        if record.cased is not None:
            names[Name(record.text, record.category, record.cased)] = None  # from a lexicon: decided
            continue
        for text, derived in _named(record.text):
            reason = unusable(text, min_length=settings.min_length)
            ordinary = not is_descriptive(text, record.category) and is_ordinary(text, counts, settings)
            if reason or (derived and ordinary):
                dropped[reason or "derived form is an ordinary word"] += 1
            else:
                listed = spelling(text, proper=record.proper, counts=counts) if ordinary else text
                names[Name(listed, record.category, ordinary)] = None
    values = dict(min_length=settings.min_length, common=counts is not None, source=source)
    return Lexicon(names, settings=values), dropped


def unusable(text: str, *, min_length: int) -> str:
    """Why a text is no name to look for; empty if it is one."""
    from spacy.lang.en.stop_words import STOP_WORDS

    pieces = name_pieces(text)
    if not any(piece.isalpha() for piece in pieces):
        return "no letter"
    if sum(len(piece) for piece in pieces if piece.isalnum()) < min_length:
        return f"shorter than {min_length}"
    if all(piece in STOP_WORDS or not piece.isalnum() for piece in pieces):
        return "only stop words"
    return "placeholder" if text.casefold() in PLACEHOLDERS else ""


def is_descriptive(text: str, category: str) -> bool:
    """Whether a name is to count in any spelling although it may be ordinary words."""
    return category in DESCRIPTIVE and len(name_pieces(text)) >= DESCRIPTIVE[category]


def is_ordinary(text: str, counts: Optional[Counts], settings: BuildSettings) -> bool:
    """Whether a name is an ordinary word, or ordinary words in a row, too."""
    pieces = name_pieces(text)
    if text.lower() == text.upper():  # a script without case
        return False
    if counts is None:
        return len(pieces) == 1
    return counts.lower[pieces] > 0 and counts.lower[pieces] >= settings.lower_share * counts.total[pieces]


def spelling(text: str, *, proper: bool, counts: Optional[Counts]) -> str:
    """The one spelling in which an ordinary word counts as a name.

    That of its source; but what is all in lower case there gets a capital if it is a proper name, or too frequent
    a word in lower case to be a name.
    """
    frequent = counts is not None and counts.lower[name_pieces(text)] > FREQUENT * counts.n_words
    return text[:1].upper() + text[1:] if text == text.lower() and (proper or frequent) else text


def _named(text: str) -> Iterator[Tuple[str, bool]]:
    """Names of a value, and which of them are derived."""
    for name in listed_names(text):
        yield name, False
        for form in derived_names(name):
            yield form, True


def _forms(names: Iterable[str]) -> Iterator[Tuple[Pieces, str]]:
    for value in names:
        for text, _ in _named(value):
            pieces = name_pieces(text)
            if pieces:
                yield pieces, text
