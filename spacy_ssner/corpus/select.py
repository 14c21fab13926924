"""What of a corpus is kept: repeats, sentences of other files, types, long sentences."""

from dataclasses import dataclass, field, replace
from typing import AbstractSet, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..labels import OUTSIDE
from ..text.overlap import repeats, word_runs
from .report import Report
from .sentence import Sentence, normal_form

SENTENCE_END = frozenset(".!?…。！？")


@dataclass
class Excluded:
    """Texts that must not be kept.

    Sentences are compared as a whole, by normal_form. A document may hold a sentence anywhere, so where one of the
    two is a document, eight words in a row that both hold are enough, and a shorter text must be equal. A URL is one
    word.

    forms (Set[str]): normal_form of each text. runs, document_runs (Set[Tuple[str, ...]]): Eight words in a row, of
        all texts and of documents.
    """

    forms: Set[str] = field(default_factory=set)
    runs: Set[Tuple[str, ...]] = field(default_factory=set)
    document_runs: Set[Tuple[str, ...]] = field(default_factory=set)

    def add(self, words: Sequence[str], *, is_document: bool) -> None:
        """Add a text."""
        self.forms.add(normal_form(words))
        found = set(word_runs(_whole_urls(words)))
        self.runs |= found
        if is_document:
            self.document_runs |= found

    def holds(self, sentence: Sentence) -> bool:
        """Whether a sentence or document repeats one of the texts."""
        if sentence.is_document:
            return repeats(_whole_urls(sentence.words), self.runs)
        form = normal_form(sentence.words)
        if form and form in self.forms:  # signs only, or another script: that says nothing
            return True
        return bool(self.document_runs) and repeats(_whole_urls(sentence.words), self.document_runs)


def _whole_urls(words: Sequence[str]) -> List[str]:
    """The words, with URLs as letters and digits: parts of one site's URLs are no words in a row."""
    return [normal_form([word]) if "://" in word else word for word in words]


class Cut(NamedTuple):
    """Cut before the token `place`; `kind` is a key of report.RULES."""

    place: int
    kind: str


def drop_repeats(sentences: Iterable[Sentence], *, report: Report) -> List[Sentence]:
    """The sentences without those equal to an earlier one after normal_form. The first one stays."""
    seen = set()
    kept: List[Sentence] = []
    for sentence in sentences:
        key = normal_form(sentence.words)
        if key in seen:
            report.add("repeat", sentence.path, sentence.line, " ".join(sentence.words))
            continue
        seen.add(key)
        kept.append(sentence)
    return kept


def drop_excluded(sentences: Iterable[Sentence], excluded: Excluded, *, report: Report) -> List[Sentence]:
    """The sentences that repeat none of the excluded texts."""
    kept: List[Sentence] = []
    for sentence in sentences:
        if excluded.holds(sentence):
            report.add("excluded", sentence.path, sentence.line, " ".join(sentence.words))
        else:
            kept.append(sentence)
    return kept


def keep_labels(sentences: Iterable[Sentence], labels: AbstractSet[str], *, report: Report) -> List[Sentence]:
    """The sentences with O in place of entities of other types."""
    kept: List[Sentence] = []
    for sentence in sentences:
        tags = list(sentence.tags)
        for start, end, label in sentence.mentions:
            if label not in labels:
                tags[start:end] = [OUTSIDE] * (end - start)
                words = " ".join(sentence.words[start:end])
                report.add("other-label", sentence.path, sentence.lines[start], f"{words} ({label})")
        kept.append(replace(sentence, tags=tuple(tags)))
    return kept


def find_cuts(words: Sequence[str], tags: Sequence[Optional[str]], *, max_length: int) -> List[Cut]:
    """Where to cut a sentence so that no piece is longer than max_length tokens.

    Each cut is as late as possible: after the last sentence-final punctuation outside entities, without one
    between any two tokens outside entities; only an entity that is itself too long makes a longer piece.

    words (Sequence[str]): The tokens.
    tags (Sequence[Optional[str]]): Their BIO tags.
    max_length (int): In tokens, >= 1.
    RETURNS (List[Cut]): In the order of the tokens.
    """
    cuts: List[Cut] = []
    start = 0
    while len(words) - start > max_length:
        window = [i for i in range(start + 1, start + max_length + 1) if not _is_inside(tags[i])]
        ends = [i for i in window if words[i - 1] in SENTENCE_END and tags[i - 1] in (OUTSIDE, None)]
        if ends:
            cuts.append(Cut(ends[-1], "cut"))
        elif window:
            cuts.append(Cut(window[-1], "cut-anywhere"))
        else:
            later = range(start + max_length + 1, len(words))
            place = next((i for i in later if not _is_inside(tags[i])), None)
            if place is None:
                break
            cuts.append(Cut(place, "cut-anywhere"))
        start = cuts[-1].place
    return cuts


def _is_inside(tag: Optional[str]) -> bool:
    """Whether a cut before a token with this tag would cut an entity."""
    return tag is not None and tag.startswith("I-")


def cut_long(sentences: Iterable[Sentence], max_length: int, *, report: Report) -> List[Sentence]:
    """The sentences, those longer than max_length tokens in pieces (see find_cuts)."""
    kept: List[Sentence] = []
    for sentence in sentences:
        cuts = find_cuts(sentence.words, sentence.tags, max_length=max_length)
        for place, kind in cuts:
            before = " ".join(sentence.words[max(0, place - 4) : place])
            report.add(kind, sentence.path, sentence.lines[place], f"after: {before}")
        edges = [0, *(cut.place for cut in cuts), len(sentence.words)]
        kept += [sentence.piece(start, end) for start, end in zip(edges, edges[1:])]
    return kept


def present_labels(sentences: Iterable[Sentence]) -> Tuple[str, ...]:
    """The types that occur, sorted."""
    return tuple(sorted({span.label for sentence in sentences for span in sentence.mentions}))
