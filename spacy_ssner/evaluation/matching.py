"""Entities that are right in part: the four schemes of nervaluate, kinds of mistakes, confusion of types."""

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Counter as CounterType
from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from ..labels import OUTSIDE, TagSpan
from .metrics import ScoredDoc, ratio

SCHEMES = ("strict", "exact", "partial", "ent_type")
MISTAKES = ("type", "boundary", "type and boundary", "missed", "spurious")
LEAST_OVERLAP = 0.01  # share of the gold entity that must be covered to count as touched at all

Pair = Tuple[Optional[TagSpan], Optional[TagSpan]]  # gold, predicted


@dataclass(frozen=True)
class MatchCounts:
    """Counts under one scheme, and the ratios of them, from 0 to 1. A partial match counts half."""

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    missed: int = 0
    spurious: int = 0

    @property
    def precision(self) -> float:
        actual = self.correct + self.incorrect + self.partial + self.spurious
        return ratio(self.correct + 0.5 * self.partial, actual)

    @property
    def recall(self) -> float:
        possible = self.correct + self.incorrect + self.partial + self.missed
        return ratio(self.correct + 0.5 * self.partial, possible)

    @property
    def f1(self) -> float:
        return ratio(2 * self.precision * self.recall, self.precision + self.recall)

    def to_dict(self) -> Dict[str, float]:
        ratios = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        counts = {"correct": self.correct, "incorrect": self.incorrect, "partial": self.partial}
        return {**ratios, **counts, "missed": self.missed, "spurious": self.spurious}


def match_entities(docs: Iterable[ScoredDoc]) -> Dict[str, MatchCounts]:
    """Count under each of SCHEMES.

    strict: span and type right. exact: span right, whatever the type. partial: as exact, and a span that only
    overlaps is a partial match. ent_type: type right and spans overlap. What overlaps otherwise is incorrect.

    SOURCE: nervaluate 1.2 (after SemEval 2013, task 9.1), with its least overlap of 1 %.
    """
    counts: CounterType[Tuple[str, str]] = Counter()
    for doc in docs:
        predicted = sorted(doc.counted)
        for scheme in SCHEMES:
            counts.update((scheme, kind) for kind in match_kinds(doc.gold, predicted, scheme=scheme))
    return {s: MatchCounts(**{kind: n for (name, kind), n in counts.items() if name == s}) for s in SCHEMES}


def match_kinds(gold: Sequence[TagSpan], predicted: Sequence[TagSpan], *, scheme: str) -> List[str]:
    """Fields of MatchCounts, one per prediction and one per gold entity that none of them took.

    gold: In order and without overlap. predicted: They choose in their order; each takes at most one gold entity.
    """
    taken: Set[int] = set()
    kinds = []
    for span in predicted:
        near = (i for i in _overlapping(gold, span) if i not in taken)
        touched = [i for i in near if _is_touched(gold[i], span)]
        right = [i for i in touched if _is_right(gold[i], span, scheme)]
        if not touched:
            kinds.append("spurious")
            continue
        taken.add(min(right, key=lambda i: _distance(gold[i], span)) if right else touched[0])
        kinds.append("correct" if right else "partial" if scheme == "partial" else "incorrect")
    return kinds + ["missed"] * (len(gold) - len(taken))


def pair_entities(gold: Sequence[TagSpan], predicted: Sequence[TagSpan]) -> List[Pair]:
    """Bring each gold entity together with at most one prediction and the other way round.

    First those with the same span, then those that overlap with the same type, then all others that overlap;
    within each round the closest boundaries first. None stands where there is no partner.

    gold: In order and without overlap. predicted: In any order; widened to gold tokens they may overlap.
    """
    rounds = (lambda g, p: g[:2] == p[:2], lambda g, p: g.label == p.label, lambda g, p: True)
    numbers = ((i, j) for j, p in enumerate(predicted) for i in _overlapping(gold, p))
    candidates = sorted((_distance(gold[i], predicted[j]), gold[i], predicted[j], i, j) for i, j in numbers)
    left, free = dict(enumerate(gold)), dict(enumerate(predicted))
    pairs: List[Pair] = []
    for fits in rounds:
        for _, g, p, i, j in candidates:
            if i in left and j in free and fits(g, p):
                pairs.append((left.pop(i), free.pop(j)))
    return [*pairs, *((g, None) for g in left.values()), *((None, p) for p in free.values())]


def mistake(gold: Optional[TagSpan], predicted: Optional[TagSpan]) -> Optional[str]:
    """Which of MISTAKES a pair is; None if it is right."""
    if gold is None or predicted is None:
        return "spurious" if gold is None else "missed"
    if gold[:2] == predicted[:2]:
        return None if gold.label == predicted.label else "type"
    return "boundary" if gold.label == predicted.label else "type and boundary"


def count_mistakes(docs: Iterable[ScoredDoc]) -> Tuple[Dict[str, int], Dict[str, Dict[str, int]]]:
    """Kinds of mistakes, and which types are taken for which.

    RETURNS: Count of each of MISTAKES; counts by gold type, then by predicted type, over all pairs, right
        ones included; "O" stands for a missed or spurious entity. The sum of a gold type's row is its support.
    """
    kinds: Dict[str, int] = dict.fromkeys(MISTAKES, 0)
    cells: CounterType[Tuple[str, str]] = Counter()
    for doc in docs:
        for gold, predicted in pair_entities(doc.gold, doc.counted):
            kind = mistake(gold, predicted)
            if kind is not None:
                kinds[kind] += 1
            cells[gold.label if gold else OUTSIDE, predicted.label if predicted else OUTSIDE] += 1
    confusion: Dict[str, Dict[str, int]] = {}
    for (row, column), count in sorted(cells.items()):
        confusion.setdefault(row, {})[column] = count
    return kinds, confusion


def _overlapping(spans: Sequence[TagSpan], other: TagSpan) -> range:
    """The numbers of the spans, in order and without overlap, that share something with another one."""
    first = bisect_right(spans, other.start, key=lambda span: span.end)
    return range(first, bisect_left(spans, other.end, lo=first, key=lambda span: span.start))


def overlap(a: TagSpan, b: TagSpan) -> int:
    """How many tokens or characters two spans share."""
    return max(0, min(a.end, b.end) - max(a.start, b.start))


def _distance(a: TagSpan, b: TagSpan) -> int:
    return abs(a.start - b.start) + abs(a.end - b.end)


def _is_touched(gold: TagSpan, predicted: TagSpan) -> bool:
    return overlap(gold, predicted) >= max(1, LEAST_OVERLAP * (gold.end - gold.start))


def _is_right(gold: TagSpan, predicted: TagSpan, scheme: str) -> bool:
    same_span = gold[:2] == predicted[:2]
    if scheme == "strict":
        return same_span and gold.label == predicted.label
    return gold.label == predicted.label if scheme == "ent_type" else same_span
