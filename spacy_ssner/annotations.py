"""What the component reads from and writes to a Doc."""

from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from .extensions import (
    WRITTEN_BY,
    Place,
    forget_scores,
    place_of,
    set_doc_report,
    set_span_score,
    span_score,
    spans_by_place,
)
from .labels import biluo_to_bio
from .types import DocPrediction, ScoredSpan

REVIEW = "review"
# Tokens between the cells of a table, as spaCy's hashes.
BARS = frozenset(get_string_id(bar) for bar in ("|", "||", "¦", "│", "┃", "║"))


def annotate(doc: Doc, predicted: DocPrediction, cfg: Dict[str, Any]) -> None:
    """Write entities to `doc.ents` and, with their probabilities, to `doc.spans[spans_key]`; the report, and probable
    spans, where they are asked for, to `doc.spans[n_best_key]`. What another `ssner`, or this one the last time, found
    and what still stands stays in these groups, with its scores.

    cfg (Dict[str, Any]): Settings of the component. `overwrite_ents`: Replace what is there; otherwise entities and
        blocked tokens stay.
    """
    spans = [Span(doc, s.start, s.end, label=s.label) for s in predicted.entities]
    if cfg["overwrite_ents"]:
        doc.set_ents(spans, default="outside")
        _forget(doc, cfg["spans_key"], cfg["n_best_key"])
    else:
        blocked = [doc[i : i + 1] for i in blocked_tokens(doc)]
        doc.set_ents([*doc.ents, *spans], blocked=blocked, default="outside")
    _write_scores(doc, [*(predicted.n_best or ()), *predicted.entities])
    _write_group(doc, predicted.entities, cfg["spans_key"], with_scores=scores_wanted(cfg))
    if predicted.n_best is not None:
        _write_group(doc, predicted.n_best, cfg["n_best_key"], with_scores=True, review=True)
    set_doc_report(doc, predicted.report)


def scores_wanted(cfg: Dict[str, Any]) -> bool:
    """Whether the entities get probabilities: if the settings say so, or a threshold needs them."""
    return cfg["scores"] or cfg["threshold"] > 0


def _write_scores(doc: Doc, found: Iterable[ScoredSpan]) -> None:
    """Put scores where spaCy keeps values of span extensions, by characters: so they go with a doc that is joined with
    others, cut or retokenized, and to other processes."""
    for scored in found:
        if scored.score is not None:
            span = Span(doc, scored.start, scored.end, label=scored.label)
            set_span_score(span, float(np.float32(scored.score)))  # as in the span groups


def _write_group(
    doc: Doc, found: Sequence[ScoredSpan], key: str, *, with_scores: bool, review: bool = False
) -> None:
    """Write a span group of ours. with_scores (bool): Even where no span has any."""
    spans = [Span(doc, s.start, s.end, label=s.label) for s in found]
    again = {place_of(span) for span in spans}
    known = _earlier_places(doc, key)
    standing = known.values() if review else doc.ents
    # Not those whose tokens are no longer theirs.
    earlier = [span for span in standing if place_of(span) in known]
    spans = sorted([*spans, *(s for s in earlier if place_of(s) not in again)], key=lambda s: s.start)
    group = SpanGroup(doc, name=key, spans=spans)
    scores = [span_score(span) for span in spans]
    if with_scores or any(score is not None for score in scores):
        group.attrs["scores"] = np.array([np.nan if x is None else x for x in scores], dtype="float32")
    group.attrs[WRITTEN_BY] = "ssner"
    if review:
        group.attrs[REVIEW] = True
    doc.spans[key] = group


def _earlier_places(doc: Doc, key: str) -> Dict[Place, Span]:
    """Spans of a group of ours by their places when it was written. Of a group without attributes, which spaCy drops
    where docs are joined or go to JSON, the spans that have a score are ours."""
    group = doc.spans[key] if key in doc.spans else None
    is_ours = group is not None and group.attrs.get(WRITTEN_BY) == "ssner"
    if group is None or (group.attrs and not is_ours):
        return {}
    return {
        place: Span(doc, span.start, span.end, label=span.label_)
        for place, span in spans_by_place(group).items()
        if is_ours or span_score(span) is not None
    }


def _forget(doc: Doc, *keys: str) -> None:
    """Delete span groups of ours and all scores."""
    for key in keys:
        if key in doc.spans and doc.spans[key].attrs.get(WRITTEN_BY) == "ssner":
            del doc.spans[key]
    forget_scores(doc)


def blocked_tokens(doc: Doc) -> List[int]:
    """Tokens that no entity may hold, as `doc.set_ents(blocked=...)` marks them."""
    iob, kind = doc.to_array("ENT_IOB"), doc.to_array("ENT_TYPE")
    return np.flatnonzero((iob == 3) & (kind == 0)).tolist()


def closed_tokens(docs: Sequence[Doc]) -> np.ndarray:
    """Tokens that other components gave an entity or blocked: (N,) bool."""
    parts = [np.zeros(0, dtype=bool)]  # of no docs
    for doc in docs:
        iob, kind = doc.to_array("ENT_IOB"), doc.to_array("ENT_TYPE")
        parts.append((iob == 1) | (iob == 3) | (kind != 0))
    return np.concatenate(parts)


def unreachable(docs: Sequence[Doc], cfg: Dict[str, Any]) -> np.ndarray:
    """Tokens that hold no entity of the component, by its settings: (N,) bool.

    Those of `taken_tokens`; bars between cells of a table, if no entity that it was trained on holds one
    (`bars_in_entities`; a component that was saved without it does not know).
    """
    closed = taken_tokens(docs, cfg)
    if docs and not cfg.get("bars_in_entities", True):
        closed |= np.isin(
            np.concatenate([doc.to_array("ORTH") for doc in docs]), np.array([*BARS], dtype=np.uint64)
        )
    return closed


def taken_tokens(docs: Sequence[Doc], cfg: Dict[str, Any]) -> np.ndarray:
    """Tokens that the component leaves to others: those of `closed_tokens`, unless `overwrite_ents`. (N,) bool."""
    return np.zeros(sum(map(len, docs)), dtype=bool) if cfg["overwrite_ents"] else closed_tokens(docs)


def entity_types(examples: Iterable[Example]) -> Tuple[Set[str], bool]:
    """Types of the annotated entities, and whether any of these holds a bar between cells of a table."""
    types, bars = set(), False
    for example in examples:
        for ent in example.reference.ents:
            types.add(ent.label_)
            bars = bars or any(token.orth in BARS for token in ent)
    return types - {""}, bars


def add_entities(doc: Doc, spans: List[Span], *, overwrite: bool) -> None:
    """Add spans to `doc.ents`. Where an entity or a blocked token is in the way, the old one stays.

    overwrite (bool): The new one replaces it.
    """
    old, blocked = list(doc.ents), blocked_tokens(doc)
    if overwrite:
        new = {i for span in spans for i in range(span.start, span.end)}
        old = [ent for ent in old if new.isdisjoint(range(ent.start, ent.end))]
        blocked = [i for i in blocked if i not in new]
    else:
        closed = closed_tokens([doc])
        spans = [span for span in spans if not closed[span.start : span.end].any()]
    doc.set_ents([*old, *spans], blocked=[doc[i : i + 1] for i in blocked], default="outside")


def gold_tags(examples: Iterable[Example]) -> List[Optional[str]]:
    """BIO tag of each token of the predicted docs; None where it is not annotated or misaligned."""
    return [tag for example in examples for tag in biluo_to_bio(example.get_aligned_ner())]
