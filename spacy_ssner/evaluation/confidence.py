"""Predict once, keep the tag scores, and read the entities' probabilities at any temperature."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, Tuple, cast

import numpy as np

from ..annotations import taken_tokens, unreachable
from ..component import SSNER
from ..decoding import decode, n_best_spans
from ..errors import Errors
from ..labels import TagSpan
from ..types import ScoredSpan, TagScores
from .calibration import JudgedSpans
from .metrics import char_entities, in_gold_tokens, outcomes, scored_doc

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example

EVERY = 1_000_000  # more spans than a window has


@dataclass(frozen=True)
class Batch:
    """What the network made of some docs, the tokens that no entity of it may hold, and those of others."""

    scores: TagScores
    lengths: Tuple[int, ...]
    closed: np.ndarray
    taken: np.ndarray


class SpanConfidence:
    """Entities that a component predicts on annotated data, with scores that can be had at any temperature.

    The network runs once, when this is made; a temperature costs a forward-backward pass. The component's threshold
    does not count here. Entities of other components are closed to it as always, and are not judged; nor is gold that
    touches them.
    """

    def __init__(self, nlp: "Language", name: str, examples: Sequence["Example"]):
        """name (str): The component, see `component_name`. examples: As from `prediction.read_examples`.

        RAISES (ValueError): S110 if the component was not trained.
        """
        component = cast(SSNER, nlp.get_pipe(name))
        component.check_ready()
        self._labels = component.labels
        self._n_gold = sum(len(char_entities(eg.reference)) for eg in examples)
        self._batches: List[Batch] = []
        self._examples: List["Example"] = []
        for batch, found in run_network(nlp, name, examples):
            self._batches.append(batch)
            self._examples.extend(found)
            self._n_gold -= count_taken_gold(found, batch.taken)
        self._best_path = self._judge(self._read(1.0))

    def at(self, temperature: float, expected_f1: float = 0.0) -> JudgedSpans:
        """The entities that these settings of the component give, with their scores. Those of the best path
        (expected_f1 = 0) are the same at each temperature (> 0)."""
        docs = self._read(temperature, expected_f1)
        states = self._judge(docs) if expected_f1 else self._best_path
        scores = np.array([span.score for spans in docs for span in spans], dtype=np.float64)
        counted = np.array([state is not None for state in states], dtype=bool)
        right = np.array([state for state in states if state is not None], dtype=bool)
        return JudgedSpans(scores[counted], right, self._n_gold)

    def spans_at(self, temperature: float) -> Iterator[Tuple["Example", List[ScoredSpan], List[ScoredSpan]]]:
        """Each example that has tokens with the entities of the best path and all spans that are not most improbable
        (decoding.LEAST_PROBABLE), in tokens of its predicted doc."""
        examples = iter(self._examples)
        for batch, found in zip(self._batches, self._read_batches(temperature)):
            probable = n_best_spans(
                batch.scores,
                self._labels,
                batch.lengths,
                n=EVERY,
                closed=batch.closed,
                temperature=temperature,
            )
            for spans, candidates, example in zip(found, probable, examples):
                yield example, spans, candidates

    def _read(self, temperature: float, expected_f1: float = 0.0) -> List[List[ScoredSpan]]:
        """Entities of each doc."""
        return [spans for batch in self._read_batches(temperature, expected_f1) for spans in batch]

    def _read_batches(self, temperature: float, expected_f1: float = 0.0) -> Iterator[List[List[ScoredSpan]]]:
        """Entities of each doc of each batch."""
        for batch in self._batches:
            yield decode(
                batch.scores,
                self._labels,
                batch.lengths,
                closed=batch.closed,
                temperature=temperature,
                expected_f1=expected_f1,
            )

    def _judge(self, docs: Sequence[Sequence[ScoredSpan]]) -> List[Optional[bool]]:
        return [state for eg, spans in zip(self._examples, docs) for state in judge(eg, spans)]


def component_name(nlp: "Language", name: Optional[str] = None) -> str:
    """The component to calibrate: the given one, or the only one there is. RAISES (ValueError): S306."""
    found = [pipe_name for pipe_name, pipe in nlp.pipeline if isinstance(pipe, SSNER)]
    wanted = found if name is None else [pipe_name for pipe_name in found if pipe_name == name]
    if len(wanted) != 1:
        got = f"{len(wanted)} of them" if name is None else f"'{name}', which is none"
        raise ValueError(Errors.S306.format(got=got, names=", ".join(nlp.pipe_names) or "none"))
    return wanted[0]


def run_network(
    nlp: "Language", name: str, examples: Sequence["Example"]
) -> Iterator[Tuple[Batch, List["Example"]]]:
    """Tag scores of a component after all components before it, with the examples of each batch, in order."""
    from spacy.training import Example
    from spacy.util import minibatch

    component = cast(SSNER, nlp.get_pipe(name))
    after = nlp.pipe_names[nlp.pipe_names.index(name) :]
    # Copies, made one by one and let go: a transformer leaves its vectors on every doc.
    inputs = ((eg.predicted.copy(), i) for i, eg in enumerate(examples) if len(eg.predicted))
    with nlp.select_pipes(disable=after):
        for pairs in minibatch(nlp.pipe(inputs, as_tuples=True), nlp.batch_size):
            docs = [doc for doc, _ in pairs]
            scores = component.model.predict(docs)
            closed, others = unreachable(docs, component.cfg), taken_tokens(docs, component.cfg)
            batch = Batch(scores, tuple(len(doc) for doc in docs), closed, others)
            yield batch, [Example(doc, examples[i].reference) for doc, i in pairs]


def count_taken_gold(examples: Sequence["Example"], taken: np.ndarray) -> int:
    """How many gold entities touch a token that others have taken. taken: (N,) bool, of all docs together."""
    count, first = 0, 0
    for example in examples:
        tokens = [token for token in example.x if taken[first + token.i]]
        ends = [token.idx + len(token) for token in tokens]
        for start, end, _ in char_entities(example.y):
            i = bisect_right(ends, start)
            count += i < len(tokens) and tokens[i].idx < end
        first += len(example.x)
    return count


def judge(example: "Example", spans: Sequence[ScoredSpan]) -> List[Optional[bool]]:
    """Whether each predicted entity is right; None where it has no gold token, or one without annotation."""
    aligned = [in_gold_tokens(example, TagSpan(s.start, s.end, s.label)) for s in spans]
    predicted = tuple(span for span in aligned if span is not None)
    doc = replace(scored_doc(example), predicted=predicted)
    kinds = (kind for _, kind in outcomes(doc))  # those of the counted ones come first, in order
    return [None if span is None or doc.is_ignored(span) else next(kinds) == "tp" for span in aligned]
