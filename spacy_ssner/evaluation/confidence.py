"""Predict once, keep the tag scores, and read the entities' probabilities at any temperature."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, Tuple, cast

import numpy as np

from ..annotations import taken_tokens, unreachable
from ..component import SSNER
from ..decoding import decode
from ..errors import Errors
from ..labels import TagSpan
from ..types import ScoredSpan, TagScores
from .calibration import JudgedSpans
from .metrics import char_entities, in_gold_tokens, outcomes, scored_doc

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example


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
        self._batches: List[Batch] = []
        counted: List[bool] = []
        right: List[bool] = []
        self._n_gold = sum(len(char_entities(eg.reference)) for eg in examples)
        for batch, found in run_network(nlp, name, examples):
            self._batches.append(batch)
            self._n_gold -= count_taken_gold(found, batch.taken)
            for example, spans in zip(found, self._decode(batch, 1.0)):
                for state in judge(example, spans):
                    counted.append(state is not None)
                    right.extend([] if state is None else [state])
        self._counted, self._right = np.array(counted, dtype=bool), np.array(right, dtype=bool)

    def at(self, temperature: float) -> JudgedSpans:
        """The same entities each time, with their scores at this temperature (> 0)."""
        docs = (spans for batch in self._batches for spans in self._decode(batch, temperature))
        scores = np.array([span.score for spans in docs for span in spans], dtype=np.float64)
        return JudgedSpans(scores[self._counted], self._right, self._n_gold)

    def _decode(self, batch: Batch, temperature: float) -> List[List[ScoredSpan]]:
        return decode(batch.scores, self._labels, batch.lengths, closed=batch.closed, temperature=temperature)


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
