"""What is done about text that was not read in full: nothing but counting, one warning, or an error."""

import warnings
from collections import Counter
from typing import Dict, Iterable, Iterator, Mapping, Sequence

from spacy.tokens import Doc

from .errors import Errors, Warnings
from .extensions import doc_report
from .types import DocReport

# What the counts of DocReport.losses say, and which setting of the model is behind them.
MEANING: Mapping[str, str] = {
    "no_vector_words": "words without a vector (the encoder did not see them)",
    "truncated_words": "words of more pieces than max_word_pieces",
    "long_words": "words of more characters than max_chars",
    "cut_sentences": "sentences of more tokens than max_window",
    "cut_for_pieces": "sentences of more pieces than max_pieces",
}
SHOWN = 60  # characters of a doc in a message


def describe(losses: Mapping[str, int]) -> str:
    """Counts in words: "3 words of more pieces than max_word_pieces, 1 sentences ..."."""
    return ", ".join(f"{count} {MEANING[name]}" for name, count in losses.items())


class NotReadInFull(ValueError):
    """S210: of a batch of docs one was not read in full, and that is to be an error."""


def refuse_truncated(docs: Sequence[Doc], reports: Sequence[DocReport]) -> None:
    """RAISES (NotReadInFull): S210 for the first doc that was not read in full."""
    for number, (doc, report) in enumerate(zip(docs, reports), start=1):
        if report.losses:
            begin = doc.text[:SHOWN]
            raise NotReadInFull(Errors.S210.format(number=number, begin=begin, got=describe(report.losses)))


def warn_of_truncation(docs: Iterable[Doc]) -> Iterator[Doc]:
    """Hand annotated docs on, and warn once, at the end, with counts.

    WARNS: SW210 if some were not read in full.
    """
    n_docs = n_cut = 0
    totals: Dict[str, int] = Counter()
    try:
        for doc in docs:
            report = doc_report(doc)
            n_docs += 1
            if report is not None and report.losses:
                n_cut += 1
                totals.update(report.losses)
            yield doc
    finally:  # also where nobody asks for the rest
        if n_cut:
            message = Warnings.SW210.format(n_cut=n_cut, n_docs=n_docs, got=describe(totals))
            warnings.warn(message, stacklevel=2)
