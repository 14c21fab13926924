"""What the component reads from and writes to a Doc."""

from bisect import bisect_left
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple, Union, cast

import numpy as np
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from .labels import biluo_to_bio
from .types import DocPrediction, DocReport, ScoredSpan

WRITTEN_BY = "component"
REVIEW = "review"
REPORT = "ssner_report"
SCORE = "ssner_score"
# Keys of user_data where spaCy keeps values of extensions: (EXTENSION, name, start, end) in characters, of docs None.
EXTENSION = "._."
REPORT_KEY = (EXTENSION, REPORT, None, None)
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
    # plain, so that docs can go to files and other processes
    _user_data(doc)[REPORT_KEY] = dict(predicted.report)


def scores_wanted(cfg: Dict[str, Any]) -> bool:
    """Whether the entities get probabilities: if the settings say so, or a threshold needs them."""
    return cfg["scores"] or cfg["threshold"] > 0


def _write_scores(doc: Doc, found: Iterable[ScoredSpan]) -> None:
    """Put scores where spaCy keeps values of span extensions, by characters: so they go with a doc that is joined with
    others, cut or retokenized, and to other processes."""
    for scored in found:
        if scored.score is not None:
            span = Span(doc, scored.start, scored.end, label=scored.label)
            set_span_score(span, np.float32(scored.score))  # as in the span groups


def _write_group(
    doc: Doc, found: Sequence[ScoredSpan], key: str, *, with_scores: bool, review: bool = False
) -> None:
    """Write a span group of ours. with_scores (bool): Even where no span has any."""
    spans = [Span(doc, s.start, s.end, label=s.label) for s in found]
    again = {_place(span) for span in spans}
    known = _earlier_places(doc, key)
    standing = known.values() if review else doc.ents
    # Not those whose tokens are no longer theirs.
    earlier = [span for span in standing if _place(span) in known]
    spans = sorted([*spans, *(s for s in earlier if _place(s) not in again)], key=lambda s: s.start)
    group = SpanGroup(doc, name=key, spans=spans)
    scores = [span_score(span) for span in spans]
    if with_scores or any(score is not None for score in scores):
        group.attrs["scores"] = np.array([np.nan if x is None else x for x in scores], dtype="float32")
    group.attrs[WRITTEN_BY] = "ssner"
    if review:
        group.attrs[REVIEW] = True
    doc.spans[key] = group


def _earlier_places(doc: Doc, key: str) -> Dict[Tuple[int, int, str], Span]:
    """Spans of a group of ours by their places when it was written: spaCy leaves their tokens as they were when others
    merge or split tokens. Of a group without attributes, which spaCy drops where docs are joined or go to JSON, the
    spans that have a score are ours."""
    group = doc.spans[key] if key in doc.spans else None
    is_ours = group is not None and group.attrs.get(WRITTEN_BY) == "ssner"
    if group is None or (group.attrs and not is_ours):
        return {}
    found = {}
    for i in range(len(group)):
        try:
            span = group[i]
        except IndexError:  # behind the last token, after a merge
            continue
        if is_ours or span_score(span) is not None:
            found[_place(span)] = Span(doc, span.start, span.end, label=span.label_)
    return found


def _place(span: Span) -> Tuple[int, int, str]:
    return span.start_char, span.end_char, span.label_


def _forget(doc: Doc, *keys: str) -> None:
    """Delete span groups of ours and all scores."""
    for key in keys:
        if key in doc.spans and doc.spans[key].attrs.get(WRITTEN_BY) == "ssner":
            del doc.spans[key]
    for stored in [stored for stored in _user_data(doc) if _is_score_key(stored)]:
        del _user_data(doc)[stored]


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


def register_extensions() -> None:
    """`Span._.ssner_score`: the probability of an entity, None for a span that `ssner` neither predicted nor listed.
    `Doc._.ssner_report`: how much of a doc was read (types.DocReport), None if `ssner` did not see it."""
    if not Span.has_extension(SCORE):
        Span.set_extension(SCORE, getter=span_score, setter=set_span_score)
    if not Doc.has_extension(REPORT):
        Doc.set_extension(REPORT, getter=doc_report, setter=set_doc_report)


def span_score(span: Span) -> Optional[float]:
    """The probability that `annotate` gave a span of these characters and this label.

    A doc that came without its user data (a DocBin leaves it out by default) still has that of its span groups.
    """
    scores = _user_data(span.doc).get(extension_key(span, SCORE))
    return _score_in_groups(span) if scores is None else scores.get(span.label_)


def set_span_score(span: Span, score: Union[None, float, Mapping[str, float]]) -> None:
    """Put the score of a span in place, None for none; or those of its characters by label, as `Doc.from_json` does
    with `doc.to_json(underscore=["ssner_score"])`."""
    scores = _user_data(span.doc).setdefault(extension_key(span, SCORE), {})
    own = score if isinstance(score, Mapping) else {span.label_: None if score is None else float(score)}
    scores.update(own)


def _score_in_groups(span: Span) -> Optional[float]:
    """Compares characters: spaCy leaves the tokens of span groups as they were when others merge or split them."""
    for group in span.doc.spans.values():
        scores = group.attrs.get("scores")
        if group.attrs.get(WRITTEN_BY) != "ssner" or scores is None:
            continue
        try:
            # Its spans are in the order of their starts: a long report has thousands of them.
            first = bisect_left(range(len(group)), span.start_char, key=lambda i: group[i].start_char)
            for i in range(first, len(group)):
                other = group[i]
                if other.start_char != span.start_char:
                    break
                if (other.end_char, other.label_) == (span.end_char, span.label_) and not np.isnan(scores[i]):
                    return float(scores[i])
        except IndexError:  # a span behind the last token, after a merge
            continue
    return None


def _user_data(doc: Doc) -> Dict[Any, Any]:
    return cast(Dict[Any, Any], doc.user_data)  # spaCy's types know string keys only


def _is_score_key(key: Any) -> bool:
    return isinstance(key, tuple) and key[:2] == (EXTENSION, SCORE)


def extension_key(span: Span, name: str) -> Tuple[str, str, int, int]:
    """Where spaCy keeps the value of a span extension: its key in `doc.user_data`."""
    return EXTENSION, name, span.start_char, span.end_char


def doc_report(doc: Doc) -> Optional[DocReport]:
    """What `annotate` wrote about a doc. Of several `ssner` in a pipeline, the last one's report stays: each knows only
    what it read itself, and `on_truncation` of each goes by its own."""
    values = _user_data(doc).get(REPORT_KEY)
    return None if values is None else DocReport(**values)


def set_doc_report(doc: Doc, report: Optional[Mapping[str, Optional[int]]]) -> None:
    """Put a report in place, also one that comes back as a plain dict: `Doc.from_json` sets it so."""
    _user_data(doc)[REPORT_KEY] = None if report is None else dict(DocReport(**report))  # type: ignore[arg-type]
