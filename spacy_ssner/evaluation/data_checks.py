"""What to know of annotated data before training on it. Pure functions over words, spans and places."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Sequence, Tuple

from ..corpus.sentence import normal_form
from ..labels import TagSpan
from .span_checks import SpanProblem
from .subsets import mention, mentions

RARE = 10  # a type with fewer entities than this is hardly learnt


@dataclass(frozen=True)
class CheckedSentence:
    """Words and entities of a sentence and where it stands (file:line)."""

    words: Tuple[str, ...]
    spans: Tuple[TagSpan, ...]
    place: str


@dataclass(frozen=True)
class CheckedDoc:
    """An annotated document as the checks need it. n_missing: tokens without annotation."""

    sentences: Tuple[CheckedSentence, ...]
    n_tokens: int
    n_missing: int
    problems: Tuple[SpanProblem, ...]


@dataclass(frozen=True)
class SplitReport:
    """Counts of one file. `lengths` maps entity length in tokens to a count; repeats are whole sentences."""

    n_docs: int
    n_sentences: int
    n_tokens: int
    types: Dict[str, int]
    lengths: Dict[int, int]
    n_docs_without_entities: int
    n_docs_unannotated: int
    n_missing_tokens: int
    n_repeats: int
    problems: Tuple[SpanProblem, ...]

    @property
    def n_entities(self) -> int:
        return sum(self.types.values())


@dataclass(frozen=True)
class Overlap:
    """How much of a split is known from another one (`of`, mostly train)."""

    split: str
    of: str
    n_sentences: int
    n_shared: int
    n_mentions: int
    n_unseen: int


@dataclass(frozen=True)
class Conflict:
    """A sentence that occurs several times with different entities. Each variant: entities, places."""

    text: str
    variants: Tuple[Tuple[Tuple[str, ...], Tuple[str, ...]], ...]


@dataclass(frozen=True)
class DataReport:
    """Everything `debug-data` shows. missing_types and rare_types (0 < count < 10) are by split."""

    splits: Dict[str, SplitReport]
    overlaps: Tuple[Overlap, ...]
    conflicts: Tuple[Conflict, ...]
    missing_types: Dict[str, List[str]]
    rare_types: Dict[str, Dict[str, int]]


def check_split(docs: Sequence[CheckedDoc]) -> SplitReport:
    """Count what is in one file."""
    sentences = [sentence for doc in docs for sentence in doc.sentences]
    spans = [span for sentence in sentences for span in sentence.spans]
    keys = [key for key in (normal_form(sentence.words) for sentence in sentences) if key]
    return SplitReport(
        n_docs=len(docs),
        n_sentences=len(sentences),
        n_tokens=sum(doc.n_tokens for doc in docs),
        types=dict(Counter(span.label for span in spans).most_common()),
        lengths=dict(sorted(Counter(span.end - span.start for span in spans).items())),
        n_docs_without_entities=sum(not any(s.spans for s in doc.sentences) for doc in docs),
        n_docs_unannotated=sum(0 < doc.n_tokens == doc.n_missing for doc in docs),
        n_missing_tokens=sum(doc.n_missing for doc in docs),
        n_repeats=len(keys) - len(set(keys)),
        problems=tuple(problem for doc in docs for problem in doc.problems),
    )


def check_data(splits: Dict[str, Sequence[CheckedDoc]]) -> DataReport:
    """Check files on their own and against each other.

    splits (Dict[str, Sequence[CheckedDoc]]): Documents by name, in the order train, dev, test.
    """
    reports = {name: check_split(docs) for name, docs in splits.items()}
    sentences = {name: [s for doc in docs for s in doc.sentences] for name, docs in splits.items()}
    names = list(splits)
    pairs = [(later, earlier) for i, later in enumerate(names) for earlier in names[:i]]
    labels = sorted({label for report in reports.values() for label in report.types})
    return DataReport(
        splits=reports,
        overlaps=tuple(find_overlap(b, a, sentences[b], sentences[a]) for b, a in pairs),
        conflicts=find_conflicts(s for group in sentences.values() for s in group),
        missing_types={n: [a for a in labels if a not in r.types] for n, r in reports.items()},
        rare_types={n: {a: k for a, k in r.types.items() if k < RARE} for n, r in reports.items()},
    )


def find_overlap(
    split: str, of: str, ours: Sequence[CheckedSentence], theirs: Sequence[CheckedSentence]
) -> Overlap:
    """Count our sentences that stand in theirs too, and our mentions (surface and type) that do not."""
    known_keys = {normal_form(sentence.words) for sentence in theirs} - {""}
    known = mentions((s.words, s.spans) for s in theirs)
    ours_mentions = [mention(s.words, span) for s in ours for span in s.spans]
    return Overlap(
        split=split,
        of=of,
        n_sentences=len(ours),
        n_shared=sum(normal_form(sentence.words) in known_keys for sentence in ours),
        n_mentions=len(ours_mentions),
        n_unseen=sum(m not in known for m in ours_mentions),
    )


def find_conflicts(sentences: Iterable[CheckedSentence]) -> Tuple[Conflict, ...]:
    """Sentences with equal keys but different entities, in order of first appearance."""
    groups: Dict[str, Dict[Any, List[CheckedSentence]]] = defaultdict(lambda: defaultdict(list))
    for sentence in sentences:
        key = normal_form(sentence.words)
        if key:
            groups[key][_annotation(sentence)].append(sentence)
    return tuple(_conflict(list(group.values())) for group in groups.values() if len(group) > 1)


def _annotation(sentence: CheckedSentence) -> Tuple[Tuple[int, int, str], ...]:
    """Entities by place in the sentence's key, so that copies with other tokens compare."""
    at = [0]
    for word in sentence.words:
        at.append(at[-1] + len(normal_form([word])))
    return tuple((at[start], at[end], label) for start, end, label in sentence.spans)


def _conflict(variants: Sequence[List[CheckedSentence]]) -> Conflict:
    described = []
    for copies in variants:
        words, spans = copies[0].words, copies[0].spans
        entities = tuple(f"{' '.join(words[s:e])} [{label}]" for s, e, label in spans)
        described.append((entities, tuple(copy.place for copy in copies)))
    return Conflict(" ".join(variants[0][0].words), tuple(described))
