"""What the component reads from and writes to a Doc."""

from bisect import bisect_left
from typing import Any, Dict, Iterable, List, Optional, Sequence

import numpy as np
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from .labels import biluo_to_bio
from .types import DocPrediction, DocReport, ScoredSpan

WRITTEN_BY = "component"
REVIEW = "review"
REPORT = "ssner_report"


def annotate(doc: Doc, predicted: DocPrediction, cfg: Dict[str, Any]) -> None:
    """Write entities to `doc.ents` and, with their probabilities, to `doc.spans[spans_key]`; the report, and probable
    spans, where they are asked for, to `doc.spans[n_best_key]`. Earlier entities of ours that stay in `doc.ents`
    stay in `doc.spans[spans_key]`.

    cfg (Dict[str, Any]): Settings of the component. `overwrite_ents`: Replace what is there; otherwise entities and
        blocked tokens stay.
    """
    spans = [Span(doc, s.start, s.end, label=s.label) for s in predicted.entities]
    if cfg["overwrite_ents"]:
        doc.set_ents(spans, default="outside")
    else:
        blocked = [doc[i : i + 1] for i in blocked_tokens(doc)]
        doc.set_ents([*doc.ents, *spans], blocked=blocked, default="outside")
    with_scores = scores_wanted(cfg)
    entities = _with_earlier(doc, predicted.entities, cfg["spans_key"], with_scores=with_scores)
    doc.spans[cfg["spans_key"]] = _group(doc, entities, name=cfg["spans_key"], with_scores=with_scores)
    if predicted.n_best is not None:
        group = _group(doc, predicted.n_best, name=cfg["n_best_key"], with_scores=True)
        group.attrs[REVIEW] = True
        doc.spans[cfg["n_best_key"]] = group
    # Plain, so that docs can go to files and other processes.
    doc.user_data[REPORT] = dict(vars(predicted.report))


def scores_wanted(cfg: Dict[str, Any]) -> bool:
    """Whether the entities get probabilities: if the settings say so, or a threshold needs them."""
    return cfg["scores"] or cfg["threshold"] > 0


def _with_earlier(doc: Doc, found: List[ScoredSpan], key: str, *, with_scores: bool) -> List[ScoredSpan]:
    """Add what another `ssner`, or this one the last time, put into a span group and still is an entity.

    with_scores (bool): Only if that group has scores.
    """
    group = doc.spans[key] if key in doc.spans else ()
    if not group or group.attrs.get(WRITTEN_BY) != "ssner" or (with_scores and "scores" not in group.attrs):
        return found
    scores = np.asarray(group.attrs["scores"]).tolist() if with_scores else [None] * len(group)
    others = {(e.start, e.end, e.label_) for e in doc.ents} - {(s.start, s.end, s.label) for s in found}
    earlier = [
        ScoredSpan(span.start, span.end, span.label_, score)
        for span, score in zip(group, scores)
        if (span.start, span.end, span.label_) in others
    ]
    return sorted([*found, *earlier], key=lambda s: s.start)


def _group(doc: Doc, found: Sequence[ScoredSpan], *, name: str, with_scores: bool) -> SpanGroup:
    """A span group of ours."""
    spans = [Span(doc, s.start, s.end, label=s.label) for s in found]
    group = SpanGroup(doc, name=name, spans=spans)
    if with_scores:
        group.attrs["scores"] = np.array([s.score for s in found], dtype="float32")
    group.attrs[WRITTEN_BY] = "ssner"  # so that `ssner_score` finds it under any key, and no other group
    return group


def blocked_tokens(doc: Doc) -> List[int]:
    """Tokens that no entity may hold, as `doc.set_ents(blocked=...)` marks them."""
    iob, kind = doc.to_array("ENT_IOB"), doc.to_array("ENT_TYPE")
    return np.flatnonzero((iob == 3) & (kind == 0)).tolist()


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


def register_extensions() -> None:
    """`Span._.ssner_score`: the probability of an entity, None for a span that `ssner` neither predicted nor listed.
    `Doc._.ssner_report`: how much of a doc was read (types.DocReport), None if `ssner` did not see it."""
    if not Span.has_extension("ssner_score"):
        Span.set_extension("ssner_score", getter=span_score)
    if not Doc.has_extension(REPORT):
        Doc.set_extension(REPORT, getter=doc_report)


def span_score(span: Span) -> Optional[float]:
    """Look a span up in the span groups that `annotate` wrote to its doc, whatever their keys."""
    for group in span.doc.spans.values():
        scores = group.attrs.get("scores")
        if group.attrs.get(WRITTEN_BY) != "ssner" or scores is None:
            continue
        # Its spans are in the order of their starts: a long report has thousands of them.
        first = bisect_left(range(len(group)), span.start, key=lambda i: group[i].start)
        for i in range(first, len(group)):
            candidate = group[i]
            if candidate.start != span.start:
                break
            if (candidate.end, candidate.label) == (span.end, span.label):
                return float(scores[i])
    return None


def doc_report(doc: Doc) -> Optional[DocReport]:
    """What `annotate` wrote about a doc; of several components the last one counts."""
    values = doc.user_data.get(REPORT)
    return None if values is None else DocReport(**values)
