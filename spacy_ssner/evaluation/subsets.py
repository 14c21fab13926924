"""Subsets of the entities: by length, by what the training data holds of them, by their sentence."""

from collections import defaultdict
from dataclasses import dataclass
from typing import AbstractSet, Dict, FrozenSet, Iterable, Optional, Sequence, Set, Tuple

from ..corpus.sentence import normal_form
from ..labels import TagSpan
from .metrics import ScoredDoc, SpanTest

Mention = Tuple[str, str]  # surface, label
LONGEST = 5  # tokens; longer entities count as this
# Name of each subset in files -> for people. The last four need the training data.
SUBSETS = {
    **{f"length_{n}": f"{n} token{'s' * (n > 1)}" for n in range(1, LONGEST)},
    f"length_{LONGEST}+": f"{LONGEST} tokens or more",
    "multi_token": "several tokens",
    "seen_in_train": "seen in train",
    "unseen_in_train": "unseen in train",
    "polysemous": "several types in train",
    "sentence_not_in_train": "sentence not in train",
}


@dataclass(frozen=True)
class TrainIndex:
    """What a training set holds.

    mentions (FrozenSet[Mention]): Surface and type of each entity.
    polysemous (FrozenSet[str]): Surfaces with two or more types.
    sentences (FrozenSet[str]): Sentences, as `normal_form` gives them.
    """

    mentions: FrozenSet[Mention]
    polysemous: FrozenSet[str]
    sentences: FrozenSet[str]


def surface(words: Sequence[str], span: TagSpan) -> str:
    """What an entity looks like: its tokens in lower case with one space between."""
    return " ".join(words[span.start : span.end]).lower()


def mention(words: Sequence[str], span: TagSpan) -> Mention:
    """Surface and type of an entity."""
    return surface(words, span), span.label


def mentions(docs: Iterable[Tuple[Sequence[str], Iterable[TagSpan]]]) -> FrozenSet[Mention]:
    """All mentions of annotated texts given as (words, entities)."""
    return frozenset(mention(words, span) for words, spans in docs for span in spans)


def polysemous_surfaces(found: AbstractSet[Mention]) -> FrozenSet[str]:
    """Surfaces that occur with two or more types."""
    labels: Dict[str, Set[str]] = defaultdict(set)
    for text, label in found:
        labels[text].add(label)
    return frozenset(text for text, types in labels.items() if len(types) > 1)


def subset_tests(train: Optional[TrainIndex] = None) -> Dict[str, SpanTest]:
    """A test for each of SUBSETS; without `train` only for those that need no training data.

    The test applies to gold and predictions alike, so a wrong prediction counts in the subset that it would
    belong to itself.
    """
    tests: Dict[str, SpanTest] = {f"length_{n}": _has_length(n) for n in range(1, LONGEST)}
    tests[f"length_{LONGEST}+"] = _has_length(LONGEST)
    tests["multi_token"] = lambda doc, span: _length(doc, span) > 1
    if train is None:
        return tests

    def is_new_sentence(doc: ScoredDoc, span: TagSpan) -> bool:
        return normal_form(doc.sentence(doc.sentence_of(span))) not in train.sentences

    tests["seen_in_train"] = lambda doc, span: mention(doc.words, doc.in_tokens(span)) in train.mentions
    tests["unseen_in_train"] = lambda doc, span: mention(doc.words, doc.in_tokens(span)) not in train.mentions
    tests["polysemous"] = lambda doc, span: surface(doc.words, doc.in_tokens(span)) in train.polysemous
    tests["sentence_not_in_train"] = is_new_sentence
    return tests


def _length(doc: ScoredDoc, span: TagSpan) -> int:
    """Gold tokens that an entity touches, at least 1."""
    start, end, _ = doc.in_tokens(span)
    return max(1, end - start)


def _has_length(n: int) -> SpanTest:
    return lambda doc, span: min(_length(doc, span), LONGEST) == n
