"""What of a corpus is kept: repeats, sentences of other files, types, long sentences."""

from dataclasses import dataclass, field, replace
from typing import AbstractSet, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..labels import OUTSIDE
from ..text.overlap import repeats, word_runs
from .report import Report
from .sentence import Sentence, normal_form

LETTERS = 30  # letters and digits from which a sentence is looked for inside documents
SENTENCE_END = frozenset(".!?…。！？")


@dataclass
class Excluded:
    """Texts that must not be kept.

    Texts are compared as a whole, by normal_form. A document may hold a sentence anywhere, so where one of the two is a
    document, eight words in a row that both hold are enough, a URL being one word, or all letters of a sentence of at
    least 30. A shorter text must be equal.

    forms (Set[str]): normal_form of each text. runs, document_runs (Set[Tuple[str, ...]]): Eight words in a row, of
        all texts and of documents. documents (List[str]): normal_form of each document. beginnings (Dict[str,
        Set[str]]): normal_form of the sentences of at least 30 letters by their first 30.
    """

    forms: Set[str] = field(default_factory=set)
    documents: List[str] = field(default_factory=list)
    beginnings: Dict[str, Set[str]] = field(default_factory=dict)
    runs: Set[Tuple[str, ...]] = field(default_factory=set)
    document_runs: Set[Tuple[str, ...]] = field(default_factory=set)

    def add(self, words: Sequence[str], *, is_document: bool) -> None:
        """Add a text."""
        form, found = normal_form(words), set(word_runs(_whole_urls(words)))
        self.runs |= found
        self.forms.add(form)
        if is_document:
            self.document_runs |= found
            self.documents.append(form)
        elif len(form) >= LETTERS:
            self.beginnings.setdefault(form[:LETTERS], set()).add(form)

    def holds(self, sentence: Sentence) -> bool:
        """Whether a sentence or document repeats one of the texts."""
        form = normal_form(sentence.words)
        if form in self.forms:
            return True
        if sentence.is_document:
            return repeats(_whole_urls(sentence.words), self.runs) or self._begins_in(form)
        if not self.documents:
            return False
        is_inside = len(form) >= LETTERS and any(form in document for document in self.documents)
        return is_inside or repeats(_whole_urls(sentence.words), self.document_runs)

    def _begins_in(self, document: str) -> bool:
        """Whether one of the sentences stands in a document, given by its normal_form."""
        for start in range(len(document) - LETTERS + 1) if self.beginnings else ():
            for form in self.beginnings.get(document[start : start + LETTERS], ()):
                if document.startswith(form, start):
                    return True
        return False


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


def cut_sentences(sentences: Iterable[Sentence], max_length: int, *, report: Report) -> List[Sentence]:
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
