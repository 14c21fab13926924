"""Which annotations look like errors to a model that was not trained on them. Pure functions over spans in tokens.

SOURCE: Wang et al. 2019, CrossWeigh: Training Named Entity Tagger from Imperfect Annotations (EMNLP), for folds that
    judge each other's annotation; Northcutt et al. 2021, Confident Learning (JAIR 70), for the measure: the probability
    of what stands there by a model that has not seen it. Not in the paper of SSNER.
"""

from dataclasses import dataclass
from typing import AbstractSet, Dict, Iterable, List, Sequence, Set, Tuple

import numpy as np

from ..labels import TagSpan
from .matching import mistake, overlap
from .metrics import PRF, ScoredDoc, score_entities

LOW = 0.02  # an annotated entity less probable than this is doubted
HIGH = 0.8  # an entity at least this probable is missed where none is annotated
KINDS = {
    "type": "another type is found for these words",
    "bounds": "an entity of this type with other bounds is found",
    "both": "one of another type with other bounds is found",
    "missing": "an entity is found where none is annotated",
    "extra": "no entity is found here",
}
OF_MISTAKES = {"type": "type", "boundary": "bounds", "type and boundary": "both"}  # the mildest first


@dataclass(frozen=True)
class Judgement:
    """What a model that was not trained on a doc says about it, in tokens of the doc.

    found: The entities of its best path. probabilities: Of these and of all other spans that are not most improbable
        (decoding.LEAST_PROBABLE).
    closed: Tokens that other components gave an entity, which the model had to leave alone.
    """

    found: Tuple[TagSpan, ...]
    probabilities: Dict[TagSpan, float]
    closed: AbstractSet[int] = frozenset()


@dataclass(frozen=True)
class Doubt:
    """An annotated entity that looks wrong, or one that looks forgotten.

    kind (str): One of KINDS. span (TagSpan): What is annotated; of kind "missing" what is not.
    probability (float): Of that span, 0 where it is most improbable.
    against (float): Probability of the likeliest of what is found in its place; of no entity there, if nothing is
        found, or if one is missing.
    instead: What is found in its place, with probabilities; nothing for "extra" and "missing".
    """

    kind: str
    span: TagSpan
    probability: float
    against: float
    instead: Tuple[Tuple[TagSpan, float], ...] = ()

    @property
    def strength(self) -> float:
        """How far the model contradicts the annotation, -1 to 1."""
        difference = self.against - self.probability
        return -difference if self.kind == "missing" else difference


def find_doubts(
    annotated: Sequence[TagSpan],
    judgement: Judgement,
    *,
    unknown: AbstractSet[int] = frozenset(),
    low: float = LOW,
    high: float = HIGH,
) -> List[Doubt]:
    """The doubts about a doc, in the order of its tokens.

    unknown (AbstractSet[int]): Tokens without annotation; what is found there is not missing.
    low (float): An annotated entity is doubted if it is less probable, and not found.
    high (float): One that is not annotated is missed if it is at least so probable and touches no annotated one.
    """
    found = {span: judgement.probabilities.get(span, 0.0) for span in judgement.found}
    doubts = []
    for span in annotated:
        p = judgement.probabilities.get(span, 0.0)
        if p < low and span not in found and judgement.closed.isdisjoint(range(span.start, span.end)):
            rivals = {other: q for other, q in found.items() if overlap(other, span)}
            against = max(rivals.values()) if rivals else nothing_there(span, judgement.probabilities)
            doubts.append(Doubt(_kind(span, rivals), span, p, against, tuple(rivals.items())))
    settled = set(unknown).union(*(range(start, end) for start, end, _ in annotated))
    for span, p in found.items():
        if p >= high and settled.isdisjoint(range(span.start, span.end)):
            doubts.append(Doubt("missing", span, p, nothing_there(span, judgement.probabilities)))
    return sorted(doubts, key=lambda doubt: doubt.span)


def agreement(
    annotated: Sequence[TagSpan], judgement: Judgement, *, unknown: AbstractSet[int] = frozenset()
) -> PRF:
    """How far what is found is what is annotated. unknown: Tokens without annotation; what touches them does not count,
    nor do annotated entities that other components have taken."""
    apart = judgement.closed
    gold = tuple(span for span in annotated if apart.isdisjoint(range(span.start, span.end)))
    return score_entities([ScoredDoc((), gold, judgement.found, frozenset(unknown))]).micro


def nothing_there(span: TagSpan, probabilities: Dict[TagSpan, float]) -> float:
    """The probability that the token of a span which is most probably in an entity is in none: at least that of all of
    them being in none. Spans that are not listed count as impossible."""
    taken = np.zeros(span.end - span.start)
    for (start, end, _), p in probabilities.items():
        taken[max(start - span.start, 0) : max(end - span.start, 0)] += p
    return max(1.0 - float(taken.max()), 0.0)


def _kind(span: TagSpan, rivals: Iterable[TagSpan]) -> str:
    """What is wrong with a span if these, each of which overlaps it, are right."""
    mistakes = {mistake(span, other) for other in rivals}
    return next((kind for name, kind in OF_MISTAKES.items() if name in mistakes), "extra")


def doubted_tokens(annotated: Iterable[TagSpan], doubts: Sequence[Doubt]) -> Set[int]:
    """Tokens whose annotation is in doubt: those of doubted and missing entities and of what is found in their place,
    but for tokens of annotated entities that are not doubted."""
    doubted = {doubt.span for doubt in doubts}
    spans = doubted.union(span for doubt in doubts for span, _ in doubt.instead)
    tokens = {i for start, end, _ in spans for i in range(start, end)}
    standing = set(annotated) - doubted
    return tokens.difference(*(range(start, end) for start, end, _ in standing))
