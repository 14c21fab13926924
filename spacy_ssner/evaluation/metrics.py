"""Strict entity scores: span and type must both be right. Pure functions over spans in gold tokens or characters."""

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
)
from typing import Counter as CounterType

import numpy as np

from ..labels import TagSpan

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.training import Example

KINDS = ("tp", "fp", "fn")
GOLD_SPANS = (
    "ssner_gold_spans"  # in a reference's user_data: its entities in characters, where tokens do not fit
)


@dataclass(frozen=True)
class PRF:
    """Counts of right (tp), wrong (fp) and overlooked (fn) entities, and the ratios of them, from 0 to 1."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> float:
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def support(self) -> int:
        """Number of gold entities."""
        return self.tp + self.fn

    def __add__(self, other: "PRF") -> "PRF":
        return PRF(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def to_dict(self) -> Dict[str, float]:
        ratios = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {**ratios, "support": self.support, "tp": self.tp, "fp": self.fp, "fn": self.fn}


@dataclass(frozen=True)
class MacroPRF:
    """Unweighted means over the types that occur in gold or predictions, from 0 to 1."""

    precision: float
    recall: float
    f1: float
    n_types: int

    def to_dict(self) -> Dict[str, float]:
        ratios = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {**ratios, "n_types": self.n_types}


@dataclass(frozen=True)
class EntityScores:
    """Scores of a set of documents: all entities together (micro), per type, and their mean (macro).

    per_type (Dict[str, PRF]): Types with at least one gold or counted predicted entity, by name.
    n_ignored (int): Predictions that touch a token without annotation: neither right nor wrong.
    """

    per_type: Dict[str, PRF]
    n_ignored: int = 0

    @property
    def micro(self) -> PRF:
        return sum(self.per_type.values(), PRF())

    @property
    def macro(self) -> MacroPRF:
        rows, n = self.per_type.values(), len(self.per_type)
        sums = sum(r.precision for r in rows), sum(r.recall for r in rows), sum(r.f1 for r in rows)
        return MacroPRF(ratio(sums[0], n), ratio(sums[1], n), ratio(sums[2], n), n)

    def to_dict(self) -> Dict[str, Any]:
        return {
            "micro": self.micro.to_dict(),
            "macro": self.macro.to_dict(),
            "per_type": {label: prf.to_dict() for label, prf in self.per_type.items()},
            "n_ignored": self.n_ignored,
        }


@dataclass(frozen=True)
class ScoredDoc:
    """Gold and predicted entities of one document, in gold tokens, or in characters if `offsets` is given.

    words (Tuple[str, ...]): Gold tokens.
    missing (FrozenSet[int]): Positions of gold tokens without annotation (spaCy's ent_iob 0).
    starts (Tuple[int, ...]): First gold token of each sentence, ascending, the first is 0.
    offsets (Optional[Tuple[Tuple[int, int], ...]]): Where each gold token starts and ends, in characters.
    """

    words: Tuple[str, ...]
    gold: Tuple[TagSpan, ...]
    predicted: Tuple[TagSpan, ...]
    missing: FrozenSet[int] = frozenset()
    starts: Tuple[int, ...] = (0,)
    offsets: Optional[Tuple[Tuple[int, int], ...]] = None

    def in_tokens(self, span: TagSpan) -> TagSpan:
        """The gold tokens that an entity touches."""
        if self.offsets is None:
            return span
        first = bisect_right(self.offsets, span.start, key=lambda token: token[1])
        end = bisect_left(self.offsets, span.end, key=lambda token: token[0])
        return TagSpan(first, max(first, end), span.label)

    def sentence_of(self, span: TagSpan) -> int:
        """Number of the sentence in which an entity starts, from 0."""
        return max(0, bisect_right(self.starts, self.in_tokens(span).start) - 1)

    def sentence(self, number: int) -> Tuple[str, ...]:
        """Words of a sentence."""
        bounds = (*self.starts, len(self.words))
        return self.words[bounds[number] : bounds[number + 1]]

    def is_ignored(self, span: TagSpan) -> bool:
        """Whether an entity touches a token without annotation, so that it is neither right nor wrong."""
        return bool(self.missing) and not self.missing.isdisjoint(range(*self.in_tokens(span)[:2]))

    @property
    def counted(self) -> List[TagSpan]:
        """Predictions that are right or wrong."""
        return [span for span in self.predicted if not self.is_ignored(span)]


SpanTest = Callable[[ScoredDoc, TagSpan], bool]


def doc_entities(doc: "Doc") -> Tuple[TagSpan, ...]:
    """Entities of a Doc, in its own tokens."""
    return tuple(TagSpan(ent.start, ent.end, ent.label_) for ent in doc.ents)


def missing_tokens(doc: "Doc") -> FrozenSet[int]:
    """Tokens of a Doc without annotation."""
    return frozenset(token.i for token in doc if token.ent_iob == 0)


def char_entities(doc: "Doc") -> Tuple[TagSpan, ...]:
    """Entities of a Doc, in characters of its text: exact ones in its user_data before those in tokens."""
    if GOLD_SPANS in doc.user_data:
        return tuple(doc.user_data[GOLD_SPANS])
    return tuple(TagSpan(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents)


def scored_doc(example: "Example", *, starts: Tuple[int, ...] = (0,), raw: bool = False) -> ScoredDoc:
    """Bring the predictions of a spaCy Example to gold tokens, as spaCy's own scorer does.

    starts (Tuple[int, ...]): First gold token of each sentence.
    raw (bool): Compare character offsets in the text instead; both docs must have the same text.

    Without `raw` a prediction that covers part of a gold token is widened to the whole token; one that has no
    gold token at all (spaces, for example) is dropped.
    """
    gold = example.y
    words = tuple(token.text for token in gold)
    missing = missing_tokens(gold)
    if raw:
        offsets = tuple((token.idx, token.idx + len(token)) for token in gold)
        return ScoredDoc(words, char_entities(gold), char_entities(example.x), missing, starts, offsets)
    aligned = (in_gold_tokens(example, span) for span in doc_entities(example.x))
    predicted = tuple(span for span in aligned if span is not None)
    return ScoredDoc(words, doc_entities(gold), predicted, missing, starts)


def in_gold_tokens(example: "Example", span: TagSpan) -> Optional[TagSpan]:
    """The gold tokens that a prediction touches, None if there are none."""
    positions = example.alignment.x2y[span.start : span.end]
    return TagSpan(int(positions[0]), int(positions[-1]) + 1, span.label) if len(positions) else None


def outcomes(doc: ScoredDoc, *, keep: Optional[SpanTest] = None) -> Iterator[Tuple[TagSpan, str]]:
    """Each counted prediction with "tp" or "fp", then each gold entity that was not found with "fn".

    keep (Optional[SpanTest]): If given, entities that fail it are left out, gold and predicted alike.

    Of two equal predictions one is wrong, as in spaCy's get_ner_prf.
    """
    left: Set[TagSpan] = {span for span in doc.gold if keep is None or keep(doc, span)}
    for span in doc.counted:
        if keep is None or keep(doc, span):
            yield span, "tp" if span in left else "fp"
            left.discard(span)
    for span in sorted(left):
        yield span, "fn"


def score_entities(docs: Iterable[ScoredDoc], *, keep: Optional[SpanTest] = None) -> EntityScores:
    """Count entities whose start, end and type are all right.

    docs (Iterable[ScoredDoc]): Documents to score together.
    keep (Optional[SpanTest]): If given, gold and predicted entities that fail it are left out: P, R and F1
        of a subset.
    RETURNS (EntityScores): Per-type counts; micro and macro follow from them.
    """
    counts: CounterType[Tuple[str, str]] = Counter()
    n_ignored = 0
    for doc in docs:
        counts.update((span.label, kind) for span, kind in outcomes(doc, keep=keep))
        ignored = (span for span in doc.predicted if doc.is_ignored(span))
        n_ignored += sum(keep is None or keep(doc, span) for span in ignored)
    labels = sorted({label for label, _ in counts})
    per_type = {a: PRF(counts[a, "tp"], counts[a, "fp"], counts[a, "fn"]) for a in labels}
    return EntityScores(per_type, n_ignored)


def sentence_counts(docs: Iterable[ScoredDoc], *, keep: Optional[SpanTest] = None) -> np.ndarray:
    """Right, wrong and overlooked entities of each sentence: (n_sentences, 3) int64, columns tp, fp, fn.

    An entity counts in the sentence in which it starts, so the sum over sentences is that of the documents.
    """
    docs = list(docs)
    counts = np.zeros((sum(len(doc.starts) for doc in docs), len(KINDS)), dtype=np.int64)
    first = 0
    for doc in docs:
        for span, kind in outcomes(doc, keep=keep):
            counts[first + doc.sentence_of(span), KINDS.index(kind)] += 1
        first += len(doc.starts)
    return counts


def ratio(part: float, whole: float) -> float:
    """part / whole, 0 if there is no whole."""
    return part / whole if whole else 0.0
