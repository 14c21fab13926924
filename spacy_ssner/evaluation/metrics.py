"""Strict entity scores: span and type must both be right. Pure functions over spans in gold tokens."""

from collections import Counter
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    AbstractSet,
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
)
from typing import Counter as CounterType

from ..labels import TagSpan

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.training import Example

Mention = Tuple[str, str]  # surface, label


@dataclass(frozen=True)
class PRF:
    """Counts of right (tp), wrong (fp) and overlooked (fn) entities, and the ratios of them, from 0 to 1."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> float:
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

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
        return MacroPRF(_ratio(sums[0], n), _ratio(sums[1], n), _ratio(sums[2], n), n)

    def to_dict(self) -> Dict[str, Any]:
        return {
            "micro": self.micro.to_dict(),
            "macro": self.macro.to_dict(),
            "per_type": {label: prf.to_dict() for label, prf in self.per_type.items()},
            "n_ignored": self.n_ignored,
        }


@dataclass(frozen=True)
class ScoredDoc:
    """Gold and predicted entities of one document, both in gold tokens.

    words (Tuple[str, ...]): Gold tokens.
    missing (FrozenSet[int]): Positions of gold tokens without annotation (spaCy's ent_iob 0).
    """

    words: Tuple[str, ...]
    gold: Tuple[TagSpan, ...]
    predicted: Tuple[TagSpan, ...]
    missing: FrozenSet[int] = frozenset()


SpanTest = Callable[[ScoredDoc, TagSpan], bool]


def doc_entities(doc: "Doc") -> Tuple[TagSpan, ...]:
    """Entities of a Doc, in its own tokens."""
    return tuple(TagSpan(ent.start, ent.end, ent.label_) for ent in doc.ents)


def scored_doc(example: "Example") -> ScoredDoc:
    """Bring the predictions of a spaCy Example to gold tokens, as spaCy's own scorer does.

    A prediction that covers part of a gold token is widened to the whole token; one that has no gold token
    at all (spaces, for example) is dropped.
    """
    align = example.alignment.x2y
    predicted: List[TagSpan] = []
    for start, end, label in doc_entities(example.x):
        positions = align[start:end]
        if len(positions):
            predicted.append(TagSpan(int(positions[0]), int(positions[-1]) + 1, label))
    return ScoredDoc(
        words=tuple(token.text for token in example.y),
        gold=doc_entities(example.y),
        predicted=tuple(predicted),
        missing=frozenset(token.i for token in example.y if token.ent_iob == 0),
    )


def score_entities(docs: Iterable[ScoredDoc], *, keep: Optional[SpanTest] = None) -> EntityScores:
    """Count entities whose start, end and type are all right.

    docs (Iterable[ScoredDoc]): Documents to score together.
    keep (Optional[SpanTest]): If given, gold and predicted entities that fail it are left out: P, R and F1
        of a subset.
    RETURNS (EntityScores): Per-type counts; micro and macro follow from them.

    Of two equal predictions one is wrong, as in spaCy's get_ner_prf.
    """
    counts: CounterType[Tuple[str, str]] = Counter()
    n_ignored = 0
    for doc in docs:
        left: Set[TagSpan] = {span for span in doc.gold if keep is None or keep(doc, span)}
        for span in doc.predicted:
            if keep is not None and not keep(doc, span):
                continue
            if doc.missing and not doc.missing.isdisjoint(range(span.start, span.end)):
                n_ignored += 1
                continue
            counts[span.label, "tp" if span in left else "fp"] += 1
            left.discard(span)
        counts.update((span.label, "fn") for span in left)
    labels = sorted({label for label, _ in counts})
    per_type = {a: PRF(counts[a, "tp"], counts[a, "fp"], counts[a, "fn"]) for a in labels}
    return EntityScores(per_type, n_ignored)


def mention(words: Sequence[str], span: TagSpan) -> Mention:
    """What an entity looks like: its tokens in lower case with one space between, and its type."""
    return " ".join(words[span.start : span.end]).lower(), span.label


def mentions(docs: Iterable[Tuple[Sequence[str], Iterable[TagSpan]]]) -> FrozenSet[Mention]:
    """All mentions of annotated texts given as (words, entities)."""
    return frozenset(mention(words, span) for words, spans in docs for span in spans)


def breakdown(
    docs: Iterable[ScoredDoc], *, train_mentions: Optional[AbstractSet[Mention]] = None
) -> Dict[str, EntityScores]:
    """Score subsets of the entities: by length, and by whether train holds the mention.

    docs (Iterable[ScoredDoc]): Documents to score together.
    train_mentions (Optional[AbstractSet[Mention]]): Mentions of the training data; without them the
        seen/unseen subsets are left out.
    RETURNS (Dict[str, EntityScores]): By subset. The test applies to gold and predictions alike, so a wrong
        prediction counts in the subset that it would belong to itself.
    """
    docs = list(docs)
    tests: Dict[str, SpanTest] = {
        "one_token": lambda doc, span: span.end - span.start == 1,
        "multi_token": lambda doc, span: span.end - span.start > 1,
    }
    if train_mentions is not None:
        seen = train_mentions
        tests["seen_in_train"] = lambda doc, span: mention(doc.words, span) in seen
        tests["unseen_in_train"] = lambda doc, span: mention(doc.words, span) not in seen
    return {name: score_entities(docs, keep=test) for name, test in tests.items()}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
