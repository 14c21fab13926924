"""What the component reads from and writes to a Doc."""

from bisect import bisect_left
from typing import Iterable, List, Optional, Sequence

import numpy as np
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from .labels import biluo_to_bio
from .types import ScoredSpan

WRITTEN_BY = "component"


def annotate(doc: Doc, predicted: Sequence[ScoredSpan], *, spans_key: str, overwrite_ents: bool) -> None:
    """Write entities to `doc.ents` and, with their probabilities, to `doc.spans[spans_key]`.

    overwrite_ents (bool): Replace what is there; otherwise entities and blocked tokens stay.
    """
    spans = [Span(doc, s.start, s.end, label=s.label) for s in predicted]
    group = SpanGroup(doc, name=spans_key, spans=spans)
    group.attrs["scores"] = np.array([s.score for s in predicted], dtype="float32")
    group.attrs[WRITTEN_BY] = "ssner"  # so that `ssner_score` finds it under any key, and no other group
    doc.spans[spans_key] = group
    if overwrite_ents:
        doc.set_ents(spans, default="outside")
    else:
        blocked = [doc[t.i : t.i + 1] for t in doc if t.ent_iob == 3 and not t.ent_type]
        doc.set_ents([*doc.ents, *spans], blocked=blocked, default="outside")


def closed_tokens(docs: Sequence[Doc]) -> np.ndarray:
    """Tokens that other components gave an entity or blocked: (N,) bool."""
    parts = []
    for doc in docs:
        iob, kind = doc.to_array("ENT_IOB"), doc.to_array("ENT_TYPE")
        parts.append((iob == 1) | (iob == 3) | (kind != 0))
    return np.concatenate(parts)


def gold_tags(examples: Iterable[Example]) -> List[Optional[str]]:
    """BIO tag of each token of the predicted docs; None where it is not annotated or misaligned."""
    return [tag for example in examples for tag in biluo_to_bio(example.get_aligned_ner())]


def register_score_extension() -> None:
    """`Span._.ssner_score`: the probability of an entity, None for a span that `ssner` did not predict."""
    if not Span.has_extension("ssner_score"):
        Span.set_extension("ssner_score", getter=span_score)


def span_score(span: Span) -> Optional[float]:
    """Look a span up in the span groups that `annotate` wrote to its doc, whatever their keys."""
    for group in span.doc.spans.values():
        if group.attrs.get(WRITTEN_BY) != "ssner":
            continue
        # Its spans are in order and do not overlap: a long report has thousands of them.
        i = bisect_left(range(len(group)), span.start, key=lambda i: group[i].start)
        if i < len(group):
            candidate = group[i]
            if (candidate.start, candidate.end, candidate.label) == (span.start, span.end, span.label):
                return float(group.attrs["scores"][i])
    return None
