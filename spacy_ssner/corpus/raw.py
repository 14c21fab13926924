"""From the sentences of a CoNLL file to natural texts with character spans.

SOURCE: CyNER's sentence splitter cut 311 mentions (`hxxp : //a [ .` and `] com`); the parts are put together.
"""

from dataclasses import replace
from typing import AbstractSet, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from ..labels import OUTSIDE
from .natural_text import clings_to_left, find_split_signs, join_words, space_after
from .quotes import plain_quotes
from .records import CharSpan, TextRecord
from .report import Report
from .select import SENTENCE_END
from .sentence import Sentence, missing_spans

_CLOSING = "\"”'’)]}»"
CUT = "inside-at-start"  # the repair that joining makes unnecessary


def join_cut_mentions(sentences: Iterable[Sentence], *, report: Report) -> List[Sentence]:
    """Join a sentence that began inside an entity to the one before it, if that ends in an entity of this type.

    The report says which sentences began so, and takes note of the joined ones instead.
    """
    cut = {(repair.path, repair.line) for repair in report.of_kind(CUT)}
    kept: List[Sentence] = []
    joined: Set[Tuple[str, int]] = set()
    for sentence in sentences:
        place = (sentence.path, sentence.line)
        if place in cut and kept and _continues(kept[-1], sentence):
            sentence = _join(kept.pop(), sentence)
            joined.add(place)
        kept.append(sentence)
    report.rename(CUT, "joined", joined)
    return kept


def _continues(before: Sentence, sentence: Sentence) -> bool:
    """Whether a sentence goes on with the entity at the end of the one before."""
    first, last = sentence.tags[0], before.tags[-1]
    if first is None or last is None or OUTSIDE in (first, last) or before.path != sentence.path:
        return False
    return first[2:] == last[2:]


def _join(before: Sentence, sentence: Sentence) -> Sentence:
    """Two sentences as one; the entity at the border is one."""
    first = f"I-{(sentence.tags[0] or '')[2:]}"
    return replace(
        before,
        words=before.words + sentence.words,
        tags=(*before.tags, first, *sentence.tags[1:]),
        lines=before.lines + sentence.lines,
    )


def make_records(
    sentences: Sequence[Sentence], *, per_doc: int = 1, split_signs: Optional[AbstractSet[str]] = None
) -> List[TextRecord]:
    """Natural texts of sentences.

    per_doc (int): How many neighbouring sentences of a file make a text, >= 1. Between them stands a blank, or a
        line break where a sentence has no final punctuation: there the splitter had seen a line end.
    split_signs (Optional[AbstractSet[str]]): See find_split_signs; by default those of these sentences.
    """
    if split_signs is None:
        split_signs = find_split_signs(sentence.words for sentence in sentences)
    return [make_record(group, split_signs) for group in group_sentences(sentences, per_doc)]


def gap_between(before: Sequence[str], words: Sequence[str]) -> str:
    """The white space between the words of a sentence and those of the next one."""
    if clings_to_left(words):
        return ""
    ending = "".join(before[-3:]).rstrip(_CLOSING)
    return " " if ending[-1:] in SENTENCE_END else "\n"


def group_sentences(sentences: Iterable[Sentence], size: int) -> Iterator[List[Sentence]]:
    """Runs of `size` sentences of one file; the last run of a file may be shorter."""
    group: List[Sentence] = []
    for sentence in sentences:
        if group and (len(group) == size or group[0].path != sentence.path):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def make_record(sentences: Sequence[Sentence], split_signs: AbstractSet[str]) -> TextRecord:
    """The natural text of sentences that follow each other."""
    words: List[str] = []
    spaces: List[str] = []
    lines: List[int] = []
    spans: List[Tuple[int, int, str]] = []
    missing: List[Tuple[int, int]] = []
    for sentence in sentences:
        if spaces:
            spaces[-1] = gap_between(words, sentence.words)
        at = len(words)
        words += plain_quotes(sentence.words)
        spaces += [" " if is_there else "" for is_there in space_after(sentence.words, split_signs)]
        lines += sentence.lines
        spans += [(at + start, at + end, label) for start, end, label in sentence.mentions]
        missing += [(at + start, at + end) for start, end in missing_spans(sentence.tags)]
    natural = join_words(words, spaces)
    offsets = natural.offsets
    return TextRecord(
        natural.text,
        tuple(CharSpan(offsets[start][0], offsets[end - 1][1], label) for start, end, label in spans),
        sentences[0].path,
        tuple((start, line) for (start, _), line in zip(offsets, lines)),
        tuple((offsets[start][0], offsets[end - 1][1]) for start, end in missing),
    )
